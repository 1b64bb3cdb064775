// `./dev bench pauses [--minutes M]`: does anything ever stand still? Ten minutes at half of P1's rate, each message at its instant, while
// checkpoints are written, the journal is trimmed, its history unlinked, views compacted, and alerts expire that nobody repeats.
//
// Prints how often what happened, a histogram of what senders saw, beside it how late threads were woken that do nothing but sleep
// for a millisecond on each processor (so long the machine stood still by itself), and how many commits took long. Of each long gap it is told
// how much of it the machine was gone: what is left is the server's, or its disk's.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "bench/disk.h"
#include "bench/grpc_load.h"
#include "bench/payload.h"
#include "bench/results.h"
#include "bench/rig.h"
#include "bench/stillness.h"

namespace tocsin {
namespace {

using Durations = std::vector<absl::Duration>;

constexpr std::uint64_t kNewOneIn = 1000;  // messages: alerts that are said once, and expire
constexpr double kBoundsMs[] = {0.5, 1, 2, 4, 8, 16, 32, 50, 100};

// Alerts expire while the bench runs.
std::string Organisation() {
  return absl::StrReplaceAll(PlainOrganisation(), {
                                                      {"lease: 24h", "lease: 20s"}
  });
}

// Which files of the views have come and gone: RocksDB has merged them into others. Looked at each second.
class Compactions {
 public:
  explicit Compactions(std::filesystem::path views) : views_(std::move(views)), thread_([this] { Run(); }) {}
  std::size_t Stop() {
    stop_ = true;
    thread_.join();
    return gone_;
  }

