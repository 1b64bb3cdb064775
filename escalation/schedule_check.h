// What is wrong with an organisation's schedules: everything at once, for the person who wrote them.
#pragma once

#include <string>
#include <vector>

#include "model/organisation.h"

namespace tocsin {

// One line per problem, in the order of the organisation, each beginning with the object's path:
//   schedule "db": layer "weekly": time zone "Mars/Olympus" is unknown
//   schedule "db": nests itself: "db" -> "payments" -> "db"
// Empty: the schedules can be compiled.
std::vector<std::string> FindScheduleProblems(const Organisation& organisation);

}  // namespace tocsin
