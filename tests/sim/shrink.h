// A failing plan made small: lines are taken away (delta debugging), then numbers halved and settings made plain, for as long as
// what is left violates the same invariant.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tests/sim/plan.h"

namespace tocsin::sim {

// "I4" of "I4: ...".
std::string InvariantOf(std::string_view violation);

// `fails` says whether a plan still fails in the same way. It is asked at most `tries` times.
Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int tries);
// By playing it.
Plan ShrinkViolation(const Plan& plan, std::string_view violation, int tries);

}  // namespace tocsin::sim
