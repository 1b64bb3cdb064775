// Whether a notify-only route's receiver is told now: Alertmanager's table over its notification log (specs:
// wire-compat 1.9), evaluated at each flush of the group. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/response.h"

namespace tocsin {

enum class TellReason : std::uint8_t {
  kNothingNew,
  kFirst,
  kNewAlerts,
  kSomeResolved,
  kRepeat,
  kAllResolved
};

// First match wins, as in Alertmanager:
//   never told                               anything firing? kFirst
//   an alert fires that was not told         kNewAlerts
//   send_resolved and an alert has resolved  kSomeResolved
//   told longer than repeat_interval ago     kRepeat
// The group's counts are the present ones. That the whole group has resolved is told when it resolves, not here.
TellReason WhyTell(const Group& group, bool send_resolved, EngineTime now);

// Alerts by their fingerprints, sorted.
struct Standing {
  std::vector<std::uint64_t> firing;
  std::vector<std::uint64_t> resolved;
  friend bool operator==(const Standing&, const Standing&) = default;
};
// The same for a receiver that is told by flushes (engine/responder_receivers.h): by which alerts it knows, and not by how
// many there have been, so that one that has come and gone between two flushes is no news.
//   never told                                      anything firing? kFirst
//   an alert fires that is not known to fire        kNewAlerts
//   nothing fires                                   something was known to? kAllResolved
//   send_resolved, and an alert has resolved that is not known to have    kSomeResolved
//   told longer than repeat_interval ago            kRepeat
TellReason WhyTell(const Standing* known,
                   const Standing& standing,
                   bool send_resolved,
                   absl::Duration since_told,
                   absl::Duration repeat_interval);

// "3 new alerts"; empty for kNothingNew.
std::string Describe(TellReason reason, const Group& group);

}  // namespace tocsin
