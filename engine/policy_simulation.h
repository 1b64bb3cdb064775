// What a policy would do about an alert, from its first instant until nothing more would come: told by the responder itself,
// run by a clock of its own on a world of one group. So it is what the server would do, as long as nobody answers, every
// provider takes every message at once, and nothing else keeps people busy.
//
// Pure. Randomness: a step that picks one of its people at random picks by the group's key and the instant; with those of
// a real group it picks the same person.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

struct PolicySimulation {
  PolicyId policy;
  absl::Time at;  // when the alert begins to fire; its group does not wait
  Severity severity = Severity::kCritical;
  std::optional<Urgency> urgency;  // absent: by the severity
  ServiceId service;               // whose support hours count; may be empty
  GroupKey key = GroupKey(1);
  absl::Duration length = absl::Hours(24);       // at most kLongestSimulation
  std::optional<absl::Duration> answered_after;  // somebody acknowledges then
};
inline constexpr absl::Duration kLongestSimulation = absl::Hours(24 * 31);

struct SimulatedTimeline {
  std::vector<TimelineEntry> entries;  // of the group, in order
  std::string unfinished;              // what was still to come at the end; empty: nothing
};

// `rows`: whatever of the responder's rows decides besides the organisation: whose turn it is, overrides, history.
// NotFound for an unknown policy; Exhausted when there is more of it than kMostSimulatedEntries.
absl::StatusOr<SimulatedTimeline> Simulate(const OrganisationPtr& organisation,
                                           std::vector<Row> rows,
                                           const PolicySimulation& what);
inline constexpr std::size_t kMostSimulatedEntries = 10'000;

}  // namespace tocsin
