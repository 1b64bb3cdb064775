#include "engine/organisation_index.h"

#include <algorithm>

#include "base/status.h"

namespace tocsin {
namespace {

using ServiceLists = std::unordered_map<ServiceId, std::vector<ServiceId>>;

const std::vector<ServiceId>& FindOr(const ServiceLists& lists, const ServiceId& id) {
  static const std::vector<ServiceId> kNone;
  const auto found = lists.find(id);
  return found == lists.end() ? kNone : found->second;
}

}  // namespace

absl::StatusOr<OrganisationIndex> OrganisationIndex::Compile(OrganisationPtr organisation) {
  TOCSIN_CHECK(organisation != nullptr, "an organisation to compile");
  OrganisationIndex index;
  for (const Service& service : organisation->services) {
    if (service.matchers.empty()) continue;  // named by routes only
    absl::StatusOr<CompiledMatchers> matchers = CompiledMatchers::Compile(service.matchers);
    if (!matchers.ok()) {
      return Annotate(matchers.status(), absl::StrFormat("service \"%s\"", service.id.value()));
    }
    index.services_.push_back({service.id, *std::move(matchers)});
  }
  for (const IncidentRule& rule : organisation->incident_rules) {
    TOCSIN_ASSIGN(CompiledIncidentRule compiled, CompiledIncidentRule::Compile(rule));
    index.incident_rules_.push_back(std::move(compiled));
  }
  for (const TimeInterval& interval : organisation->time_intervals) {
    absl::StatusOr<TimeIntervals> compiled = TimeIntervals::Compile(interval.time_intervals);
    if (!compiled.ok()) {
      return Annotate(compiled.status(), absl::StrFormat("time interval \"%s\"", interval.id.value()));
    }
    index.intervals_.emplace(interval.id, *std::move(compiled));
  }
  for (const Service& service : organisation->services) {
    if (!service.hold_back) continue;
    for (const ServiceId& dependency : service.depends_on)
      index.held_back_by_[dependency].push_back(service.id);
    index.holders_of_[service.id] = service.depends_on;
  }
  index.AddRoutes(organisation->route);
  index.organisation_ = std::move(organisation);
  return index;
}

void OrganisationIndex::AddRoutes(const Route& route) {
  Route alone = route;
  alone.children.clear();
  routes_.try_emplace(route.id, std::move(alone));
  for (const Route& child : route.children)
    AddRoutes(child);
}

const Route* OrganisationIndex::FindRoute(const RouteId& id) const {
  const auto found = routes_.find(id);
  return found == routes_.end() ? nullptr : &found->second;
}

const Route& OrganisationIndex::root() const {
  return routes_.at(organisation_->route.id);
}

const TimeIntervals* OrganisationIndex::FindIntervals(const TimeIntervalId& id) const {
  const auto found = intervals_.find(id);
  return found == intervals_.end() ? nullptr : &found->second;
}

const std::vector<ServiceId>& OrganisationIndex::HeldBackBy(const ServiceId& id) const {
  return FindOr(held_back_by_, id);
}
const std::vector<ServiceId>& OrganisationIndex::HoldersOf(const ServiceId& id) const {
  return FindOr(holders_of_, id);
}

ServiceId OrganisationIndex::ServiceOf(std::span<const Label> group, std::span<const AlertSummary> alerts) const {
  for (const ServiceMatchers& service : services_) {
    if (service.matchers.Match(group)) return service.service;
    const bool fits = std::ranges::any_of(alerts, [&](const AlertSummary& alert) {
      return service.matchers.Match(std::span<const Label>(alert.labels));
    });
    if (fits) return service.service;
  }
  return {};
}

absl::Duration OrganisationIndex::LongestRateWindow() const {
  absl::Duration longest = absl::ZeroDuration();
  for (const CompiledIncidentRule& rule : incident_rules_)
    longest = std::max(longest, rule.LongestRateWindow());
  return longest;
}

}  // namespace tocsin
