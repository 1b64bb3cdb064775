// What the shard knows of each integration: how long its alerts live without renewal, how many may be active, and whether it
// is over that budget.
//
// Budgets: an integration's guaranteed number of active alerts is shared out evenly among the shards, with some slack, since
// keys are not spread perfectly evenly. While an integration is over its budget, new alerts of it are rejected and one
// overflow group stands for all of them; it ends when a tenth of the budget is free again. One thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/event.h"
#include "model/ids.h"
#include "model/organisation.h"

namespace tocsin {

// How long an alert lives after its last event when neither the event nor the integration says so. The one place where this
// is decided: Prometheus and what speaks its protocol (source "prometheus") send each firing alert again every minute or
// two, so silence means that it is over. All others, Alertmanager's webhook included (it repeats after hours), say when an
// alert ends; theirs never expire by themselves.
absl::Duration ResendLease(std::string_view source, absl::Duration default_lease);

struct Door {
  IntegrationId id;
  std::int64_t lease_ns = 0;  // 0: never expires
  std::uint32_t budget = 0;   // this shard's part
  std::uint32_t active = 0;   // firing, suppressed ones included
  std::uint32_t kept = 0;     // resolved ones that are still there
  // Journalled:
  bool over = false;
  GroupKey overflow_group;  // of the present or last time, pinned: rules may change meanwhile
  RouteId overflow_route;
  std::uint64_t times_over = 0;
  std::int64_t over_since = 0;  // wall milliseconds
  bool unsealed = false;
  bool changed = false;  // since the last report
};

class Doors {
 public:
  static constexpr std::uint32_t kMaxIntegrations = 1U << 20;

  Doors(absl::Duration default_lease, std::uint32_t shard_count)
      : default_lease_(default_lease), shard_count_(shard_count) {}

  // Keeps the counts; takes leases and budgets from `organisation`. An integration that is no longer declared keeps its
  // alerts, without a lease.
  void SetRules(const Organisation& organisation, const std::vector<IntegrationId>& integrations);
  // Requires integration < kMaxIntegrations.
  Door& at(IntegrationIndex integration) {
    return integration < doors_.size() ? doors_[integration] : Make(integration);
  }
  std::vector<Door>& all() { return doors_; }
  const std::vector<Door>& all() const { return doors_; }
  std::size_t bytes() const { return doors_.capacity() * sizeof(Door); }

 private:
  Door& Make(IntegrationIndex integration);

  absl::Duration default_lease_;
  std::uint32_t shard_count_;
  std::vector<Door> doors_;
};

}  // namespace tocsin
