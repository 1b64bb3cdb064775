// The metrics by which Alertmanager is watched, under its names: what its dashboards, its mixin's rules and karma look for
// (specs/wire-compat.md 1.8). They say of us what they say of it; our own metrics say more.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/metrics.h"
#include "engine/shard.h"
#include "ingest/doors.h"
#include "notify/notifier.h"

namespace tocsin {

// What is true at one scrape. Outlives the registry that reads it.
struct AlertmanagerNumbers {
  std::uint64_t active = 0;                    // alerts
  std::uint64_t suppressed = 0;                // alerts
  std::array<std::uint64_t, 3> silences = {};  // active, pending, expired
  std::uint64_t configuration = 0;             // the version in force
  double applied_at_seconds = 0;               // since 1970
  Notifier::Statistics notified;
  IngestDoors::Statistics doors;
};

// `store` names this server among others.
void AddAlertmanagerMetrics(MetricRegistry& registry, const AlertmanagerNumbers& numbers, const std::string& store);

// alertmanager_notification_latency_seconds, by integration, in the text format.
std::string RenderNotificationLatency(const Notifier::Statistics& notified);

}  // namespace tocsin
