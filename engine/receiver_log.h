// Whether a notify-only route's receiver is told now: Alertmanager's table over its notification log (specs:
// wire-compat 1.9), evaluated at each flush of the group. Pure.
#pragma once

#include <string>

#include "base/clock.h"
#include "model/response.h"

namespace tocsin {

enum class TellReason : std::uint8_t {
  kNothingNew,
  kFirst,
  kNewAlerts,
  kSomeResolved,
  kRepeat
};

// First match wins, as in Alertmanager:
//   never told                               anything firing? kFirst
//   an alert fires that was not told         kNewAlerts
//   send_resolved and an alert has resolved  kSomeResolved
//   told longer than repeat_interval ago     kRepeat
// The group's counts are the present ones. That the whole group has resolved is told when it resolves, not here.
TellReason WhyTell(const Group& group, bool send_resolved, EngineTime now);

// "3 new alerts"; empty for kNothingNew.
std::string Describe(TellReason reason, const Group& group);

}  // namespace tocsin
