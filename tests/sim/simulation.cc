#include "tests/sim/simulation.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <rocksdb/env.h>

#include "base/limits.h"
#include "tests/sim/simulation_impl.h"

namespace tocsin::sim {
namespace {

// Afterwards everything that is open has had the time to come to an end: two passes, and a limit of an hour.
constexpr absl::Duration kQuietTime = absl::Hours(3);
// How often we look although nothing is due.
constexpr absl::Duration kTick = absl::Seconds(20);
constexpr absl::Duration kLeastStep = absl::Milliseconds(10);
constexpr std::uint64_t kJournalBytes = 64 << 20;
// A shard that has worked may have kept its reports back for a moment (engine/pipeline_shard.cc).
constexpr absl::Duration kShardsLookAgain = absl::Milliseconds(101);
// No stage leaves its work for longer.
constexpr absl::Duration kHalfDone = absl::Milliseconds(500);
constexpr int kRounds = 10'000;

// The person was told before by another method, of which no receipt came.
bool FollowsUnconfirmed(const ResponderState& state, const Notification& notification) {
  const auto page = state.pages.find(notification.page);
  return page != state.pages.end() && std::ranges::any_of(page->second.notifications, [&](NotificationId id) {
           const auto row = state.notifications.find(id);
           return row != state.notifications.end() && row->second.unconfirmed;
         });
}

}  // namespace

std::uint64_t SimulationCounters::AllFaults() const {
  return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
}
std::uint64_t SimulationCounters::AllProviderFaults() const {
  return std::accumulate(provider_faults.begin(), provider_faults.end(), std::uint64_t{0});
}

void SimulationCounters::Add(const SimulationCounters& other) {
  operations += other.operations;
  std::ranges::transform(faults, other.faults, faults.begin(), std::plus());
  restarts += other.restarts;
  power_cuts += other.power_cuts;
  entries += other.entries;
  events += other.events;
  refused += other.refused;
  attempts += other.attempts;
  pages += other.pages;
  std::ranges::transform(provider_faults, other.provider_faults, provider_faults.begin(), std::plus());
  foretold += other.foretold;
  unforetold += other.unforetold;
  hashes += other.hashes;
  hours += other.hours;
}

Simulation::Simulation(const Plan& plan, const SimulationOptions& options)
    : plan_(plan),
      options_(options),
      random_(static_cast<std::uint64_t>(plan.settings.seed)),
      liar_(disk_),
      views_(rocksdb::NewMemEnv(rocksdb::Env::Default())),
      providers_(random_.Next(),
                 {[this](const Notification& notification, bool) {
                    Trace(absl::StrCat("begins N", notification.id.value(), " attempt ", notification.attempt));
                    // Nobody judges an attempt that is never answered.
                    if (notification.attempt >= 5 || FollowsUnconfirmed(responder().state(), notification))
                      oracle_.Lose(ServiceOf(notification.subject));
                    checker_.AttemptBegins(notification, responder(), clock_.Read());
                    oracle_.Began(notification, ServiceOf(notification.subject), clock_.Read());
                  },
                  [this](const Notification& notification) { Trace(absl::StrCat("taken N", notification.id.value())); },
                  [this](const std::string& key) { CanaryArrives(key); },
                  [this](const Notification& notification, AttemptResult::Kind kind) {
                    Trace(absl::StrCat("judged N", notification.id.value(), " ", static_cast<int>(kind)));
                    checker_.Judged(notification, kind, responder(), clock_.Read().engine);
                    // The person's next method may be used, or the next step come before its time.
                    const bool given_up = kind == AttemptResult::Kind::kRejected || notification.attempt >= 5;
                    if (kind != AttemptResult::Kind::kAccepted && given_up)
                      oracle_.Lose(ServiceOf(notification.subject));
                  },
                  [this](Command command) {
                    const auto* receipt = std::get_if<ProviderReceipt>(&command.body);
                    if (receipt != nullptr && !receipt->delivered) oracle_.LoseAll();
                    if (engine_) engine_->Execute(std::move(command), nullptr);
                  },
                  [this](const std::string& text) { Violate(text); }}),
      senders_({[this](std::int64_t alert, Severity) { oracle_.Said(alert); },
                [this](const Senders::Known& known) {
                  Trace(absl::StrCat("known ", known.alert, " ", known.firing ? 1 : 0));
                  oracle_.Known(known, clock_.Read());
                },
                [this](const std::string& text) { Violate(text); }}),
      checker_([this](const std::string& text) { Violate(text); }),
      oracle_([this](const std::string& text) { Violate(text); }),
      history_([this](const std::string& text) { Violate(text); }) {
  wanted_organisation_ = plan.settings.organisation;
}

Simulation::~Simulation() {
  Stop();
}

void Simulation::Violate(const std::string& text) {
  Trace("VIOLATION " + text);
  if (result_.violations.size() < 20) result_.violations.push_back(text);
}

void Simulation::Trace(const std::string& text) {
  const std::int64_t elapsed = absl::ToInt64Milliseconds(clock_.elapsed());
  result_.trace = Hash64(absl::StrCat(result_.trace, elapsed, " ", text));
  if (options_.print_trace) std::printf("%s\n", absl::StrCat(elapsed, " ", text).c_str());
}

// All that the engine says of what it does.
void Simulation::TraceTimeline() {
  for (const TimelineTail::Slice news = engine_->timeline_tail().Read(told_, 100'000); const auto& item : news.items) {
    const TimelineEntry& entry = item->entry;
    history_.Happened(entry);
    if (entry.kind == TimelineEntry::Kind::kReceipt) checker_.ReceiptTold(entry);
    Trace(absl::StrCat("  ", static_cast<int>(entry.subject.kind), "/", entry.subject.id, " ", entry.text));
    told_ = news.end;
  }
}

bool Simulation::IsStalled(std::size_t stage) const {
  return clock_.elapsed() < stalled_until_[stage];
}
bool Simulation::IsAnyStalled() const {
  return std::ranges::any_of(stalled_until_, [&](absl::Duration until) { return clock_.elapsed() < until; });
}

// 0: committer, 1: responder, 2: keeper, from 3 on the shards.
bool Simulation::StepOne(std::size_t stage) {
  if (IsStalled(std::min<std::size_t>(stage, 3))) return false;
  switch (stage) {
    case 0: return engine_->Step(Engine::Stage::kCommitter);
    case 1: return engine_->Step(Engine::Stage::kResponder);
    case 2: return engine_->Step(Engine::Stage::kKeeper);
    default: break;
  }
  const bool busy = engine_->Step(Engine::Stage::kShard, static_cast<std::uint32_t>(stage - 3));
  if (busy) shards_look_ = clock_.elapsed() + kShardsLookAgain;
  return busy;
}

// Each stage once, in an order that is drawn anew.
bool Simulation::StepStages() {
  const auto stages = static_cast<std::size_t>(3 + plan_.settings.shards);
  std::array<std::size_t, 16> order = {};
  for (std::size_t i = 0; i < stages; ++i) {
    const auto place = static_cast<std::size_t>(random_.Below(i + 1));
    order[i] = order[place];
    order[place] = i;
  }
  bool busy = false;
  for (std::size_t i = 0; i < stages && alive(); ++i)
    busy = StepOne(order[i]) || busy;
  return busy;
}

// Some steps of some stages: then whatever comes next meets work that is half done.
void Simulation::Wander(std::int64_t steps) {
  for (std::int64_t i = 0; i < steps && alive(); ++i)
    StepOne(random_.Below(static_cast<std::uint64_t>(3 + plan_.settings.shards)));
}

// Everything works until nothing has anything to do at this instant.
void Simulation::Rest() {
  half_done_ = false;
  int round = 0;
  for (bool busy = true; busy && alive(); ++round) {
    busy = StepStages();
    if (alive() && providers_.Next() <= clock_.Read().engine) {
      const auto rules = engine_->rules();
      if (rules && rules->organisation) busy = providers_.Work(clock_.Read(), *rules->organisation) || busy;
    }
    if (round < kRounds) continue;
    Violate("I12: the stages never come to rest");
    return;
  }
  if (alive()) TraceTimeline();
  if (dead_) Revive();
  if (IsAnyStalled()) oracle_.Disturbed(clock_.Read().engine);
}

absl::Duration Simulation::NextInstant(absl::Duration until) {
  const Now now = clock_.Read();
  absl::Duration next = std::min(until - clock_.elapsed(), kTick);
  next = std::min(next, providers_.Next() - now.engine);
  const Responder& state = responder();
  next = std::min(next, state.NextTimer() - now.engine);
  next = std::min(next, state.NextWallTimer() - now.wall);
  if (clock_.elapsed() < shards_look_) next = std::min(next, shards_look_ - clock_.elapsed());
  if (half_done_) next = std::min(next, absl::Milliseconds(random_.Between(1, absl::ToInt64Milliseconds(kHalfDone))));
  if (canary_ != nullptr && canary_->is_under_way()) next = std::min(next, absl::Seconds(1));
  if (senders_.has_unsaid()) next = std::min(next, absl::Seconds(1));
  next = std::max(next, IsAnyStalled() ? absl::Milliseconds(100) : kLeastStep);
  for (const absl::Duration stalled : stalled_until_)  // a stage goes on the moment it can
    if (stalled > clock_.elapsed()) next = std::min(next, stalled - clock_.elapsed());
  return next;
}

void Simulation::AdvanceTo(absl::Duration until) {
  while (clock_.elapsed() < until && !failed()) {
    if (!alive()) return Revive();
    Heal();
    clock_.Advance(std::min(NextInstant(until), until - clock_.elapsed()));
    if (CutWhatIsStuck()) continue;
    if (senders_.has_unsaid() && clock_.elapsed() >= next_send_) {
      next_send_ = clock_.elapsed() + absl::Seconds(1);
      senders_.Send(*engine_);
    }
    Watch();
    if (organisation_ < 0 || std::exchange(apply_again_, false)) Apply(wanted_organisation_);
    Rest();
    Look();
  }
}

void Simulation::Look() {
  if (!alive() || failed()) return;
  const Now now = clock_.Read();
  oracle_.Look(now);
  if (clock_.elapsed() < next_look_ || IsAnyStalled()) return;
  next_look_ = clock_.elapsed() + absl::Seconds(5);
  const Sequence written = store_->journal().last();
  checker_.Look(responder(), now, written);
  if (std::exchange(counted_, written) != written) LookAtNumbers();
}

// What is counted for good, and what is held.
void Simulation::LookAtNumbers() {
  const Engine::Statistics statistics = engine_->ReadStatistics();
  entries_ = std::max(entries_, statistics.committed_sequence);
  if (statistics.auditor_findings > 0) Violate("I8: the auditor had to repair a group");
  if (statistics.ring_bytes_used > limits::kShardRingBytes * engine_->shard_count())
    Violate("I12: a ring is too large");
  if (store_->journal().bytes_on_disk() > kJournalBytes) Violate("I12: the journal is not trimmed");
}

void Simulation::Do(const Line& line) {
  Trace(Print(line));
  ++result_.counters.operations;
  if (IsFault(line.kind)) {
    ++result_.counters.faults[static_cast<std::size_t>(line.kind)];
    Break(line);
  } else if (alive()) {
    Operate(line);
  }
  if (!alive()) return Revive();
  const std::int64_t restless = plan_.settings.restless;
  if (restless > 0 && random_.OneIn(static_cast<std::uint64_t>(restless))) {
    Wander(random_.Between(0, 8));
    half_done_ = true;
    oracle_.Disturbed(clock_.Read().engine + kHalfDone);
  } else {
    Rest();
    Look();
  }
}

// Faults end, everybody is well; nothing fires any more than did. Then all that is open must come to its end.
void Simulation::Settle() {
  providers_.EndMoods();
  disk_.SetReadOnly(false);
  disk_.SetCapacity(UINT64_MAX / 2);
  full_until_ = read_only_until_ = clock_.elapsed();
  stalled_until_ = {};
  stuck_cut_.reset();
  if (!alive()) Revive();
  if (alive()) Rest();  // what was stalled goes on
  AdvanceTo(clock_.elapsed() + kQuietTime);
  if (failed() || !alive()) return;
  Rest();
  LookAtNumbers();
  checker_.LookAtTheEnd(responder(), clock_.Read(), providers_);
  senders_.Check(*engine_, /*settled=*/true);
  history_.Look(*store_);
  LookAtBeats();
}

SimulationResult Simulation::Run() {
  if (Start()) {
    Apply(wanted_organisation_);
    Rest();
    for (const Line& line : plan_.lines) {
      AdvanceTo(line.at);
      if (failed()) break;
      Do(line);
    }
    if (!failed()) AdvanceTo(absl::Milliseconds(plan_.settings.length_ms));
    if (!failed()) Settle();
  }
  SimulationCounters& counters = result_.counters;
  counters.entries = entries_;
  counters.events = senders_.counters().acknowledged;
  counters.refused = senders_.counters().refused;
  counters.attempts = providers_.begun();
  counters.pages = providers_.taken();
  counters.provider_faults = providers_.failures();
  counters.foretold = oracle_.foretold();
  counters.unforetold = oracle_.unforetold();
  counters.hours = absl::ToDoubleHours(clock_.elapsed());
  Trace(absl::StrFormat("end: %d entries, %d taken", counters.entries, counters.pages));
  return std::move(result_);
}

SimulationResult RunPlan(const Plan& plan, const SimulationOptions& options) {
  return Simulation(plan, options).Run();
}

}  // namespace tocsin::sim
