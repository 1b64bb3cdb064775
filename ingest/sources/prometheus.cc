// The body of Alertmanager's POST /api/v2/alerts: what Prometheus, vmalert, Thanos, Mimir and Loki send. Identity is the label
// set; an end that is not in the future resolves. The door of that path has its own way in; this is for doors with a key.
#include "base/status.h"
#include "ingest/prometheus_reader.h"
#include "ingest/source.h"

namespace tocsin {

namespace {

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  Intake intake(/*key_seed=*/0);
  intake.Begin(0, nullptr, received.wall, Intake::Manner::kLenient);
  if (const auto refusal = ReadPrometheus(ThreadJsonReader(), request.body, intake)) {
    return Invalid("%s", refusal->message);
  }
  Readings readings;
  readings.reserve(intake.seen());
  auto refused = intake.refused().begin();
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < intake.seen(); ++i) {
    if (refused != intake.refused().end() && refused->index == i) {
      readings.push_back(Reading::Rejected((refused++)->reason));
    } else {
      readings.push_back(Reading::Of(intake.batch().at(next++).ToEvent()));
    }
  }
  return readings;
}

}  // namespace

const Source kPrometheusSource = {
    .name = "prometheus",
    .also = "prometheus_api_v2 vmalert thanos mimir loki cortex",
    .product = "Prometheus",
    .parse = Parse,
    .example = R"([{"labels":{"alertname":"DiskFull","instance":"db1"}}])",
    .setup = R"(In prometheus.yml, then reload it:

alerting:
  alertmanagers:
    - path_prefix: /v1/integrations/{key}
      static_configs:
        - targets: ['{host}']

vmalert: -notifier.url={url}   Thanos, Mimir, Loki, Cortex: the same address as Alertmanager's.)",
};

}  // namespace tocsin
