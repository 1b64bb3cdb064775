// What a configuration may say but probably does not mean. Nothing here keeps it from being applied.
#pragma once

#include <vector>

#include "config/problem.h"
#include "model/organisation.h"

namespace tocsin {

// Requires an organisation that Check (config/check.h) has found valid. Paths as there; no positions.
std::vector<Problem> Warnings(const Organisation& organisation);

// Integrations whose keys are those of deploy/sample, which everybody can read.
std::vector<IntegrationId> WithSampleKeys(const Organisation& organisation);

}  // namespace tocsin
