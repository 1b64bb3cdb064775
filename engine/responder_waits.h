// What a step of an escalation waits for besides its time: its hours, more alerts, the next shift.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/responder_turn.h"

namespace tocsin {

// The groups that an escalation is about, with those that are merged into them.
std::vector<GroupKey> KeysOf(const Turn& turn, const Escalation& row);

// The first change of people in the schedules of a step; infinite when there is none ahead.
absl::Time NextHandoff(const Turn& turn, const PolicyStep& step);

// What keeps the next step from being executed now, besides its time.
struct StepWait {
  enum class Kind : std::uint8_t {
    kSkip,   // it is not of use now: the next one, at once
    kHours,  // until `until`
    kRate,   // until more alerts come
  };
  Kind kind = Kind::kSkip;
  absl::Time until;
  std::string why;
};
// `shift_came`: the handoff that a step of low urgency waits for is here.
std::optional<StepWait> WaitOf(const Turn& turn, const Escalation& row, bool shift_came);
// Whether so many alerts have begun to fire lately as its next step asks for.
bool MeetsRate(const Turn& turn, const Escalation& row);

}  // namespace tocsin
