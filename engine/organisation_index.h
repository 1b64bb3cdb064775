// An organisation ready for decisions about groups: routes by name, services and incident rules with compiled matchers.
// Immutable; made anew for each organisation that is applied.
#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "escalation/time_intervals.h"
#include "incident/rules.h"
#include "model/organisation.h"
#include "model/place_index.h"
#include "model/report.h"

namespace tocsin {

class OrganisationIndex {
 public:
  // Fails when a matcher does not compile; the message names whose. `organisation` must not be null; it is kept.
  static absl::StatusOr<OrganisationIndex> Compile(OrganisationPtr organisation);

  const Organisation& organisation() const { return *organisation_; }
  // As Organisation::Find, in the same time however many there are.
  const User* Find(const UserId& id) const { return users_.Find(organisation_->users, id); }
  const EscalationPolicy* Find(const PolicyId& id) const { return policies_.Find(organisation_->policies, id); }
  // The route without its children; nullptr when the organisation has no such route any more.
  const Route* FindRoute(const RouteId& id) const;
  const Route& root() const;
  // The first service whose matchers fit the group's labels or those of a listed alert; empty when none does.
  ServiceId ServiceOf(std::span<const Label> group, std::span<const AlertSummary> alerts) const;
  // nullptr when there is no such interval any more.
  const TimeIntervals* FindIntervals(const TimeIntervalId& id) const;
  // The same, in the zone of a person whose rules name it, where it names none itself.
  const TimeIntervals* FindIntervals(const TimeIntervalId& id, const std::string& zone) const;
  // nullptr: the service has none.
  const SupportHours* FindSupportHours(const ServiceId& id) const;
  // Services that are held back while this one is broken.
  const std::vector<ServiceId>& HeldBackBy(const ServiceId& id) const;
  // Services that hold this one back while they are broken.
  const std::vector<ServiceId>& HoldersOf(const ServiceId& id) const;
  const std::vector<CompiledIncidentRule>& incident_rules() const { return incident_rules_; }
  absl::Duration LongestRateWindow() const { return longest_rate_window_; }

 private:
  struct ServiceMatchers {
    ServiceId service;
    CompiledMatchers matchers;
  };
  void AddRoutes(const Route& route);
  absl::Duration FindLongestRateWindow() const;
  absl::Status AddIntervals(const Organisation& organisation);

  OrganisationPtr organisation_;
  PlaceIndex users_;
  PlaceIndex policies_;
  std::unordered_map<RouteId, Route> routes_;
  std::vector<ServiceMatchers> services_;
  std::unordered_map<TimeIntervalId, TimeIntervals> intervals_;
  std::map<std::pair<TimeIntervalId, std::string>, TimeIntervals> intervals_in_;  // by zone
  std::unordered_map<ServiceId, SupportHours> support_hours_;
  std::unordered_map<ServiceId, std::vector<ServiceId>> held_back_by_;
  std::unordered_map<ServiceId, std::vector<ServiceId>> holders_of_;
  std::vector<CompiledIncidentRule> incident_rules_;
  absl::Duration longest_rate_window_;
};

}  // namespace tocsin
