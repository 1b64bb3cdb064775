// What an organisation must satisfy beyond its own text before it is applied: what neither `config` nor any other room can know
// alone. One list for the API and for --config.
#pragma once

#include <string>
#include <vector>

#include "config/problem.h"
#include "escalation/roster.h"
#include "model/organisation.h"
#include "notify/peer_rules.h"

namespace tocsin {

// Integrations whose source nobody reads, and what of theirs would be ignored in silence. Asks nothing of the rest of the organisation.
std::vector<Problem> ProblemsOfSources(const Organisation& organisation);

// Schedules that cannot be evaluated, integrations whose source nobody reads. Each starts with the object's path.
std::vector<std::string> ProblemsBeyondText(const Organisation& organisation);

// What is suspicious about it in this server: webhooks to addresses that it will not connect to.
std::vector<Problem> WarningsBeyondText(const Organisation& organisation, const PeerRules& webhook_peers);

// Whether somebody is on call all through the 52 weeks after `now`, changes of the clocks included, in each schedule that a
// policy goes by; if not, the exact gap, why, and what to do. What it means the schedule says (Schedule::Gaps).
struct CoverageProof {
  std::vector<Problem> refusals;  // nothing is applied then
  std::vector<Problem> warnings;
};
// `roster`: the schedules as they will be, with what people have changed of them.
CoverageProof ProveCoverage(const Roster& roster, absl::Time now);

}  // namespace tocsin
