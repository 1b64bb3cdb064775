// `./dev bench memory`: resident memory for each active alert, at one million and at ten, beside Alertmanager's at 100,000 (P3).
//
// What grows with the alerts: the resident bytes of the whole process, less what they were when 100,000 alerts were in, each sent
// twice, so that buffers which do not grow with the alerts are in use by then.
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/status.h"
#include "bench/grpc_load.h"
#include "bench/http_load.h"
#include "bench/payload.h"
#include "bench/results.h"
#include "bench/rig.h"

namespace tocsin {
namespace {

using Target = Result::Target;

constexpr std::uint64_t kBase = 100'000;

// The keys [from, to), once.
bool Fill(const BenchServer& server, const AlertBytes& payload, std::uint64_t from, std::uint64_t to) {
  const auto message = [&](std::uint64_t n) {
    return payload.Message(static_cast<std::uint32_t>(from + n * kAlertsPerMessage));
  };
  const Progress progress =
      RunStreams({.address = server.grpc_address(), .message = message, .messages = (to - from) / kAlertsPerMessage});
  absl::SleepFor(absl::Seconds(2));
  return progress.complete;
}

// Of Alertmanager, for each of 100,000 alerts beyond the first 100,000; 0 when it is not there.
double BytesPerAlertOfAlertmanager(const Rig& rig) {
  const auto server = Alertmanager::Start(rig);
  if (!server) return 0;
  const AlertBytes payload(AlertBytes::Form::kPost, kAlertsPerPost);
  const int fd = Connect(server->port());
  const auto fill = [&](std::uint32_t from) {
    for (std::uint32_t first = from; first < from + kBase; first += kAlertsPerPost)
      Exchange(fd, payload.Text(first));
    absl::SleepFor(absl::Seconds(1));
    return static_cast<double>(server->process().ResidentBytes());
  };
  fill(0);
  const double before = fill(0);
  const double after = fill(kBase);
  close(fd);
  return (after - before) / static_cast<double>(kBase);
}

absl::Status Measure(const Rig& rig, std::uint64_t most, Results& results) {
  const double theirs = BytesPerAlertOfAlertmanager(rig);
  TOCSIN_ASSIGN(const auto server, BenchServer::Start(rig, {.name = "p3", .organisation = PlainOrganisation()}));
  const AlertBytes payload(AlertBytes::Form::kMessage, kAlertsPerMessage);
  if (!Fill(*server, payload, 0, kBase) || !Fill(*server, payload, 0, kBase))
    return Unavailable("a stream ended early");
  const auto base = static_cast<double>(server->process().ResidentBytes());
  std::uint64_t have = kBase;
  for (const std::uint64_t count : {std::uint64_t{1'000'000}, std::uint64_t{10'000'000}}) {
    if (count > most) break;
    if (!Fill(*server, payload, have, kBase + count)) return Unavailable("a stream ended early");
    have = kBase + count;
    const auto resident = static_cast<double>(server->process().ResidentBytes());
    const std::string id = absl::StrFormat("P3.%dM", count / 1'000'000);
    results.Add({
        .id = id,
        .what = "resident bytes for each further active alert",
        .value = (resident - base) / static_cast<double>(count),
        .unit = "bytes",
        .beside = "",
        .target = Target{Target::Is::kAtMost, 256}
    });
    if (theirs > 0) {
      results.Add({.id = id + ".am",
                   .what = "the same",
                   .value = (resident - base) / static_cast<double>(count),
                   .unit = "bytes",
                   .beside = "Alertmanager at 100,000",
                   .beside_value = theirs,
                   .target = std::nullopt});
    }
  }
  results.Add({.id = "P3.base",
               .what = "resident at 100,000 alerts, all of it",
               .value = base / 1e6,
               .unit = "MB",
               .beside = "",
               .target = std::nullopt});
  return server->StopAndVerify();
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  const tocsin::Rig rig = tocsin::Rig::Find();
  tocsin::Results results;
  const std::uint64_t most = argc > 1 ? std::stoull(argv[1]) : 10'000'000;
  if (const absl::Status status = tocsin::Measure(rig, most, results); !status.ok()) {
    std::fprintf(stderr, "%s, see %s\n", tocsin::Message(status).c_str(), rig.scratch.c_str());
    return 1;
  }
  results.Write();
  std::filesystem::remove_all(rig.scratch);
  return 0;
}
