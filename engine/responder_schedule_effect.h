// What a change of a schedule does to who is on call, seen before it is made.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "escalation/schedule_effect.h"

namespace tocsin {

// Whether who is on call may be others by it. `before`: nullptr for a new one.
bool MovesPeople(const ScheduleChange* before, const ScheduleChange& after);
// The stretch of time, from `now` on, in which a change, made as `row` and as it was before, may matter; 400 days at most.
struct ChangedStretch {
  absl::Time from;
  absl::Time until;
};
ChangedStretch StretchOf(const ResponderState& state, const ScheduleChange& row, absl::Time now);
// The roster as it is once `row` holds.
absl::StatusOr<Roster> RosterWith(const ResponderState& state, const ScheduleChange& row);
// Where nobody is on call any more in [stretch) by `after`, one line for each schedule that warns of it: of `schedule` and those
// that go by it.
std::vector<std::string> GapWarnings(const Roster& before,
                                     const Roster& after,
                                     const ScheduleId& schedule,
                                     const ChangedStretch& stretch);
// On the people of its schedule; what cannot be worked out is none.
ScheduleEffect EffectOf(const Turn& turn, const ScheduleChange& row);
// Schedules that refuse gaps refuse whatever would open one.
absl::Status CheckGaps(const ResponderState& state, const Roster& roster, const ScheduleChange& row, absl::Time now);

}  // namespace tocsin
