// Who is on call before and after: what the source said of a schedule, held against what the imported one answers. Exact: every
// stretch that differs is found, however short; hours are counted because people count them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "escalation/roster.h"
#include "import/import.h"

namespace tocsin::import {

struct Difference {
  absl::Time start;
  absl::Time end;
  std::vector<UserId> before;  // as the source says
  std::vector<UserId> after;
};

struct Comparison {
  ScheduleId schedule;
  std::string said_by;
  absl::Time since;
  absl::Time until;
  std::int64_t hours = 0;
  std::int64_t agreeing = 0;            // hours in which nothing differs
  std::vector<Difference> differences;  // ascending, apart; neighbours of which nothing changes are one
};

// Within [since, until) as far as the rendering reaches; no hours where they do not meet. Errors as Roster::FinalSchedule.
absl::StatusOr<Comparison> Compare(const Roster& roster,
                                   const Rendering& rendering,
                                   absl::Time since,
                                   absl::Time until);

}  // namespace tocsin::import
