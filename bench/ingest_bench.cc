// `./dev bench ingest [NAME...]`: durable ingest beside what two cores can do at all and beside Alertmanager.
//
//   P1    gRPC stream, 500 alerts a message, 2 streams, 100,000 keys going round | a sink that reads nothing
//   P1b   the same, every alert a new key, five million of them; the last million beside the first
//   P1d   as P1, each repeat with another value in its annotation
//   P1c   unary, one alert a call, 64 under way | a sink
//   P2    POST /api/v2/alerts, 100 alerts a body | Debian's Alertmanager, and a sink that reads the bodies
//
// P1, P1c and P2 also by a `tocsin gateway`: the network side in a process of its own, beside the one process before and after it.
//
// With names, only those. Every process, the client included, shares the machine's cores; so the ratios mean something and the
// absolute figures little. After each run the server is stopped and `tocsin verify` reads its journal.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include <unistd.h>

#include "base/status.h"
#include "bench/disk.h"
#include "bench/grpc_load.h"
#include "bench/http_load.h"
#include "bench/payload.h"
#include "bench/results.h"
#include "bench/rig.h"

namespace tocsin {
namespace {

using Target = Result::Target;
constexpr std::uint64_t kNewKeys = 5'000'000;
constexpr std::uint64_t kMillion = 1'000'000 / kAlertsPerMessage;  // in messages

// A process of this program that is only a sink.
class Sink {
 public:
  Sink(const Rig& rig, const std::string& kind)
      : port_(FreePort()), child_({rig.self, "--sink", kind, absl::StrFormat("%d", port_)}, rig.scratch / "sink.log") {}
  bool Wait() const { return child_.WaitFor(port_); }
  std::uint16_t port() const { return port_; }
  std::string address() const { return absl::StrFormat("127.0.0.1:%d", port_); }

