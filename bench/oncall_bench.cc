// How long it takes to say who is on call. The schedule: 10 layers of one priority in three zones, each with 4 windows
// a week and 6 participants, and 1,000 overrides in the year, of all kinds, a fifth of them for single layers.
//
// Targets: who is on call at an instant, at most 500 ns (median); the final schedule of the year, at most 1 ms; nothing
// grows with the age of the rotations. Beside them the obvious evaluator, which counts turns one by one and tries every
// window and override (tests/escalation/naive_roster.h).
//
// And how long it takes to arm a timer, to cancel one, and to drain what is due, with a million of them. Targets: at most 200 ns
// to arm and to cancel. Beside it an ordered set and a plain binary heap.
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "bench/timers.h"
#include "benchmark/benchmark.h"
#include "escalation/compiled_schedule.h"
#include "escalation/roster.h"
#include "escalation/schedule.h"
#include "escalation/sweep.h"
#include "model/organisation.h"
#include "tests/escalation/naive_roster.h"

namespace tocsin {
namespace {

const absl::Time kNewYear = absl::FromCivil(absl::CivilYear(2026), absl::UTCTimeZone());
const absl::Time kNextYear = absl::FromCivil(absl::CivilYear(2027), absl::UTCTimeZone());
const ScheduleId kSchedule("s");
constexpr int kUsers = 60;

UserId User(std::uint64_t n) {
  return UserId("user" + std::to_string(n));
}

Layer MakeLayer(int number, int first_year) {
  static constexpr const char* kZones[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney"};
  Layer layer;
  layer.id = LayerId("layer" + std::to_string(number));
  layer.time_zone = kZones[number % 3];
  std::get<Rotation>(layer.pattern).start = absl::CivilMinute(first_year, 1, 5, 9, 0) + number * 60;
  for (int i = 0; i < 6; ++i) {
    layer.participants.push_back({.members = {UserTarget{User(static_cast<std::uint64_t>(number * 6 + i))}}});
  }
  for (int window = 0; window < 4; ++window) {
    layer.restrictions.push_back({.type = Restriction::Type::kWeekly,
                                  .start_minute = (7 * 60 + number * 97) % 1440,
                                  .start_day_of_week = 1 + (window * 2 + number) % 7,
                                  .duration_minutes = 12 * 60});
  }
  return layer;
}

OrganisationPtr MakeOrganisation(int first_year) {
  auto organisation = std::make_shared<Organisation>();
  for (std::uint64_t i = 0; i < kUsers; ++i)
    organisation->users.emplace_back().id = User(i);
  Schedule& schedule = organisation->schedules.emplace_back();
  schedule.id = kSchedule;
  schedule.time_zone = "Europe/Berlin";
  for (int i = 0; i < 10; ++i)
    schedule.layers.push_back(MakeLayer(i, first_year));
  Random random(1);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Override& change = schedule.overrides.emplace_back();
    change.seq = i;
    change.start = kNewYear + absl::Minutes(random.Between(0, 365 * 24 * 60));
    change.end = change.start + absl::Minutes(random.Between(60, 24 * 60));
    change.type = static_cast<Override::Type>(random.Below(4));
    if (change.type == Override::Type::kSwap) {
      change.from_user = User(random.Below(kUsers / 2));
      change.to_user = User(kUsers / 2 + random.Below(kUsers / 2));
    } else {
      change.users.emplace_back(UserTarget{User(random.Below(kUsers))});
    }
    if (random.OneIn(5)) change.layers.push_back(schedule.layers[random.Below(10)].id);
  }
  return organisation;
}

std::vector<absl::Time> Instants() {
  Random random(2);
  std::vector<absl::Time> instants;
  for (int i = 0; i < 4096; ++i)
    instants.push_back(kNewYear + absl::Minutes(random.Between(0, 365 * 24 * 60 - 1)));
  return instants;
}

// The answer as the core uses it: numbers of people.
void OnCallAtAnInstant(benchmark::State& state) {
  const CompiledOrganisation organisation = CompileOrganisation(MakeOrganisation(static_cast<int>(state.range(0))), {});
  std::vector<Instant> instants;
  for (const absl::Time at : Instants())
    instants.push_back(ToInstant(at));
  std::size_t i = 0;
  for (auto _ : state) {
    Evaluation evaluation(organisation, instants[i++ % instants.size()], nullptr);
    PeopleSet people;
    evaluation.AddTarget({.kind = Ref::Kind::kSchedule, .number = 0}, people);
    benchmark::DoNotOptimize(people);
  }
}
BENCHMARK(OnCallAtAnInstant)->ArgName("since")->Arg(2025)->Arg(1925)->Repetitions(9)->ReportAggregatesOnly();

// The answer as a page needs it: ids, and reasons in words.
void ResolveWithReasons(benchmark::State& state) {
  const Roster roster = *Roster::Compile(MakeOrganisation(2025));
  const std::vector<absl::Time> instants = Instants();
  const Target target = ScheduleTarget{kSchedule};
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(roster.Resolve(std::span(&target, 1), instants[i++ % instants.size()]));
  }
}
BENCHMARK(ResolveWithReasons);

void OnCallAtAnInstantNaively(benchmark::State& state) {
  const OrganisationPtr organisation = MakeOrganisation(static_cast<int>(state.range(0)));
  const NaiveRoster naive(*organisation, AskAbseil);
  const std::vector<absl::Time> instants = Instants();
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(naive.OnCall(kSchedule, instants[i++ % instants.size()]));
}
BENCHMARK(OnCallAtAnInstantNaively)->ArgName("since")->Arg(2025)->Arg(1925)->Unit(benchmark::kMicrosecond);

void FinalScheduleOfAYear(benchmark::State& state) {
  const Roster roster = *Roster::Compile(MakeOrganisation(static_cast<int>(state.range(0))));
  std::size_t shifts = 0;
  for (auto _ : state) {
    const absl::StatusOr<std::vector<Shift>> answer = roster.FinalSchedule(kSchedule, kNewYear, kNextYear);
    TOCSIN_CHECK(answer.ok(), "a year can be asked for");
    shifts = answer->size();
  }
  state.counters["shifts"] = static_cast<double>(shifts);
}
BENCHMARK(FinalScheduleOfAYear)->ArgName("since")->Arg(2025)->Arg(1925)->Unit(benchmark::kMicrosecond);

void NextChange(benchmark::State& state) {
  const Roster roster = *Roster::Compile(MakeOrganisation(2025));
  const std::vector<absl::Time> instants = Instants();
  std::size_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(roster.NextChange(kSchedule, instants[i++ % instants.size()]));
}
BENCHMARK(NextChange);

void CompileAnOrganisation(benchmark::State& state) {
  const OrganisationPtr organisation = MakeOrganisation(2025);
  for (auto _ : state)
    benchmark::DoNotOptimize(Roster::Compile(organisation));
}
BENCHMARK(CompileAnOrganisation)->Unit(benchmark::kMicrosecond);

// A million timers armed, in the next day and of all severities. The counter is one of them.
constexpr std::uint64_t kTimers = 1'000'000;

std::vector<DueTimer> RandomTimers() {
  Random random(3);
  std::vector<DueTimer> keys;
  for (std::uint64_t i = 0; i < kTimers; ++i) {
    keys.push_back({EngineTime(random.Between(1, 86'400'000'000'000)), static_cast<std::uint8_t>(random.Below(3)),
                    TimerId(i + 1)});
  }
  return keys;
}

void PerTimer(benchmark::State& state, std::uint64_t timers) {
  state.counters["each"] = benchmark::Counter(
      static_cast<double>(timers), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <typename Timers>
void ArmAMillionTimers(benchmark::State& state) {
  const std::vector<DueTimer> keys = RandomTimers();
  for (auto _ : state) {
    auto timers = std::make_unique<Timers>();
    for (const DueTimer& key : keys)
      timers->Arm(key);
    benchmark::DoNotOptimize(timers->Due(EngineTime(0), 1));
    state.PauseTiming();
    timers.reset();
    state.ResumeTiming();
  }
  PerTimer(state, kTimers);
}

template <typename Timers>
void CancelAMillionTimers(benchmark::State& state) {
  const std::vector<DueTimer> keys = RandomTimers();
  std::vector<TimerId> order;
  for (const DueTimer& key : keys)
    order.push_back(key.id);
  Random random(4);
  for (std::size_t i = order.size() - 1; i > 0; --i)
    std::swap(order[i], order[random.Below(i + 1)]);
  for (auto _ : state) {
    state.PauseTiming();
    auto timers = std::make_unique<Timers>();
    for (const DueTimer& key : keys)
      timers->Arm(key);
    state.ResumeTiming();
    for (const TimerId id : order)
      timers->Cancel(id);
    state.PauseTiming();
    timers.reset();
    state.ResumeTiming();
  }
  PerTimer(state, kTimers);
}

// Of a million, 100,000 at one instant: looked at 64 at a time and cancelled as they are dealt with, the critical ones first.
template <typename Timers>
void DrainAHundredThousandDueAtOnce(benchmark::State& state) {
  constexpr std::uint64_t kDue = 100'000;
  std::vector<DueTimer> keys = RandomTimers();
  for (std::uint64_t i = 0; i < kDue; ++i)
    keys[i * (kTimers / kDue)].due = EngineTime(0);
  for (auto _ : state) {
    state.PauseTiming();
    auto timers = std::make_unique<Timers>();
    for (const DueTimer& key : keys)
      timers->Arm(key);
    state.ResumeTiming();
    std::uint64_t drained = 0;
    DueTimer last;
    for (std::vector<DueTimer> due = timers->Due(EngineTime(0), 64); !due.empty();
         due = timers->Due(EngineTime(0), 64)) {
      for (const DueTimer& key : due) {
        TOCSIN_CHECK(drained == 0 || last < key, "by severity, then by age");
        last = key;
        timers->Cancel(key.id);
        ++drained;
      }
    }
    TOCSIN_CHECK(drained == kDue, "all of them");
    state.PauseTiming();
    timers.reset();
    state.ResumeTiming();
  }
  PerTimer(state, kDue);
}

#define TOCSIN_TIMER_BENCHMARK(name)                                    \
  BENCHMARK_TEMPLATE(name, RadixTimers)->Unit(benchmark::kMillisecond); \
  BENCHMARK_TEMPLATE(name, TreeTimers)->Unit(benchmark::kMillisecond);  \
  BENCHMARK_TEMPLATE(name, HeapTimers)->Unit(benchmark::kMillisecond)
TOCSIN_TIMER_BENCHMARK(ArmAMillionTimers);
TOCSIN_TIMER_BENCHMARK(CancelAMillionTimers);
TOCSIN_TIMER_BENCHMARK(DrainAHundredThousandDueAtOnce);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
