// What a shard tells the responder about one group: its present state, absolute, so that a report may be lost to a crash
// or seen twice. Reports are given only after what they rest on is durable. After a start every shard reports every group
// it holds, then says that it is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/hold.h"
#include "model/ids.h"
#include "model/labels.h"
#include "model/severity.h"

namespace tocsin {

// One alert as people see it in pages and lists.
struct AlertSummary {
  AlertKey key;
  IntegrationId integration;
  Severity severity = Severity::kUnknown;
  Labels labels;
  Labels annotations;
  std::string link;
  absl::Time fired_at;   // our receipt
  absl::Time starts_at;  // the sender's word
  bool firing = true;
  friend bool operator==(const AlertSummary&, const AlertSummary&) = default;
};

struct GroupReport {
  GroupKey key;
  std::uint32_t shard = 0;
  RouteId route;
  Labels labels;                   // the group's
  std::uint32_t firing = 0;        // not suppressed
  std::uint32_t suppressed = 0;    // firing, but held back
  std::uint32_t acknowledged = 0;  // of `firing`: acknowledged at the source
  std::uint64_t fired_total = 0;   // transitions to firing since the shard's table began, suppressed ones not counted
  std::uint64_t resolved_total = 0;
  Severity highest = Severity::kUnknown;  // among `firing`; while nothing fires, among what is held back
  absl::Time oldest_start;          // our receipt of the oldest alert of `firing`; sender's startsAt where earlier
  Hold hold;                        // one that holds back some of `suppressed`
  std::string held_by;              // and what it is: "silenced by S5", "inhibited by rule ...: ... fires"
  bool counted = false;             // the route has a threshold: `events` counts
  std::uint64_t events = 0;         // triggers of its alerts, repeats included, held ones not
  std::vector<std::string> values;  // of the labels that break through on the route, among all members: "region=eu"
  std::string last_end;  // how the alert that was resolved last ended: "event", "ends_at", "expired", "no news"
  std::vector<AlertSummary> exemplars;  // up to limits::kExemplarsPerGroup, most severe first, then oldest
  friend bool operator==(const GroupReport&, const GroupReport&) = default;
};

}  // namespace tocsin
