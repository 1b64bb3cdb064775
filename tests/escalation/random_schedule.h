// Random organisations whose schedules use everything that the model can say, crowded around one instant.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "base/random.h"
#include "model/organisation.h"

namespace tocsin {

// Every zone of the system's database, sorted. Empty where there is no database.
std::vector<std::string> AllZones();

// Three schedules, "outer" holding "middle" holding "inner" here and there, in `zone` and others of `zones`. Rotations
// start up to two years before or some days after `around`; overrides and temporary schedules lie within days of it.
Organisation RandomOrganisation(Random& random,
                                const std::string& zone,
                                const std::vector<std::string>& zones,
                                absl::Time around);

}  // namespace tocsin
