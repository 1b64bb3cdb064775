#include "bench/results.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

// Large figures without digits that say nothing.
std::string Short(double value) {
  if (value >= 1e6) return absl::StrFormat("%.2f M", value / 1e6);
  if (value >= 1e4) return absl::StrFormat("%.1f k", value / 1e3);
  if (value >= 100) return absl::StrFormat("%.0f", value);
  return absl::StrFormat("%.3g", value);
}

std::string Words(const Result::Target& target) {
  return absl::StrFormat("%s %.3g", target.is == Result::Target::Is::kAtLeast ? ">=" : "<=", target.bound);
}

}  // namespace

bool Result::reached() const {
  if (!target) return true;
  const double judged = beside.empty() ? value : ratio();
  return target->is == Target::Is::kAtLeast ? judged >= target->bound : judged <= target->bound;
}

Results::Results() : begin_(Read()) {}

// proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests' time is among the first two.
Results::Ticks Results::Read() {
  std::ifstream in("/proc/stat");
  std::string cpu;
  in >> cpu;
  Ticks ticks;
  double value = 0;
  for (int i = 0; i < 8 && in >> value; ++i) {
    ticks.all += value;
    if (i == 7) ticks.taken = value;
  }
  return ticks;
}

void Results::Add(Result result) {
  if (rows_.empty()) {
    std::printf("%-14s %-44s %14s %-9s %-34s %8s %10s\n", "", "", "tocsin", "", "beside", "ratio", "target");
  }
  const std::string beside =
      result.beside.empty() ? "" : absl::StrFormat("%s: %s", result.beside, Short(result.beside_value));
  std::printf("%-14s %-44s %14s %-9s %-34s %8s %10s%s\n", result.id.c_str(), result.what.c_str(),
              Short(result.value).c_str(), result.unit.c_str(), beside.c_str(),
              result.beside.empty() ? "" : absl::StrFormat("%.3g", result.ratio()).c_str(),
              result.target ? Words(*result.target).c_str() : "", result.reached() ? "" : "  MISSED");
  std::fflush(stdout);
  rows_.push_back(std::move(result));
}

void Results::Write() const {
  const Ticks end = Read();
  if (end.all > begin_.all) {
    std::printf("the machine's host took %.1f %% of the processors' time meanwhile\n",
                100 * (end.taken - begin_.taken) / (end.all - begin_.all));
  }
  const char* const path = std::getenv("TOCSIN_BENCH_RESULTS");
  if (path == nullptr) return;
  std::ofstream out(path, std::ios::app);
  for (const Result& row : rows_) {
    out << absl::StrFormat(
               R"({"id": "%s", "what": "%s", "value": %.6g, "unit": "%s", "beside": "%s", "beside_value": %.6g, )",
               row.id, row.what, row.value, row.unit, row.beside, row.beside_value)
        << absl::StrFormat(R"("ratio": %.6g, "target": "%s", "reached": %s})", row.ratio(),
                           row.target ? Words(*row.target) : "", row.reached() ? "true" : "false")
        << "\n";
  }
}

absl::Duration Quantile(std::vector<absl::Duration> values, double q) {
  if (values.empty()) return absl::ZeroDuration();
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

}  // namespace tocsin
