// `./dev bench latency [NAME...]`: how long things take while alerts stream in.
//
//   P4  acknowledgement of a message of 100 alerts, at 100,000 alerts/s offered | the disk's own fsync at the messages' pace, before and
//       after
//   P5  accepted -> handed to the provider, critical and without group_wait: under P4's load, and while a million new keys in 500
//       groups arrive at 200,000/s | the same when nothing else happens; and by a gateway | without
//   P8  list and filter over a million active alerts by two labels, first page, while P4's load runs | every alert looked at
//   P9  a silence that matches 100,000 of a million alerts, and a changed route, until they are in effect
//
// With names, only those (P8 and P9 need a million alerts, which P5's storm brings). Latencies of offered load count from the instant
// at which a message was due, so a stall of the server is seen by all that it held up.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"
#include "bench/disk.h"
#include "bench/grpc_load.h"
#include "bench/http_load.h"
#include "bench/payload.h"
#include "bench/results.h"
#include "bench/rig.h"

namespace tocsin {
namespace {

using Target = Result::Target;
using Durations = std::vector<absl::Duration>;

constexpr int kPerMessage = 100;
constexpr double kOffered = 100'000;
constexpr std::uint32_t kStormKeys = 1'000'000;
constexpr double kStormRate = 200'000;

double Ms(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

std::string Organisation(std::uint16_t provider, const std::string& policy_of_moved = "default") {
  return absl::StrFormat(R"(
name: bench
fallback_user: ann
limits: {webhook: [], bundle_window: 0s}
users:
  - {id: ann, contact_methods: [{kind: terminal, address: ann}]}
  - {id: pat, contact_methods: [{kind: webhook, address: 'http://127.0.0.1:%d/page'}]}
teams: [{id: ops, members: [ann]}]
policies:
  - {id: default, team: ops, steps: [{delay: 1h, targets: [{user: ann}]}]}
  - {id: other, team: ops, steps: [{delay: 2h, targets: [{user: ann}]}]}
  - {id: probes, team: ops, steps: [{delay: 0s, targets: [{user: pat}]}]}
integrations:
  - {id: default, source: prometheus, active_alerts: 20000000, lease: 24h}
  - {id: stream, source: stream, key: %s, active_alerts: 20000000, lease: 24h}
route:
  policy: default
  group_by: [job, team, cluster]
  group_wait: 30s
  routes:
    - {id: probes, matchers: ['probe=~".+"'], policy: probes, group_by: [probe], group_wait: 0s}
    - {id: moved, matchers: ['moved=~".+"'], policy: %s, group_by: [moved], group_wait: 0s}
)",
                         provider, kStreamKey, policy_of_moved);
}

// A webhook's other side, and when each probe came.
class Provider {
 public:
  Provider() : sink_(0, [this](std::string_view request) { Note(request); }) {}
  std::uint16_t port() const { return sink_.port(); }
  bool Saw(const std::string& probe) {
    const MutexLock lock(mutex_);
    return seen_.contains(probe);
  }
  // InfiniteFuture when it did not come within ten seconds.
  absl::Time WaitFor(const std::string& probe) {
    for (int i = 0; i < 100'000; ++i) {
      {
        const MutexLock lock(mutex_);
        if (const auto found = seen_.find(probe); found != seen_.end()) return found->second;
      }
      absl::SleepFor(absl::Microseconds(100));
    }
    return absl::InfiniteFuture();
  }

 private:
  static constexpr std::size_t kNameBytes = 12;  // probe-000042
  void Note(std::string_view request) {
    const absl::Time now = absl::Now();
    const std::size_t at = request.find("probe-");
    if (at == std::string_view::npos) return;
    const MutexLock lock(mutex_);
    seen_.try_emplace(std::string(request.substr(at, kNameBytes)), now);
  }

