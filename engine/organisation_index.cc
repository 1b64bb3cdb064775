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
  TOCSIN_TRY(index.AddIntervals(*organisation));
  for (const Service& service : organisation->services) {
    if (!service.support_hours.time_intervals.empty()) index.support_hours_[service.id] = service.support_hours;
    if (!service.hold_back) continue;
    for (const ServiceId& dependency : service.depends_on)
      index.held_back_by_[dependency].push_back(service.id);
    index.holders_of_[service.id] = service.depends_on;
  }
  index.AddRoutes(organisation->route);
  index.users_.Build(organisation->users);
  index.policies_.Build(organisation->policies);
  index.organisation_ = std::move(organisation);
  index.longest_rate_window_ = index.FindLongestRateWindow();
  return index;
}

const SupportHours* OrganisationIndex::FindSupportHours(const ServiceId& id) const {
  const auto found = support_hours_.find(id);
  return found == support_hours_.end() ? nullptr : &found->second;
}

absl::Status OrganisationIndex::AddIntervals(const Organisation& organisation) {
  for (const TimeInterval& interval : organisation.time_intervals) {
    absl::StatusOr<TimeIntervals> compiled = TimeIntervals::Compile(interval.time_intervals);
    TOCSIN_TRY(Annotate(compiled.status(), absl::StrFormat("time interval \"%s\"", interval.id.value())));
    intervals_.emplace(interval.id, *std::move(compiled));
  }
  for (const User& user : organisation.users) {
    for (const NotificationRule& rule : user.notification_rules) {
      for (const TimeIntervalId& id : rule.only_during) {
        const TimeInterval* interval = organisation.Find(id);
        if (interval == nullptr || intervals_in_.contains({id, user.time_zone})) continue;
        std::vector<RecurringTime> times = interval->time_intervals;
        for (RecurringTime& time : times)
          if (time.location.empty()) time.location = user.time_zone;
        absl::StatusOr<TimeIntervals> compiled = TimeIntervals::Compile(times);
        TOCSIN_TRY(Annotate(compiled.status(), absl::StrFormat("time interval \"%s\" in the zone of user \"%s\"",
                                                               id.value(), user.id.value())));
        intervals_in_.emplace(std::pair(id, user.time_zone), *std::move(compiled));
      }
    }
  }
  return absl::OkStatus();
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

const TimeIntervals* OrganisationIndex::FindIntervals(const TimeIntervalId& id, const std::string& zone) const {
  const auto found = intervals_in_.find({id, zone});
  return found == intervals_in_.end() ? nullptr : &found->second;
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

absl::Duration OrganisationIndex::FindLongestRateWindow() const {
  absl::Duration longest = absl::ZeroDuration();
  for (const CompiledIncidentRule& rule : incident_rules_)
    longest = std::max(longest, rule.LongestRateWindow());
  for (const EscalationPolicy& policy : organisation_->policies) {
    for (const PolicyStep& step : policy.steps)
      if (step.min_rate.count > 0) longest = std::max(longest, step.min_rate.window);
  }
  return longest;
}

}  // namespace tocsin
