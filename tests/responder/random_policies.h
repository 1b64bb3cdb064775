// Policies with everything that they may ask for, at random, for the sample organisation of tests/responder/world.h.
#pragma once

#include "base/random.h"
#include "model/organisation.h"

namespace tocsin {

// Other steps for the policy, other schedules behind them, hours for rules and a service.
void VaryPolicies(Random& random, Organisation& organisation);

}  // namespace tocsin