  Mutex mutex_;
  std::map<std::string, absl::Time> seen_ ABSL_GUARDED_BY(mutex_);
  PostSink sink_;
};

std::string PostOf(const std::string& target, const std::string& token, const std::string& body) {
  return absl::StrFormat(
      "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", target,
      token.empty() ? "" : "Authorization: Bearer " + token + "\r\n", body.size(), body);
}

// One server, one provider, and what has been sent so far.
class Bench {
 public:
  Bench(const Rig& rig, Results& results) : rig_(rig), results_(results) {}
  absl::Status Start();
  absl::Status Acknowledgements();
  absl::Status Pages();
  absl::Status Lists();
  absl::Status Changes();
  absl::Status Stop() { return server_->StopAndVerify(); }

 private:
  // Critical alerts, one after the other, each from its acceptance to its page; until `stop`.
  Durations Probe(const std::atomic<bool>& stop, absl::Duration apart);
  Durations ProbeWhile(const std::function<void()>& load);
  Durations RunLoad(absl::Duration seconds);
  absl::Status PagesByGateway(const Durations& beside);
  void FillWithAMillion();
  absl::Status Silences();
  absl::Status Routes();
  std::string NextProbe() { return absl::StrFormat("probe-%06d", probes_++); }
  // One request on a connection of its own; nothing when it failed.
  absl::Duration Call(const std::string& target, const std::string& body) const;

