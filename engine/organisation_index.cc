#include "engine/organisation_index.h"

#include <algorithm>

#include "base/status.h"

namespace tocsin {

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
