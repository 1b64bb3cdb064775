// Which schedule holds which, and whether that ends. Part of escalation/schedule_check.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/organisation.h"

namespace tocsin {

struct NestingProblem {
  std::size_t schedule = 0;  // position in Organisation::schedules
  std::string text;
};

// Cycles (each once, at its first schedule), nesting beyond limits::kScheduleNesting, and schedules whose answer would
// take more than limits::kScheduleVisits visits. Linear in the size of the organisation; unknown references are
// ignored.
std::vector<NestingProblem> FindNestingProblems(const Organisation& organisation);

}  // namespace tocsin
