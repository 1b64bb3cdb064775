#include "server/alertmanager_metrics.h"

#include <initializer_list>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/compat/alertmanager_wire.h"
#include "base/strings.h"
#include "base/version.h"

namespace tocsin {
namespace {

using Kind = MetricRegistry::Kind;
using Result = AttemptResult::Kind;

constexpr std::string_view kLatency = "alertmanager_notification_latency_seconds";

// Gone when all has been added: samples keep the numbers, not this.
class Adder {
 public:
  Adder(MetricRegistry& registry, const AlertmanagerNumbers& numbers) : registry_(registry), numbers_(numbers) {}

  void AddAlerts() {
    for (const std::string_view name : {"alertmanager_alerts", "alertmanager_marked_alerts"}) {
      const auto gauge = [&](std::string_view state, const std::uint64_t& value) {
        Add(Kind::kGauge, name, "How many alerts by state.",
            [&value] {
              return value;
        },
            {{"state", std::string(state)}});
      };
      gauge("active", numbers_.active);
      gauge("suppressed", numbers_.suppressed);
      gauge("unprocessed", kNone);
    }
    constexpr std::string_view kVersions[] = {"v1", "v2"};
    for (std::size_t i = 0; i < std::size(kVersions); ++i) {
      const IngestDoors::Statistics::Alertmanager& door = numbers_.doors.alertmanager[i];
      const std::string version(kVersions[i]);
      const auto received = [&](std::string_view status, const std::uint64_t& value) {
        Add(Kind::kCounter, "alertmanager_alerts_received_total", "Alerts received, by status and version of the API.",
            [&value] {
              return value;
        },
            {{"status", std::string(status)}, {"version", version}});
      };
      received("firing", door.firing);
      received("resolved", door.resolved);
      Add(Kind::kCounter, "alertmanager_alerts_invalid_total", "Alerts received that were invalid.",
          [&door] {
            return door.invalid;
      },
          {{"version", version}});
    }
    constexpr std::string_view kStates[] = {"active", "pending", "expired"};
    for (std::size_t i = 0; i < std::size(kStates); ++i) {
      Add(Kind::kGauge, "alertmanager_silences", "How many silences by state.",
          [&value = numbers_.silences[i]] {
            return value;
      },
          {{"state", std::string(kStates[i])}});
    }
  }

  void AddNotifications() {
    for (std::size_t kind = 0; kind < kContactKinds; ++kind) {
      const std::string name(Name(static_cast<ContactMethod::Kind>(kind)));
      const auto count = [&](std::string_view metric, std::string_view help, std::initializer_list<Result> results,
                             std::string reason = "") {
        MetricLabels labels = {
            {"integration", name}
        };
        if (!reason.empty()) labels.emplace_back("reason", std::move(reason));
        Add(
            Kind::kCounter, metric, help,
            [&numbers = numbers_, kind, all = std::vector<Result>(results)] { return Sum(numbers, kind, all); },
            std::move(labels));
      };
      count("alertmanager_notifications_total", "Notifications with an end: taken by the provider, or not.",
            {Result::kAccepted, Result::kRejected, Result::kAmbiguous});
      count("alertmanager_notifications_failed_total", "Notifications that failed for good.", {Result::kRejected},
            "clientError");
      count("alertmanager_notifications_failed_total", "", {Result::kAmbiguous}, "other");
      count("alertmanager_notification_requests_total", "Attempts to hand a notification to a provider.",
            {Result::kAccepted, Result::kRetryLater, Result::kRejected, Result::kAmbiguous});
      count("alertmanager_notification_requests_failed_total", "Attempts that failed.",
            {Result::kRetryLater, Result::kRejected, Result::kAmbiguous});
    }
  }

  void AddConfiguration(const std::string& store) {
    Add(Kind::kGauge, "alertmanager_config_hash", "Changes with the configuration: its version.",
        [&numbers = numbers_] { return numbers.configuration; });
    Add(Kind::kGauge, "alertmanager_config_last_reload_successful", "1 while a configuration is in force.",
        [&numbers = numbers_] { return numbers.configuration > 0 ? 1U : 0U; });
    Add(Kind::kGauge, "alertmanager_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was applied.", [&numbers = numbers_] { return numbers.applied_at_seconds; });
    registry_.AddGauge("alertmanager_cluster_enabled", "Whether there is a cluster: this server is one of one.").Set(1);
    registry_.AddGauge("alertmanager_cluster_members", "Members of the cluster.").Set(1);
    registry_.AddGauge("alertmanager_cluster_failed_peers", "Peers that have failed.").Set(0);
    registry_.AddGauge("alertmanager_cluster_health_score", "0 is healthy.").Set(0);
    registry_
        .AddGauge("alertmanager_cluster_peer_info", "1, with the name of this server.",
                  {
                      {"peer", store}
    })
        .Set(1);
    const std::string own = absl::StrCat("tocsin ", ToAbsl(kVersion));
    registry_
        .AddGauge("alertmanager_build_info",
                  "1, with the version of Alertmanager's API as a label; our own is the revision.",
                  {
                      {"branch",    own                                   },
                      {"goarch",    "none"                                },
                      {"goos",      "linux"                               },
                      {"goversion", "none"                                },
                      {"revision",  std::string(kVersion)                 },
                      {"version",   std::string(alertmanager::kApiVersion)}
    })
        .Set(1);
  }

 private:
  template <typename Read>
  void Add(Kind kind, std::string_view name, std::string_view help, Read read, MetricLabels labels = {}) {
    registry_.AddSampled(
        kind, name, help, [read] { return static_cast<double>(read()); }, std::move(labels));
  }
  static std::uint64_t Sum(const AlertmanagerNumbers& numbers, std::size_t kind, const std::vector<Result>& results) {
    std::uint64_t sum = 0;
    for (const Result result : results)
      sum += numbers.notified.results[kind][static_cast<std::size_t>(result)];
    return sum;
  }

  static constexpr std::uint64_t kNone = 0;
  MetricRegistry& registry_;
  const AlertmanagerNumbers& numbers_;
};

}  // namespace

void AddAlertmanagerMetrics(MetricRegistry& registry, const AlertmanagerNumbers& numbers, const std::string& store) {
  Adder adder(registry, numbers);
  adder.AddAlerts();
  adder.AddNotifications();
  adder.AddConfiguration(store);
}

std::string RenderNotificationLatency(const Notifier::Statistics& notified) {
  std::string text = absl::StrFormat("# HELP %s How long attempts took.\n# TYPE %s histogram\n", kLatency, kLatency);
  for (std::size_t kind = 0; kind < kContactKinds; ++kind) {
    const Notifier::Latency& latency = notified.latency[kind];
    const std::string_view name = Name(static_cast<ContactMethod::Kind>(kind));
    for (std::size_t i = 0; i < std::size(latency.within); ++i) {
      absl::StrAppendFormat(&text, "%s_bucket{integration=\"%s\",le=\"%g\"} %d\n", kLatency, name,
                            Notifier::Latency::kBoundsSeconds[i], latency.within[i]);
    }
    absl::StrAppendFormat(&text, "%s_bucket{integration=\"%s\",le=\"+Inf\"} %d\n", kLatency, name, latency.count);
    absl::StrAppendFormat(&text, "%s_sum{integration=\"%s\"} %g\n", kLatency, name, latency.seconds);
    absl::StrAppendFormat(&text, "%s_count{integration=\"%s\"} %d\n", kLatency, name, latency.count);
  }
  return text;
}

}  // namespace tocsin
