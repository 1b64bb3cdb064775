// What an organisation must satisfy beyond its own text before it is applied: what neither `config` nor any other room can know
// alone. One list for the API and for --config.
#pragma once

#include <string>
#include <vector>

#include "model/organisation.h"

namespace tocsin {

// Schedules that cannot be evaluated, integrations whose source nobody reads. Each starts with the object's path.
std::vector<std::string> ProblemsBeyondText(const Organisation& organisation);

}  // namespace tocsin