 private:
  std::uint16_t port_;
  Child child_;
};

using Messages = std::function<grpc::ByteBuffer(std::uint64_t)>;

// The same load on a sink and on the server. `total`: so many messages, else as many as go in five seconds.
struct StreamRun {
  Progress server;
  double sink = 0;  // messages per second: the mean of before and after, since the machine is not the same at all times
};

absl::StatusOr<double> RunSinkOnce(const Rig& rig, const Messages& message, std::uint64_t total) {
  const Sink sink(rig, "grpc");
  if (!sink.Wait()) return Unavailable("the sink did not start");
  return RunStreams({.address = sink.address(), .waits_for_credit = false, .message = message, .messages = total})
      .PerSecond();
}

absl::StatusOr<StreamRun> RunBoth(const Rig& rig,
                                  const std::string& name,
                                  const Messages& message,
                                  std::uint64_t total) {
  StreamRun run;
  TOCSIN_ASSIGN(const double before, RunSinkOnce(rig, message, total));
  TOCSIN_ASSIGN(const auto server, BenchServer::Start(rig, {.name = name, .organisation = PlainOrganisation()}));
  run.server = RunStreams({.address = server->grpc_address(), .message = message, .messages = total});
  if (!run.server.complete) return Unavailable("a stream ended early, see %s", rig.scratch.string());
  TOCSIN_TRY(server->StopAndVerify());
  TOCSIN_ASSIGN(const double after, RunSinkOnce(rig, message, total));
  run.sink = (before + after) / 2;
  return run;
}

// The same load by a gateway, between two runs without: the machine is not the same at all times. `rate` runs it once.
using Rate = std::function<absl::StatusOr<double>(const BenchServer& server)>;

absl::StatusOr<double> RunOnce(const Rig& rig, const std::string& name, bool gateway, const Rate& rate) {
  TOCSIN_ASSIGN(const auto server,
                BenchServer::Start(rig, {.name = name, .organisation = PlainOrganisation(), .gateway = gateway}));
  TOCSIN_ASSIGN(const double measured, rate(*server));
  TOCSIN_TRY(server->StopAndVerify());
  return measured;
}

absl::Status ByGateway(
    const Rig& rig, Results& results, const std::string& id, double events, double before, const Rate& rate) {
  TOCSIN_ASSIGN(const double by_gateway, RunOnce(rig, id + "-gateway", true, rate));
  TOCSIN_ASSIGN(const double after, RunOnce(rig, id + "-after", false, rate));
  const double beside = (before + after) / 2;
  results.Add({
      .id = id + ".gateway",
      .what = absl::StrFormat("the same by a gateway, which costs %.0f%%", 100 * (1 - by_gateway / beside)),
      .value = events * by_gateway,
      .unit = "alerts/s",
      .beside = "in one process",
      .beside_value = events * beside,
      .target = Target{Target::Is::kAtLeast, 0.85}
  });
  return absl::OkStatus();
}

double AlertsPerSecond(const Progress& progress) {
  return kAlertsPerMessage * progress.PerSecond();
}

Result StreamResult(const std::string& id, const std::string& what, const StreamRun& run, double target) {
  return {
      .id = id,
      .what = what,
      .value = AlertsPerSecond(run.server),
      .unit = "alerts/s",
      .beside = "no-op sink",
      .beside_value = kAlertsPerMessage * run.sink,
      .target = Target{Target::Is::kAtLeast, target}
  };
}

absl::Status Repeats(const Rig& rig, Results& results) {
  const std::vector<grpc::ByteBuffer> all = AllMessages();
  TOCSIN_ASSIGN(const StreamRun run, RunBoth(
                                         rig, "p1", [&](std::uint64_t n) { return all[n % all.size()]; }, 0));
  results.Add(StreamResult("P1", "gRPC stream, 100,000 keys going round", run, 0.5));
  return ByGateway(rig, results, "P1", kAlertsPerMessage, run.server.PerSecond(),
                   [&](const BenchServer& server) -> absl::StatusOr<double> {
                     const Progress progress =
                         RunStreams({.address = server.grpc_address(),
                                     .message = [&](std::uint64_t n) { return all[n % all.size()]; }});
                     if (!progress.complete) return Unavailable("a stream ended early, see %s", rig.scratch.string());
                     return progress.PerSecond();
                   });
}

absl::Status NewKeys(const Rig& rig, Results& results) {
  const AlertBytes payload(AlertBytes::Form::kMessage, kAlertsPerMessage);
  const auto message = [&](std::uint64_t n) {
    return payload.Message(static_cast<std::uint32_t>(n * kAlertsPerMessage));
  };
  TOCSIN_ASSIGN(const StreamRun run, RunBoth(rig, "p1b", message, kNewKeys / kAlertsPerMessage));
  results.Add(StreamResult("P1b", "gRPC stream, 5 million new keys", run, 0.2));
  const std::uint64_t all = kNewKeys / kAlertsPerMessage;
  results.Add({
      .id = "P1b.flat",
      .what = "its last million beside its first",
      .value = kAlertsPerMessage * run.server.PerSecond(all - kMillion, all),
      .unit = "alerts/s",
      .beside = "first million",
      .beside_value = kAlertsPerMessage * run.server.PerSecond(0, kMillion),
      .target = Target{Target::Is::kAtLeast, 0.9}
  });
  return absl::OkStatus();
}

absl::Status Updates(const Rig& rig, Results& results) {
  const AlertBytes payload(AlertBytes::Form::kMessage, kAlertsPerMessage);
  constexpr std::uint64_t kRound = kKeys / kAlertsPerMessage;
  const auto message = [&](std::uint64_t n) {
    return payload.Message(static_cast<std::uint32_t>(n % kRound * kAlertsPerMessage),
                           static_cast<std::uint32_t>(n / kRound));
  };
  TOCSIN_ASSIGN(const StreamRun run, RunBoth(rig, "p1d", message, 0));
  results.Add(StreamResult("P1d", "as P1, another value at each repeat", run, 0.35));
  return absl::OkStatus();
}

absl::Status Calls(const Rig& rig, Results& results) {
  const AlertBytes payload(AlertBytes::Form::kMessage, 1);
  std::vector<grpc::ByteBuffer> calls;
  for (std::uint32_t key = 0; key < 10'000; ++key)
    calls.push_back(payload.Message(key));
  const auto message = [&](std::uint64_t n) { return calls[n % calls.size()]; };
  double beside = 0;
  {
    const Sink sink(rig, "grpc");
    if (!sink.Wait()) return Unavailable("the sink did not start");
    beside = RunUnary({.address = sink.address(), .message = message}).PerSecond();
  }
  const Rate rate = [&](const BenchServer& server) -> absl::StatusOr<double> {
    const Progress progress = RunUnary({.address = server.grpc_address(), .message = message});
    if (!progress.complete) return Unavailable("a call failed, see %s", rig.scratch.string());
    return progress.PerSecond();
  };
  TOCSIN_ASSIGN(const double ours, RunOnce(rig, "P1c", false, rate));
  std::printf("beside P1c: %s\n", DescribeDisk(rig).c_str());
  results.Add({
      .id = "P1c",
      .what = "unary, one alert a call, 64 under way",
      .value = ours,
      .unit = "alerts/s",
      .beside = "no-op service",
      .beside_value = beside,
      .target = Target{Target::Is::kAtLeast, 0.8}
  });
  return ByGateway(rig, results, "P1c", 1, ours, rate);
}

absl::Status Posts(const Rig& rig, Results& results) {
  const std::vector<std::string> all = AllPosts();
  PostLoad load{.request = [&](std::uint64_t n) -> const std::string& { return all[n % all.size()]; }};
  double sink_rate = 0;
  {
    const Sink sink(rig, "http");
    if (!sink.Wait()) return Unavailable("the sink did not start");
    load.port = sink.port();
    sink_rate = RunPosts(load);
  }
  const Rate rate = [&](const BenchServer& server) -> absl::StatusOr<double> {
    load.port = server.http();
    const double measured = RunPosts(load);
    if (measured == 0) return Unavailable("a POST failed, see %s", rig.scratch.string());
    return measured;
  };
  TOCSIN_ASSIGN(const double ours, RunOnce(rig, "P2", false, rate));
  std::printf("beside P2: %s\n", DescribeDisk(rig).c_str());
  if (const auto theirs = Alertmanager::Start(rig)) {
    load.port = theirs->port();
    results.Add({
        .id = "P2",
        .what = "POST /api/v2/alerts, 100 alerts a body",
        .value = ours * kAlertsPerPost,
        .unit = "alerts/s",
        .beside = "Alertmanager",
        .beside_value = RunPosts(load) * kAlertsPerPost,
        .target = Target{Target::Is::kAtLeast, 20}
    });
  }
  results.Add({.id = "P2.sink",
               .what = "the same",
               .value = ours * kAlertsPerPost,
               .unit = "alerts/s",
               .beside = "sink that reads bodies",
               .beside_value = sink_rate * kAlertsPerPost,
               .target = std::nullopt});
  return ByGateway(rig, results, "P2", kAlertsPerPost, ours, rate);
}

int Run(const std::vector<std::string>& names) {
  const std::pair<std::string, absl::Status (*)(const Rig&, Results&)> kAll[] = {
      {"P1",  Repeats},
      {"P1b", NewKeys},
      {"P1d", Updates},
      {"P1c", Calls  },
      {"P2",  Posts  },
  };
  const Rig rig = Rig::Find();
  Results results;
  for (const auto& [name, run] : kAll) {
    if (!names.empty() && std::ranges::count(names, name) == 0) continue;
    if (const absl::Status status = run(rig, results); !status.ok()) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(), Message(status).c_str());
      return 1;
    }
  }
  results.Write();
  std::filesystem::remove_all(rig.scratch);
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[0] == "--sink") {
    const auto port = static_cast<std::uint16_t>(std::stoi(arguments[2]));
    if (arguments[1] == "grpc") return tocsin::RunSink(absl::StrFormat("127.0.0.1:%d", port));
    const tocsin::PostSink sink(port);
    pause();
  }
  return tocsin::Run(arguments);
}
