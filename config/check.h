// Whether an organisation makes sense as a whole: every reference leads somewhere, every route reaches a person, no two things
// have the same name, nothing contradicts itself. Says everything that is wrong, not only the first.
//
// What a schedule's numbers mean (rotations, windows, nesting) is for escalation's Roster::Problems; who applies an
// organisation asks both.
#pragma once

#include <vector>

#include "config/problem.h"
#include "model/organisation.h"

namespace tocsin {

// Problems with a path and no position. Load (config/load.h) does this, and adds the positions.
std::vector<Problem> Check(const Organisation& organisation);

}  // namespace tocsin