  const Rig& rig_;
  Results& results_;
  Provider provider_;
  std::unique_ptr<BenchServer> server_;
  std::string token_;
  int probes_ = 0;
  bool filled_ = false;
};

absl::Status Bench::Start() {
  TOCSIN_ASSIGN(server_, BenchServer::Start(rig_, {.name = "latency",
                                                   .organisation = Organisation(provider_.port()),
                                                   .flags = {"--allow_webhooks_to=127.0.0.0/8"}}));
  std::ifstream(server_->data() / "admin.token") >> token_;
  return token_.empty() ? Unavailable("no admin.token in %s", server_->data().string()) : absl::OkStatus();
}

Durations Bench::RunLoad(absl::Duration seconds) {
  const AlertBytes payload(AlertBytes::Form::kMessage, kPerMessage);
  const auto message = [&](std::uint64_t n) {
    return payload.Message(static_cast<std::uint32_t>(n * kPerMessage % kKeys));
  };
  return RunPaced({.address = server_->grpc_address(),
                   .messages_per_second = kOffered / kPerMessage,
                   .message = message,
                   .seconds = seconds});
}

absl::Status Bench::Acknowledgements() {
  const absl::Duration pace = absl::Seconds(kPerMessage / kOffered);
  Durations disk = ProbeDisk(rig_, pace);
  RunLoad(absl::Seconds(2));  // tables
  const Durations latencies = RunLoad(absl::Seconds(15));
  const Durations after = ProbeDisk(rig_, pace);
  disk.insert(disk.end(), after.begin(), after.end());
  if (latencies.empty() || disk.empty()) return Unavailable("a stream ended early");
  const auto row = [&](const std::string& id, const std::string& what, double q, std::optional<Target> target) {
    results_.Add({.id = id,
                  .what = what,
                  .value = Ms(Quantile(latencies, q)),
                  .unit = "ms",
                  .beside = absl::StrFormat("fsync p%g", q * 100),
                  .beside_value = Ms(Quantile(disk, q)),
                  .target = target});
  };
  row("P4", "acknowledgement p99 at 100,000 alerts/s", 0.99, Target{Target::Is::kAtMost, 3});
  row("P4.p50", "the same, p50", 0.5, std::nullopt);
  results_.Add({.id = "P4.disk",
                .what = "fsync p99, one each millisecond",
                .value = Ms(Quantile(disk, 0.99)),
                .unit = "ms",
                .beside = "one after the other",
                .beside_value = Ms(Quantile(ProbeDisk(rig_, absl::ZeroDuration()), 0.99)),
                .target = std::nullopt});
  return absl::OkStatus();
}

Durations Bench::Probe(const std::atomic<bool>& stop, absl::Duration apart) {
  Durations durations;
  const int fd = Connect(server_->http());
  while (!stop) {
    const std::string probe = NextProbe();
    const std::string body = absl::StrFormat(
        R"([{"labels":{"alertname":"%s","probe":"%s","severity":"critical"},"annotations":{"summary":"%s"}}])", probe,
        probe, probe);
    if (!Exchange(fd, PostOf("/api/v2/alerts", "", body))) break;
    const absl::Time accepted = absl::Now();
    const absl::Time paged = provider_.WaitFor(probe);
    durations.push_back(std::max(paged - accepted, absl::ZeroDuration()));
    if (paged == absl::InfiniteFuture()) break;
    absl::SleepFor(apart);
  }
  close(fd);
  return durations;
}

Durations Bench::ProbeWhile(const std::function<void()>& load) {
  std::atomic<bool> stop{false};
  Durations durations;
  std::thread prober([&] { durations = Probe(stop, absl::Milliseconds(5)); });
  load();
  stop = true;
  prober.join();
  return durations;
}

void Bench::FillWithAMillion() {
  if (filled_) return;
  filled_ = true;
  const AlertBytes payload(AlertBytes::Form::kMessage, kPerMessage);
  const auto message = [&](std::uint64_t n) { return payload.Message(static_cast<std::uint32_t>(n * kPerMessage)); };
  RunPaced({.address = server_->grpc_address(),
            .messages_per_second = kStormRate / kPerMessage,
            .message = message,
            .seconds = absl::Seconds(kStormKeys / kStormRate)});
}

absl::Status Bench::Pages() {
  const Durations idle = ProbeWhile([] { absl::SleepFor(absl::Seconds(3)); });
  const Durations loaded = ProbeWhile([this] { RunLoad(absl::Seconds(10)); });
  const Durations storm = ProbeWhile([this] { FillWithAMillion(); });
  const auto row = [&](const std::string& id, const std::string& what, const Durations& of, double bound) {
    results_.Add({
        .id = id,
        .what = what,
        .value = Ms(Quantile(of, 0.99)),
        .unit = "ms",
        .beside = "",
        .target = Target{Target::Is::kAtMost, bound}
    });
    results_.Add({.id = id + ".idle",
                  .what = absl::StrFormat("the same, of %d", of.size()),
                  .value = Ms(Quantile(of, 0.99)),
                  .unit = "ms",
                  .beside = "idle p99",
                  .beside_value = Ms(Quantile(idle, 0.99)),
                  .target = std::nullopt});
  };
  row("P5", "accepted to provider p99, under P4's load", loaded, 25);
  row("P5.storm", "the same, while a million new keys arrive", storm, 1000);
  return PagesByGateway(loaded);
}

// A server of its own, with the network side in another process.
absl::Status Bench::PagesByGateway(const Durations& beside) {
  TOCSIN_ASSIGN(auto other, BenchServer::Start(rig_, {.name = "latency-gateway",
                                                      .organisation = Organisation(provider_.port()),
                                                      .flags = {"--allow_webhooks_to=127.0.0.0/8"},
                                                      .gateway = true}));
  server_.swap(other);
  RunLoad(absl::Seconds(2));
  const Durations loaded = ProbeWhile([this] { RunLoad(absl::Seconds(10)); });
  server_.swap(other);
  TOCSIN_TRY(other->StopAndVerify());
  for (const double q : {0.99, 0.5}) {
    const double ours = Ms(Quantile(loaded, q));
    const double direct = Ms(Quantile(beside, q));
    results_.Add({
        .id = q == 0.5 ? "P5.gateway.p50" : "P5.gateway",
        .what = absl::StrFormat("p%g by a gateway, which costs %.0f%%", 100 * q, 100 * (ours / direct - 1)),
        .value = ours,
        .unit = "ms",
        .beside = "in one process",
        .beside_value = direct,
        .target = Target{Target::Is::kAtMost, 1.15}
    });
  }
  return absl::OkStatus();
}

absl::Duration Bench::Call(const std::string& target, const std::string& body) const {
  const int fd = Connect(server_->http());
  const absl::Time start = absl::Now();
  const bool ok = fd >= 0 && Exchange(fd, PostOf(target, token_, body));
  const absl::Duration took = absl::Now() - start;
  if (fd >= 0) close(fd);
  return ok ? took : absl::InfiniteDuration();
}

absl::Status Bench::Lists() {
  FillWithAMillion();
  constexpr int kCalls = 200;
  constexpr char kTarget[] = "/tocsin.v1.AlertService/ListAlerts";
  const auto body = [](std::string_view one, std::string_view other) {
    return absl::StrFormat(R"({"matchers":["%s","%s"],"state":"STATE_FIRING","pageSize":50})", ToAbsl(one),
                           ToAbsl(other));
  };
  // One that many alerts match, one that a single alert matches, and one that says only what an alert is not, so that every alert
  // must be looked at and none is found.
  const std::string common = body(R"(job=\"service-17\")", R"(cluster=\"prod-1\")");
  const std::string rare = body(R"(team=\"team-7\")", R"(instance=\"10.011.012.107:9100\")");
  const std::string scan = body(R"(job!~\"service-.*\")", R"(env!=\"\")");
  const Durations alone = RunLoad(absl::Seconds(8));
  std::map<std::string, Durations> took;
  std::atomic<bool> stop{false};
  Durations beside;
  std::thread load([&] { beside = RunLoad(absl::Seconds(kCalls * 0.1)); });
  for (int i = 0; i < kCalls; ++i) {
    took["common"].push_back(Call(kTarget, common));
    took["rare"].push_back(Call(kTarget, rare));
    absl::SleepFor(absl::Milliseconds(50));
  }
  load.join();
  took["scan"].push_back(Call(kTarget, scan));
  for (const std::string name : {"rare", "common"}) {
    results_.Add({
        .id = "P8." + name,
        .what = absl::StrFormat("list p99 of a million by two labels, %s", name),
        .value = Ms(Quantile(took[name], 0.99)),
        .unit = "ms",
        .beside = "",
        .target = Target{Target::Is::kAtMost, 20}
    });
  }
  results_.Add({.id = "P8.scan",
                .what = "the rare one, p50",
                .value = Ms(Quantile(took["rare"], 0.5)),
                .unit = "ms",
                .beside = "every alert looked at",
                .beside_value = Ms(took["scan"].front()),
                .target = std::nullopt});
  results_.Add({
      .id = "P8.load",
      .what = "P4's p99 while that is asked",
      .value = Ms(Quantile(beside, 0.99)),
      .unit = "ms",
      .beside = "P4 alone, a million alerts",
      .beside_value = Ms(Quantile(alone, 0.99)),
      .target = Target{Target::Is::kAtMost, 1.1}
  });
  return absl::OkStatus();
}

absl::Status Bench::Silences() {
  FillWithAMillion();
  const double before = server_->Metric("tocsin_alerts_suppressed");
  Durations latencies;
  std::thread load([&] { latencies = RunLoad(absl::Seconds(6)); });
  absl::SleepFor(absl::Seconds(2));
  const absl::Time start = absl::Now();
  const absl::Duration answered =
      Call("/tocsin.v1.SilenceService/CreateSilence",
           absl::StrFormat(R"({"matchers":["team=\"team-3\""],"endsAt":"%s","comment":"bench"})",
                           absl::FormatTime(absl::RFC3339_full, start + absl::Hours(1), absl::UTCTimeZone())));
  absl::Duration effective = absl::InfiniteDuration();
  while (absl::Now() < start + absl::Seconds(20)) {
    if (server_->Metric("tocsin_alerts_suppressed") - before >= kStormKeys / 10 * 0.999) {
      effective = absl::Now() - start;
      break;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  load.join();
  if (answered == absl::InfiniteDuration()) return Unavailable("the silence was refused");
  results_.Add({
      .id = "P9",
      .what = "a silence of 100,000 of a million, in effect",
      .value = Ms(effective),
      .unit = "ms",
      .beside = "",
      .target = Target{Target::Is::kAtMost, 1000}
  });
  results_.Add({.id = "P9.ingest",
                .what = "the longest acknowledgement meanwhile",
                .value = Ms(*std::ranges::max_element(latencies)),
                .unit = "ms",
                .beside = "",
                .target = std::nullopt});
  return absl::OkStatus();
}

// Alerts that the changed route sends to somebody who is paged at once, one after the other. When the first page comes the change is in
// effect, and every alert from that one on must be paged.
absl::Status Bench::Routes() {
  FillWithAMillion();
  Durations latencies;
  std::thread load([&] { latencies = RunLoad(absl::Seconds(8)); });
  absl::SleepFor(absl::Seconds(2));
  const std::string body = absl::StrFormat(R"({"files":[{"name":"bench.yaml","text":"%s"}],"reason":"bench"})",
                                           absl::Base64Escape(Organisation(provider_.port(), "probes")));
  const absl::Time start = absl::Now();
  absl::Duration answered;
  std::thread change([&] { answered = Call("/tocsin.v1.OrganisationService/ApplyOrganisation", body); });
  std::vector<std::pair<std::string, absl::Time>> accepted;
  const int fd = Connect(server_->http());
  while (absl::Now() < start + absl::Seconds(5)) {
    const std::string probe = NextProbe();
    const std::string alert =
        absl::StrFormat(R"([{"labels":{"alertname":"%s","moved":"%s","severity":"critical"}}])", probe, probe);
    if (!Exchange(fd, PostOf("/api/v2/alerts", "", alert))) break;
    accepted.emplace_back(probe, absl::Now());
    absl::SleepFor(absl::Milliseconds(5));
  }
  close(fd);
  change.join();
  load.join();
  absl::SleepFor(absl::Seconds(1));
  if (answered == absl::InfiniteDuration()) return Unavailable("the changed route was refused");
  const auto first = std::ranges::find_if(accepted, [&](const auto& probe) { return provider_.Saw(probe.first); });
  if (first == accepted.end()) return Unavailable("the changed route was never in effect");
  // By its page, not by its own instant: it may have come a moment before the change, and gone with it.
  const absl::Time in_effect = provider_.WaitFor(first->first);
  const auto late =
      std::count_if(first, accepted.end(), [&](const auto& probe) { return !provider_.Saw(probe.first); });
  results_.Add({
      .id = "P9.route",
      .what = absl::StrFormat("a changed route, in effect; %d later ones went wrong", late),
      .value = Ms(in_effect - start),
      .unit = "ms",
      .beside = "",
      .target = Target{Target::Is::kAtMost, 1000}
  });
  results_.Add({.id = "P9.route.ingest",
                .what = "the longest acknowledgement meanwhile",
                .value = Ms(*std::ranges::max_element(latencies)),
                .unit = "ms",
                .beside = "",
                .target = std::nullopt});
  return absl::OkStatus();
}

absl::Status Bench::Changes() {
  TOCSIN_TRY(Silences());
  return Routes();
}

int Run(const std::vector<std::string>& names) {
  const Rig rig = Rig::Find();
  Results results;
  Bench bench(rig, results);
  const std::pair<std::string, absl::Status (Bench::*)()> kAll[] = {
      {"P4", &Bench::Acknowledgements},
      {"P5", &Bench::Pages           },
      {"P8", &Bench::Lists           },
      {"P9", &Bench::Changes         },
  };
  absl::Status status = bench.Start();
  for (const auto& [name, run] : kAll) {
    if (status.ok() && (names.empty() || std::ranges::count(names, name) > 0)) status = (bench.*run)();
  }
  if (status.ok()) status = bench.Stop();
  if (!status.ok()) {
    std::fprintf(stderr, "%s, see %s\n", Message(status).c_str(), rig.scratch.c_str());
    return 1;
  }
  results.Write();
  std::filesystem::remove_all(rig.scratch);
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  return tocsin::Run({argv + 1, argv + argc});
}
