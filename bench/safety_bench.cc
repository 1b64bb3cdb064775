// `./dev bench safety`: what each safety costs, beside the same without it. This part: the journal's hash chain and the metrics; `./dev`
// then runs the benchmarks of reading and of a shard as they ship and as preset `plain` builds them, without hardening.
#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/hash.h"
#include "base/metrics.h"
#include "bench/results.h"
#include "storage/journal_format.h"

namespace tocsin {
namespace {

constexpr std::size_t kBodyBytes = 64 * 1024;  // of a commit under load
constexpr double kDuplicateBytes = 5;          // of journal, see ./dev bench cost
constexpr double kObservationsPerBatch = 8;    // counters and histograms that a batch of 500 goes by
constexpr double kAlertsPerBatch = 500;
volatile std::uint64_t seen = 0;  // so that nothing is left out

// Nanoseconds of one call, the least of some rounds.
template <typename Work>
double Cost(int calls, Work work) {
  double best = 1e18;
  for (int round = 0; round < 9; ++round) {
    const absl::Time start = absl::Now();
    for (int i = 0; i < calls; ++i)
      work();
    best = std::min(best, absl::ToDoubleNanoseconds(absl::Now() - start) / calls);
  }
  return best;
}

int Run() {
  Results results;
  const std::string body(kBodyBytes, 'x');
  journal::RawEntry entry;
  entry.entry.sequence = Sequence(1);
  entry.entry.body = body;
  entry.ends_commit = true;
  std::string out;
  const double whole = Cost(500, [&] {
    out.clear();
    seen = journal::AppendEntry(out, 1, entry).low;
  });
  const double chain = Cost(500, [&] { seen = HashTo128(body).low; });
  results.Add({.id = "safety.chain",
               .what = absl::StrFormat("hash chain: %.2g ns a duplicate; of an entry of 64 KiB",
                                       chain / kBodyBytes * kDuplicateBytes),
               .value = chain / 1e3,
               .unit = "us",
               .beside = "entry with chain and check",
               .beside_value = whole / 1e3,
               .target = std::nullopt});
  Counter counter;
  Histogram histogram(Histogram::Seconds());
  const double metric = Cost(100'000, [&] {
    counter.Add();
    histogram.Observe(0.001);
  });
  results.Add({.id = "safety.metrics",
               .what = absl::StrFormat("a counter and a histogram; %.2g ns an alert of 500",
                                       metric * kObservationsPerBatch / 2 / kAlertsPerBatch),
               .value = metric,
               .unit = "ns",
               .beside = "",
               .target = std::nullopt});
  results.Write();
  return 0;
}

}  // namespace
}  // namespace tocsin

int main() {
  return tocsin::Run();
}