 private:
  void Run() {
    std::set<std::string> seen;
    for (int looks = 0; !stop_; ++looks, absl::SleepFor(absl::Milliseconds(100))) {
      if (looks % 10 != 0) continue;
      std::set<std::string> here;
      std::error_code ignored;  // a file may go while it is looked at
      for (const auto& file : std::filesystem::directory_iterator(views_, ignored)) {
        if (file.path().extension() == ".sst") here.insert(file.path().filename());
      }
      for (const std::string& name : seen)
        gone_ += here.contains(name) ? 0U : 1U;
      seen = std::move(here);
    }
  }
  const std::filesystem::path views_;
  std::atomic<bool> stop_{false};
  std::size_t gone_ = 0;
  std::thread thread_;
};

std::size_t CountLines(const std::filesystem::path& path, std::string_view with) {
  std::ifstream in(path);
  std::string line;
  std::size_t count = 0;
  while (std::getline(in, line))
    count += line.find(with) != std::string::npos ? 1U : 0U;
  return count;
}

std::vector<std::size_t> Buckets(const Durations& durations) {
  std::vector<std::size_t> buckets(std::size(kBoundsMs) + 1);
  for (const absl::Duration duration : durations) {
    const auto* const at = std::ranges::lower_bound(kBoundsMs, absl::ToDoubleMilliseconds(duration));
    ++buckets[static_cast<std::size_t>(at - std::begin(kBoundsMs))];
  }
  return buckets;
}

void PrintHistogram(const Answers& answers, const Durations& asleep) {
  const auto latencies = Buckets(answers.latencies);
  const auto gaps = Buckets(answers.gaps);
  const auto late = Buckets(asleep);
  std::printf("%12s %18s %26s %22s\n", "", "acknowledgements", "from answer to answer", "sleepers' delay");
  for (std::size_t i = 0; i < latencies.size(); ++i) {
    const std::string bound = i < std::size(kBoundsMs) ? absl::StrFormat("<= %g ms", kBoundsMs[i]) : "more";
    std::printf("%12s %18zu %26zu %22zu\n", bound.c_str(), latencies[i], gaps[i], late[i]);
  }
}

double LongestMs(const Durations& durations) {
  return durations.empty() ? 0 : absl::ToDoubleMilliseconds(*std::ranges::max_element(durations));
}

// Of gaps, what is left when the machine's own standing still is taken away. Those that are long are told one by one.
absl::Duration LongestOfOurs(const Answers& answers, const Stillness& stillness) {
  constexpr std::size_t kTold = 20;
  absl::Duration longest;
  for (const absl::Duration gap : answers.gaps)
    if (gap <= Answers::kLong) longest = std::max(longest, gap);
  if (!answers.long_gaps.empty()) {
    std::printf(
        "gaps of more than 50 ms: %zu; the sleepers are %s\n", answers.long_gaps.size(),
        stillness.is_first() ? "before all programs" : "among all programs: what they missed may be the programs'");
  }
  for (std::size_t i = 0; i < answers.long_gaps.size(); ++i) {
    const Stretch& gap = answers.long_gaps[i];
    const absl::Duration gone = stillness.Within(gap);
    const absl::Duration ours = gap.second - gap.first - gone;
    longest = std::max(longest, ours);
    if (i < kTold) {
      std::printf("  %s: %.0f ms, of which a processor was gone for %.0f\n",
                  absl::FormatTime("%H:%M:%E3S", gap.first, absl::UTCTimeZone()).c_str(),
                  absl::ToDoubleMilliseconds(gap.second - gap.first), absl::ToDoubleMilliseconds(gone));
    }
  }
  return longest;
}

// What was to happen in the run, and did. An error: something did not.
absl::Status CheckThatItHappened(const Rig& rig, const BenchServer& server, std::size_t compacted) {
  const std::size_t checkpoints = CountLines(rig.scratch / "pauses.log", "checkpoint written");
  const double expired = server.Metric("tocsin_alerts_resolved_kept");
  const double written = server.Metric("tocsin_journal_bytes_total");
  const bool trimmed = !std::filesystem::exists(server.data() / "journal" / absl::StrFormat("%020d.journal", 1));
  std::printf("checkpoints %zu, tables compacted away %zu, alerts expired %.0f, journal written %.0f MB and %s\n",
              checkpoints, compacted, expired, written / 1e6, trimmed ? "trimmed" : "not trimmed");
  if (checkpoints == 0 || compacted == 0 || expired == 0 || !trimmed) {
    return Precondition("not everything happened that was to happen: run it for longer");
  }
  return absl::OkStatus();
}

absl::Status RunFor(const Rig& rig, absl::Duration duration) {
  TOCSIN_ASSIGN(
      const auto server,
      BenchServer::Start(rig, {.name = "pauses", .organisation = Organisation(), .flags = {"--history_mib=256"}}));
  const std::vector<grpc::ByteBuffer> all = AllMessages();
  const AlertBytes fresh(AlertBytes::Form::kMessage, kAlertsPerMessage);
  const auto message = [&](std::uint64_t n) {
    if (n % kNewOneIn != 0) return all[n % all.size()];
    return fresh.Message(static_cast<std::uint32_t>(kKeys + n / kNewOneIn * kAlertsPerMessage));
  };
  const Progress full = RunStreams({.address = server->grpc_address(), .message = message});
  if (!full.complete) return Unavailable("a stream ended early, see %s", rig.scratch.string());
  const double rate = full.PerSecond() / 2;
  std::printf("%.2f M alerts/s, for %s; the disk before: %s\n", rate * kAlertsPerMessage / 1e6,
              absl::FormatDuration(duration).c_str(), DescribeDisk(rig).c_str());
  std::fflush(stdout);
  Results results;
  Compactions compactions(server->data() / "views");
  const auto slow_commits = [&] {
    return server->Metric("tocsin_journal_commit_seconds_count") -
           server->Metric("tocsin_journal_commit_seconds_bucket{le=\"0.05\"}");
  };
  const double slow_before = slow_commits();
  Stillness stillness;
  const Answers answers =
      RunPacedForAnswers({.address = server->grpc_address(),
                          .messages_per_second = rate,
                          // The numbers go on where the first run's ended: what is new then is new.
                          .message = [&](std::uint64_t n) { return message(n + 1'000'000'000 / kAlertsPerMessage); },
                          .seconds = duration});
  stillness.Stop();
  const std::size_t compacted = compactions.Stop();
  if (answers.latencies.empty()) return Unavailable("a stream ended early, see %s", rig.scratch.string());
  PrintHistogram(answers, stillness.late());
  const absl::Duration own = LongestOfOurs(answers, stillness);
  std::printf("commits of more than 50 ms: %.0f\n", slow_commits() - slow_before);
  const auto row = [&](const std::string& id, const std::string& what, double value, bool promised) {
    results.Add({.id = id,
                 .what = what,
                 .value = value,
                 .unit = "ms",
                 .beside = "",
                 .target = promised ? std::optional(Result::Target{Result::Target::Is::kAtMost, 50}) : std::nullopt});
  };
  row("pauses", "the longest acknowledgement", LongestMs(answers.latencies), true);
  row("pauses.gap", "the longest from answer to answer", LongestMs(answers.gaps), true);
  row("pauses.own", "the same, without what the machine stood still", absl::ToDoubleMilliseconds(own), true);
  row("pauses.p99", "acknowledgement p99", absl::ToDoubleMilliseconds(Quantile(answers.latencies, 0.99)), false);
  row("pauses.machine", "the longest that the machine stood still", LongestMs(stillness.late()), false);
  results.Write();
  TOCSIN_TRY(CheckThatItHappened(rig, *server, compacted));
  return server->StopAndVerify();
}

int Run(const std::vector<std::string>& arguments) {
  double minutes = 10;
  if (!arguments.empty() &&
      (arguments.size() != 2 || arguments[0] != "--minutes" || !absl::SimpleAtod(arguments[1], &minutes))) {
    std::fprintf(stderr, "usage: ./dev bench pauses [--minutes M]\n");
    return 2;
  }
  const Rig rig = Rig::Find();
  if (const absl::Status status = RunFor(rig, absl::Minutes(minutes)); !status.ok()) {
    std::fprintf(stderr, "%s\n", Message(status).c_str());
    return 1;
  }
  std::filesystem::remove_all(rig.scratch);
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  return tocsin::Run({argv + 1, argv + argc});
}
