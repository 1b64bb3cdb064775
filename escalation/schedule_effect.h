// What a change does to who is on call: the same schedule by two rosters, before and after. Pure.
#pragma once

#include <map>
#include <vector>

#include "absl/status/statusor.h"

#include "escalation/roster.h"

namespace tocsin {

// Somebody is on call, or is not any more, in [start, end).
struct Stint {
  absl::Time start;
  absl::Time end;
  friend bool operator==(const Stint&, const Stint&) = default;
};

struct ScheduleEffect {
  // Ascending; neighbours that touch are one.
  std::map<UserId, std::vector<Stint>> put_on;
  std::map<UserId, std::vector<Stint>> taken_off;
  // Nobody is on call any more where somebody was.
  std::vector<Stint> gaps_opened;
};

// Within [since, until). Errors as Roster::FinalSchedule.
absl::StatusOr<ScheduleEffect> EffectOf(
    const Roster& before, const Roster& after, const ScheduleId& schedule, absl::Time since, absl::Time until);

}  // namespace tocsin
