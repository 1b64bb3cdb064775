// A group is handed on anew, on purpose: open groups keep the route and the policy that they began with, so what a new
// configuration says reaches them only when somebody asks for it.
#pragma once

#include "absl/status/status.h"

#include "engine/responder_turn.h"

namespace tocsin {

// The present version of its route, and its policy from the first step; or another policy, when one is named. Pages that
// the policy before has begun end. What is acknowledged stays so: the new policy is for when that ends.
absl::Status RerouteGroupBy(Turn& turn, const RerouteGroup& command);

}  // namespace tocsin
