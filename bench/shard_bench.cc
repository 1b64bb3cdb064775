// What one shard costs: nanoseconds, journal bytes and resident bytes per alert, on one core.
//
// The alert is the one of the whole project's benchmarks: about 370 bytes, 8 labels of which `instance` and one more are
// unique to the alert, 2 annotations of which one is unique; 500 groups. Sealed every 4,096 events, as a busy pipeline
// would; urgent reports are taken with each seal, all of them as often as the pipeline does.
//
// Targets: 2 to 3 million duplicates/s, 0.8 million new alerts/s, 24 journal bytes a duplicate, 600 resident bytes an alert.
#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/random.h"
#include "base/status.h"
#include "bench/instructions.h"
#include "benchmark/benchmark.h"
#include "engine/shard.h"
#include "model/rules.h"

namespace tocsin {
namespace {

constexpr std::size_t kAlerts = 400'000;
constexpr std::size_t kSealEvery = 4096;
constexpr std::int64_t kSealNs = 5'000'000;
// As in engine/pipeline_shard.cc: all reports each 100 ms, beyond a hundred of them the less often.
constexpr std::size_t kSealsAnInterval = 100'000'000 / kSealNs;
constexpr std::size_t kReportsAnInterval = 100;
constexpr std::size_t kMostIntervals = 10;

AlertEvent EventOf(std::size_t i, int version) {
  AlertEvent event;
  event.labels = {
      {"alertname",                           absl::StrFormat("HighRequestLatency%d", i % 500) },
      {"cluster",                             "production-eu-west-1"                },
      {"environment",                         "production"                                      },
      {"instance",                              absl::StrFormat("10.%d.%d.%d:9100",                                                        i >> 16,          i >> 8 & 255, i & 255)},
      {"job",                                 "node-exporter"                       },
      {"pod",      absl::StrFormat("checkout-%08x",                        i * 2654435761)},
      {"severity", i % 10 == 0 ? "critical" : "warning"                                      },
      {"team",                              absl::StrFormat("team-%d",                                                                    i % 40)},
  };
  event.annotations = {
      {"description", absl::StrFormat("p99 latency of 10.%d.%d.%d:9100 is %d ms, above 500 ms", i >> 16, i >> 8 & 255,
       i & 255, 600 + version)},
      {"runbook_url", "https://runbooks.example.com/high-request-latency"                                                                                },
  };
  return event;
}

// All events, in batches, in a random order.
std::vector<EventBatch> EventsOf(int version, std::uint64_t seed) {
  std::vector<std::size_t> order(kAlerts);
  for (std::size_t i = 0; i < kAlerts; ++i)
    order[i] = i;
  Random random(seed);
  for (std::size_t i = kAlerts; i > 1; --i)
    std::swap(order[i - 1], order[random.Below(i)]);
  std::vector<EventBatch> batches;
  for (const std::size_t i : order) {
    if (batches.empty() || batches.back().count() == kSealEvery) batches.emplace_back(/*seed=*/1, /*integration=*/0);
    TOCSIN_CHECK(batches.back().Append(EventOf(i, version)).ok(), "a good event");
  }
  return batches;
}

RulesPtr SampleRules() {
  auto organisation = std::make_shared<Organisation>();
  organisation->integrations.resize(1);
  organisation->integrations[0].id = IntegrationId("prometheus");
  organisation->integrations[0].source = "prometheus";
  Route& root = organisation->route;
  root.id = RouteId("root");
  root.group_by = {"alertname", "cluster"};
  root.policy = PolicyId("policy");
  for (int team = 0; team < 10; ++team) {
    Route child = root;
    child.children.clear();
    child.id = RouteId(absl::StrFormat("root/%d", team));
    child.matchers = {
        {"team", MatchOp::kEqual, absl::StrFormat("team-%d", team)}
    };
    root.children.push_back(std::move(child));
  }
  auto rules = std::make_shared<Rules>();
  rules->version = RulesVersion(1);
  rules->organisation = std::move(organisation);
  return rules;
}

struct Fed {
  std::size_t events = 0;
  std::uint64_t instructions = 0;
  std::size_t journal_bytes = 0;
  std::size_t reports = 0;
  std::size_t all_reports_at = kSealsAnInterval;  // the commit
};

Now NowAt(std::size_t commit) {
  return {absl::FromUnixSeconds(1'800'000'000) + absl::Nanoseconds(kSealNs) * static_cast<std::int64_t>(commit),
          EngineTime(1'000'000'000 + static_cast<std::int64_t>(commit) * kSealNs)};
}

// What the pipeline does with a shard.
void Feed(Shard& shard, const std::vector<EventBatch>& batches, std::size_t& commit, Fed& fed) {
  std::vector<GroupReport> reports;
  const Instructions instructions;
  for (const EventBatch& batch : batches) {
    const Now now = NowAt(++commit);
    shard.ApplyAll(
        batch.bytes().data(), static_cast<std::uint32_t>(batch.count()), now,
        [](EventView) -> std::optional<Outcome> { return std::nullopt; },
        [](std::uint32_t, Outcome outcome) { benchmark::DoNotOptimize(outcome); });
    shard.Work(now, now.engine, 1024);
    shard.Seal([&](std::string_view body) { fed.journal_bytes += body.size(); });
    reports.clear();
    const bool all = commit >= fed.all_reports_at;
    shard.TakeReports(reports, all ? Shard::Reports::kAll : Shard::Reports::kUrgent);
    const std::size_t intervals = std::clamp<std::size_t>(reports.size() / kReportsAnInterval, 1, kMostIntervals);
    if (all) fed.all_reports_at = commit + intervals * kSealsAnInterval;
    fed.reports += reports.size();
    fed.events += batch.count();
  }
  fed.instructions += instructions.Read();
}

std::unique_ptr<Shard> NewShard() {
  Shard::Options options;
  options.key_seed = 1;
  auto shard = std::make_unique<Shard>(options);
  shard->SetRules(SampleRules(), {IntegrationId("prometheus")}, NowAt(0));
  return shard;
}

void Report(benchmark::State& state, const Fed& fed, const Shard& shard) {
  const auto events = static_cast<double>(fed.events);
  state.SetItemsProcessed(static_cast<std::int64_t>(fed.events));
  state.counters["instructions/event"] = static_cast<double>(fed.instructions) / events;
  state.counters["journal_bytes/event"] = static_cast<double>(fed.journal_bytes) / events;
  state.counters["reports"] = static_cast<double>(fed.reports);
  state.counters["table_bytes/alert"] = static_cast<double>(shard.Statistics().table_bytes) / kAlerts;
}

void NewAlerts(benchmark::State& state) {
  const std::vector<EventBatch> events = EventsOf(0, 1);
  std::size_t record_bytes = 0;
  for (const EventBatch& batch : events)
    record_bytes += batch.bytes().size();
  Fed fed;
  std::unique_ptr<Shard> shard;
  for (auto _ : state) {
    state.PauseTiming();
    shard = NewShard();
    std::size_t commit = 0;
    state.ResumeTiming();
    Feed(*shard, events, commit, fed);
  }
  Report(state, fed, *shard);
  state.counters["record_bytes/event"] = static_cast<double>(record_bytes) / kAlerts;
}
BENCHMARK(NewAlerts)->Unit(benchmark::kMillisecond);

void Repeats(benchmark::State& state, int versions) {
  std::unique_ptr<Shard> shard = NewShard();
  std::size_t commit = 0;
  Fed before;
  Feed(*shard, EventsOf(0, 1), commit, before);
  // With several versions every event differs from the one before.
  std::vector<std::vector<EventBatch>> rounds;
  for (int version = 0; version < versions; ++version)
    rounds.push_back(EventsOf(version, 2 + static_cast<std::uint64_t>(version)));
  if (versions > 1) std::rotate(rounds.begin(), rounds.begin() + 1, rounds.end());
  Fed fed;
  std::size_t round = 0;
  for (auto _ : state)
    Feed(*shard, rounds[round++ % rounds.size()], commit, fed);
  Report(state, fed, *shard);
}
void Duplicates(benchmark::State& state) {
  Repeats(state, 1);
}
BENCHMARK(Duplicates)->Unit(benchmark::kMillisecond);
void ChangedAnnotations(benchmark::State& state) {
  Repeats(state, 2);
}
BENCHMARK(ChangedAnnotations)->Unit(benchmark::kMillisecond);

void Recovery(benchmark::State& state) {
  std::unique_ptr<Shard> shard = NewShard();
  std::size_t commit = 0;
  Fed fed;
  Feed(*shard, EventsOf(0, 1), commit, fed);
  std::vector<std::string> image;
  shard->BeginCheckpoint();
  while (shard->CheckpointSlice(4096, [&](std::string_view body) { image.emplace_back(body); })) {
  }
  const Instructions instructions;
  const std::uint64_t before = instructions.Read();
  for (auto _ : state) {
    std::unique_ptr<Shard> recovered = NewShard();
    for (const std::string& body : image)
      TOCSIN_CHECK(recovered->Fold(body).ok(), "our own body");
    benchmark::DoNotOptimize(recovered->NextExpiry());
  }
  const std::int64_t alerts = static_cast<std::int64_t>(kAlerts) * state.iterations();
  state.SetItemsProcessed(alerts);
  state.counters["instructions/event"] =
      static_cast<double>(instructions.Read() - before) / static_cast<double>(alerts);
}
BENCHMARK(Recovery)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
