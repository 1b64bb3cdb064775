#include "api/compat/alertmanager_rules.h"

#include <algorithm>

namespace tocsin::alertmanager {
namespace {

void AddReceivers(const Route& route, std::vector<std::string>& names) {
  const std::string_view name = ReceiverOf(route);
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  for (const Route& child : route.children)
    AddReceivers(child, names);
}

}  // namespace

std::string_view ReceiverOf(const Route& route) {
  if (route.receiver.set()) return route.receiver.value();
  if (route.policy.set()) return route.policy.value();
  return kNoReceiver;
}

std::vector<std::string> ReceiversOf(const Organisation& organisation) {
  std::vector<std::string> names;
  for (const Receiver& receiver : organisation.receivers)
    names.push_back(receiver.id.value());
  AddReceivers(organisation.route, names);
  return names;
}

ClientRules::ClientRules(const Rules& rules, std::uint64_t seed)
    : inhibitions_(rules.organisation ? rules.organisation->inhibition_rules : std::vector<InhibitionRule>(), seed) {
  for (const Silence& silence : rules.silences) {
    absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(silence.matchers);
    if (!compiled.ok() || silence.matchers.empty()) continue;
    silences_.push_back(silence.id);
    silence_index_.Add(*std::move(compiled));
  }
  if (!rules.organisation) return;
  Add(rules.organisation->route);
  for (const TimeInterval& interval : rules.organisation->time_intervals) {
    absl::StatusOr<TimeIntervals> compiled = TimeIntervals::Compile(interval.time_intervals);
    if (compiled.ok()) intervals_.emplace(interval.id, *std::move(compiled));
  }
}

void ClientRules::Add(const Route& route) {
  RouteRules& route_rules = routes_[route.id];
  route_rules.receiver = alertmanager::ReceiverOf(route);
  route_rules.group_by = route.group_by;
  route_rules.group_by_all = route.group_by_all;
  route_rules.muted_in = route.mute_time_intervals;
  route_rules.active_in = route.active_time_intervals;
  for (const Route& child : route.children)
    Add(child);
}

std::string_view ClientRules::ReceiverOf(const RouteId& route) const {
  const auto found = routes_.find(route);
  return found == routes_.end() ? route.value() : std::string_view(found->second.receiver);
}

bool ClientRules::Contains(const TimeIntervalId& id, absl::Time now) const {
  const auto found = intervals_.find(id);
  return found != intervals_.end() && found->second.Contains(now);
}

// As Alertmanager (specs/wire-compat.md 1.12): outside of its active times a route is muted by all of them.
std::vector<std::string> ClientRules::MutedBy(const RouteId& route, absl::Time now) const {
  std::vector<std::string> names;
  const auto found = routes_.find(route);
  if (found == routes_.end()) return names;
  const auto in_force = [&](const TimeIntervalId& id) { return Contains(id, now); };
  const RouteRules& route_rules = found->second;
  if (!route_rules.active_in.empty() && std::ranges::none_of(route_rules.active_in, in_force)) {
    for (const TimeIntervalId& id : route_rules.active_in)
      names.push_back(id.value());
  }
  for (const TimeIntervalId& id : route_rules.muted_in) {
    if (in_force(id)) names.push_back(id.value());
  }
  return names;
}

Labels ClientRules::GroupLabels(const RouteId& route, const Labels& labels) const {
  const auto found = routes_.find(route);
  if (found == routes_.end()) return {};
  if (found->second.group_by_all) return labels;
  Labels chosen;
  for (const Label& label : labels) {
    if (std::ranges::find(found->second.group_by, label.name) != found->second.group_by.end()) chosen.push_back(label);
  }
  return chosen;
}

std::vector<SilenceId> ClientRules::SilencesOf(std::span<const LabelView> labels) const {
  std::vector<SilenceId> ids;
  silence_index_.ForEach(labels, [&](std::uint32_t number) { ids.push_back(silences_[number]); });
  std::ranges::sort(ids);
  return ids;
}

}  // namespace tocsin::alertmanager
