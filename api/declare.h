// What an organisation must satisfy beyond its own text before it is applied: what neither `config` nor any other room can know
// alone. One list for the API and for --config.
#pragma once

#include <string>
#include <vector>

#include "config/problem.h"
#include "model/organisation.h"
#include "notify/peer_rules.h"

namespace tocsin {

// Schedules that cannot be evaluated, integrations whose source nobody reads. Each starts with the object's path.
std::vector<std::string> ProblemsBeyondText(const Organisation& organisation);

// What is suspicious about it in this server: webhooks to addresses that it will not connect to.
std::vector<Problem> WarningsBeyondText(const Organisation& organisation, const PeerRules& webhook_peers);

// Schedules that a policy goes by and that have nobody on call somewhere in the 52 weeks after `now`, changes of the clocks
// included: the exact gap, and why.
std::vector<Problem> GapWarnings(const Organisation& organisation, absl::Time now);

}  // namespace tocsin
