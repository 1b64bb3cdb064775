// An organisation ready for decisions about groups: routes by name, services and incident rules with compiled matchers.
// Immutable; made anew for each organisation that is applied.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"

#include "escalation/time_intervals.h"
#include "incident/rules.h"
#include "model/organisation.h"
#include "model/report.h"

namespace tocsin {

class OrganisationIndex {
 public:
  // Fails when a matcher does not compile; the message names whose. `organisation` must not be null; it is kept.
  static absl::StatusOr<OrganisationIndex> Compile(OrganisationPtr organisation);

  const Organisation& organisation() const { return *organisation_; }
  // The route without its children; nullptr when the organisation has no such route any more.
  const Route* FindRoute(const RouteId& id) const;
  const Route& root() const;
  // The first service whose matchers fit the group's labels or those of a listed alert; empty when none does.
  ServiceId ServiceOf(std::span<const Label> group, std::span<const AlertSummary> alerts) const;
  // nullptr when there is no such interval any more.
  const TimeIntervals* FindIntervals(const TimeIntervalId& id) const;
  // Services that are held back while this one is broken.
  const std::vector<ServiceId>& HeldBackBy(const ServiceId& id) const;
  // Services that hold this one back while they are broken.
  const std::vector<ServiceId>& HoldersOf(const ServiceId& id) const;
  const std::vector<CompiledIncidentRule>& incident_rules() const { return incident_rules_; }
  absl::Duration LongestRateWindow() const;

 private:
  struct ServiceMatchers {
    ServiceId service;
    CompiledMatchers matchers;
  };
  void AddRoutes(const Route& route);

  OrganisationPtr organisation_;
  std::unordered_map<RouteId, Route> routes_;
  std::vector<ServiceMatchers> services_;
  std::unordered_map<TimeIntervalId, TimeIntervals> intervals_;
  std::unordered_map<ServiceId, std::vector<ServiceId>> held_back_by_;
  std::unordered_map<ServiceId, std::vector<ServiceId>> holders_of_;
  std::vector<CompiledIncidentRule> incident_rules_;
};

}  // namespace tocsin
