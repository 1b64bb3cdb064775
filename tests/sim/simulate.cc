// ./dev sim: plays plans, one after the other on each core, and counts. A failing one is shrunk and written to a file.
//
//   --seed N --hours H   one world
//   --minutes M          as many worlds as fit, from --seed (1) on; every hundredth twice
//   --worlds N           so many
//   --plan FILE          a plan that was written before
//   --print, --trace     the plan of a seed; everything that happens
//   --tries N            how often a shrinking plan is played (2000); 0: it is not shrunk
//   --out FOLDER         where shrunk plans go (.)
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include <sys/resource.h>

#include "base/mutex.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"

namespace tocsin::sim {
namespace {

struct Asked {
  std::uint64_t seed = 1;
  double hours = 0;  // 0: a length for each seed
  double minutes = 0;
  std::uint64_t worlds = 0;
  std::string plan;
  bool print = false;
  bool trace = false;
  int tries = 2000;
  std::uint64_t jobs = 0;
  std::uint64_t failures = 5;  // then it ends
  std::string out = ".";
};

Asked ReadArguments(int count, char** arguments) {
  Asked asked;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    const auto value = [&] { return i + 1 < count ? std::string(arguments[++i]) : std::string("0"); };
    if (name == "--seed")
      asked.seed = std::strtoull(value().c_str(), nullptr, 10);
    else if (name == "--hours")
      asked.hours = std::strtod(value().c_str(), nullptr);
    else if (name == "--minutes")
      asked.minutes = std::strtod(value().c_str(), nullptr);
    else if (name == "--worlds")
      asked.worlds = std::strtoull(value().c_str(), nullptr, 10);
    else if (name == "--failures")
      asked.failures = std::strtoull(value().c_str(), nullptr, 10);
    else if (name == "--jobs")
      asked.jobs = std::strtoull(value().c_str(), nullptr, 10);
    else if (name == "--plan")
      asked.plan = value();
    else if (name == "--out")
      asked.out = value();
    else if (name == "--tries")
      asked.tries = std::stoi(value());
    else if (name == "--print")
      asked.print = true;
    else if (name == "--trace")
      asked.trace = true;
    else {
      std::cerr << "there is no argument " << name << "; see tests/sim/simulate.cc\n";
      std::exit(2);
    }
  }
  return asked;
}

absl::Duration LengthOf(const Asked& asked, std::uint64_t seed) {
  return asked.hours > 0 ? absl::Hours(1) * asked.hours : absl::Minutes(30) * static_cast<std::int64_t>(1 + seed % 12);
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

constexpr std::array<const char*, kMoods> kMoodNames = {"well",    "slow", "hangs",  "rejects", "busy",  "lies",
                                                        "forgets", "down", "breaks", "mute",    "mixed", "silent"};

void Say(const SimulationCounters& c, std::uint64_t worlds) {
  const double cpu = CpuSeconds();
  const auto events = static_cast<double>(c.events);
  std::cout << absl::StreamFormat(
      "%d worlds, %.0f simulated hours, %d operations, %d events acknowledged (%d batches refused), %d transitions\n"
      "%.0f s of CPU: %.1f simulated hours in each; of 1,000 alerts an hour %.1f\n",
      worlds, c.hours, c.operations, c.events, c.refused, c.entries, cpu, c.hours / cpu, events / 1000 / cpu);
  std::cout << absl::StreamFormat("%d faults:", c.AllFaults() + c.AllProviderFaults());
  for (std::size_t i = 0; i < c.faults.size(); ++i)
    if (c.faults[i] > 0) std::cout << " " << c.faults[i] << " " << Name(static_cast<Line::Kind>(i));
  std::cout << "; attempts that met a provider that";
  for (std::size_t i = 0; i < c.provider_faults.size(); ++i)
    if (c.provider_faults[i] > 0) std::cout << " " << kMoodNames[i] << " " << c.provider_faults[i];
  std::cout << absl::StreamFormat(
      "\n%d restarts, %d power cuts, %d states compared with what recovery reads\n"
      "%d attempts, %d messages taken, %d foretold by the oracle, %d not followed\n",
      c.restarts, c.power_cuts, c.hashes, c.attempts, c.pages, c.foretold, c.unforetold);
}

// What there is to say of a world that failed; the shrunk plan is written.
void Report(const Asked& asked, const Plan& plan, const SimulationResult& result) {
  std::cout << absl::StreamFormat("seed %d: %s\n", plan.settings.seed, result.violations.front()) << std::flush;
  if (asked.tries <= 0) return;
  const Plan small = ShrinkViolation(plan, result.violations.front(), asked.tries);
  const SimulationResult again = RunPlan(small);
  const std::string path = absl::StrFormat("%s/seed-%d.plan", asked.out, plan.settings.seed);
  std::ofstream file(path);
  file << "# " << (again.violations.empty() ? "nothing" : again.violations.front()) << "\n" << Print(small);
  std::cout << absl::StreamFormat("seed %d: %d lines of %d are left: %s\n", plan.settings.seed, small.lines.size(),
                                  plan.lines.size(), path);
}

class Runner {
 public:
  explicit Runner(const Asked& asked) : asked_(asked), next_(asked.seed) {}

  int Run() {
    const std::uint64_t jobs = asked_.jobs > 0 ? asked_.jobs : std::thread::hardware_concurrency();
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < std::max<std::uint64_t>(jobs, 1); ++i)
      threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads)
      thread.join();
    MutexLock lock(mutex_);
    Say(counters_, worlds_);
    std::cout << (failed_ == 0 ? "no violation\n" : absl::StrFormat("%d worlds with violations\n", failed_));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  bool Goes() const {
    if (asked_.worlds > 0) return next_.load() < asked_.seed + asked_.worlds;
    return std::chrono::steady_clock::now() - began_ < std::chrono::duration<double>(asked_.minutes * 60) &&
           failures_.load() < asked_.failures;
  }

  void Work() {
    while (Goes()) {
      const std::uint64_t seed = next_.fetch_add(1);
      const Plan plan = GeneratePlan(seed, LengthOf(asked_, seed));
      SimulationResult result = RunPlan(plan);
      if (seed % 100 == 0 && RunPlan(plan).trace != result.trace)
        result.violations.emplace_back("I0: played twice, it is not the same");
      MutexLock lock(mutex_);
      counters_.Add(result.counters);
      ++worlds_;
      if (result.violations.empty()) continue;
      ++failed_;
      failures_.fetch_add(1);
      Report(asked_, plan, result);
    }
  }

  const Asked asked_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> failures_{0};
  Mutex mutex_;
  SimulationCounters counters_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t worlds_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
};

int RunOne(const Asked& asked) {
  Plan plan = GeneratePlan(asked.seed, LengthOf(asked, asked.seed));
  if (!asked.plan.empty()) {
    std::ifstream file(asked.plan);
    std::stringstream text;
    text << file.rdbuf();
    const absl::StatusOr<Plan> read = ParsePlan(text.str());
    if (!file || !read.ok()) {
      std::cerr << asked.plan << ": " << (file ? std::string(read.status().message()) : "cannot be read") << "\n";
      return 2;
    }
    plan = *read;
  }
  if (asked.print) {
    std::cout << Print(plan);
    return 0;
  }
  const SimulationResult result = RunPlan(plan, {.print_trace = asked.trace});
  Say(result.counters, 1);
  std::cout << absl::StreamFormat("trace %016x\n", result.trace);
  for (const std::string& violation : result.violations)
    std::cout << violation << "\n";
  if (!result.violations.empty() && asked.plan.empty()) Report(asked, plan, result);
  return result.violations.empty() ? 0 : 1;
}

}  // namespace
}  // namespace tocsin::sim

int main(int count, char** arguments) {
  const auto asked = tocsin::sim::ReadArguments(count, arguments);
  // The engine's log, which tells of every fault.
  if (!asked.trace && std::freopen("/dev/null", "w", stderr) == nullptr) return 2;
  if (asked.minutes > 0 || asked.worlds > 0) return tocsin::sim::Runner(asked).Run();
  return tocsin::sim::RunOne(asked);
}
