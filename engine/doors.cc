#include "engine/doors.h"

#include <algorithm>
#include <unordered_map>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kSlackPercent = 5;
constexpr std::uint32_t kSlackAlerts = 64;

std::uint32_t ShareOf(std::uint32_t budget, std::uint32_t shards) {
  if (shards <= 1) return budget;
  const std::uint64_t even = (std::uint64_t{budget} + shards - 1) / shards;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(budget, even + even * kSlackPercent / 100 + kSlackAlerts));
}

}  // namespace

absl::Duration ResendLease(std::string_view source, absl::Duration default_lease) {
  constexpr std::string_view kResending[] = {"prometheus"};
  return std::ranges::find(kResending, source) == std::end(kResending) ? absl::ZeroDuration() : default_lease;
}

void Doors::SetRules(const Organisation& organisation, const std::vector<IntegrationId>& integrations) {
  std::unordered_map<IntegrationId, const Integration*> declared;
  for (const Integration& integration : organisation.integrations)
    declared.emplace(integration.id, &integration);
  const Integration undeclared;
  for (std::size_t i = 0; i < integrations.size(); ++i) {
    const auto found = declared.find(integrations[i]);
    const Integration& integration = found == declared.end() ? undeclared : *found->second;
    const absl::Duration lease =
        integration.lease > absl::ZeroDuration() ? integration.lease : ResendLease(integration.source, default_lease_);
    Door& door = at(static_cast<IntegrationIndex>(i));
    door.id = integrations[i];
    door.lease_ns = absl::ToInt64Nanoseconds(lease);
    door.budget = ShareOf(integration.active_alerts, shard_count_);
  }
}

Door& Doors::Make(IntegrationIndex integration) {
  TOCSIN_CHECK(integration < kMaxIntegrations, "integrations are numbered from zero");
  while (integration >= doors_.size())
    doors_.emplace_back().budget = ShareOf(Integration().active_alerts, shard_count_);
  return doors_[integration];
}

}  // namespace tocsin
