#include "replay/world.h"

#include <algorithm>

namespace tocsin::replay {
namespace {

// As the server's stages have them (engine/pipeline_shard.cc, pipeline_responder.cc, pipeline.cc).
constexpr absl::Duration kReportInterval = absl::Milliseconds(100);
constexpr std::size_t kReportsPerDecision = 16;
constexpr std::size_t kTimersPerDecision = 32;
constexpr std::size_t kWorkPerRound = 4096;
constexpr absl::Duration kLeaseGrace = absl::Minutes(5);

// Of what a commit has merged into one event, so many are applied one by one: a rule may count them.
constexpr std::uint64_t kMostRepeats = 64;

}  // namespace

World::World(Options options, Decided decided)
    : options_([&] {
        options.responder.shard_count = options.shard_count;
        options.responder.key_seed = options.shard.key_seed;
        return options;
      }()),
      decided_(std::move(decided)),
      responder_(options_.responder),
      batch_(options_.shard.key_seed, 0) {
  for (std::uint32_t i = 0; i < options_.shard_count; ++i) {
    Shard::Options shard = options_.shard;
    shard.index = i;
    shard.shard_count = options_.shard_count;
    shards_.emplace_back(shard);
  }
  states_.resize(options_.shard_count);
}

absl::Status World::Fold(std::uint32_t shard, std::string_view body, const Now& at) {
  const absl::Status folded = shards_[shard].Fold(body);
  const EngineTime clock = shards_[shard].LeaseClock();
  ShardState& state = states_[shard];
  if (clock == state.clock) return folded;
  state.clock = clock;
  state.clock_at = at.engine;
  grace_until_ = EngineTime();  // it runs
  return folded;
}

void World::Begin(const Now& now, std::vector<IntegrationId> integrations) {
  now_ = now;
  begun_ = true;
  // The clocks go on from where they were last seen.
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    ShardState& state = states_[i];
    if (state.clock == EngineTime()) state.clock = state.clock_at = now.engine;  // a new table begins at engine time
    shards_[i].Work({now.wall, state.clock_at}, state.clock_at, 0);
  }
  integrations_ = std::move(integrations);
  Perform(responder_.Start(now));
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].ReportAll();
    states_[i].dirty = true;
    states_[i].reported_at = now.engine - kReportInterval;
  }
  Settle();
  for (std::uint32_t i = 0; i < options_.shard_count; ++i)
    Perform(responder_.ShardReported(i, now));
  Settle();
}

void World::AdvanceTo(const Now& now) {
  if (now.engine <= now_.engine) return;  // the same commit
  const absl::Duration offset = now_.wall - absl::UnixEpoch() - absl::Nanoseconds(now_.engine.ns());
  for (EngineTime next = NextDue(); next < now.engine; next = NextDue()) {
    now_.engine = std::max(now_.engine, next);
    now_.wall = absl::UnixEpoch() + absl::Nanoseconds(now_.engine.ns()) + offset;
    Settle();
  }
  now_ = now;
  Settle();
}

void World::SkipTo(const Now& now) {
  if (unsettled_) Settle();
  if (!begun_) {
    for (ShardState& state : states_)
      state.clock_at = now.engine;
    now_ = now;
  }
  frozen_ = begun_ ? TakenIn() : now.engine;
  now_ = {now.wall, std::max(now_.engine, now.engine)};
  grace_until_ = now_.engine + kLeaseGrace;
  paused_ = grace_until_ - frozen_;
  if (begun_) Settle();
}

void World::LeasesRunTo(std::uint32_t shard, EngineTime clock) {
  const EngineTime wanted = states_[shard].clock_at + (clock - states_[shard].clock);
  if (TakenIn() >= wanted) return;
  paused_ = now_.engine - wanted;
  grace_until_ = std::min(grace_until_, now_.engine);
}

EngineTime World::TakenIn() const {
  return now_.engine < grace_until_ ? frozen_ : now_.engine - paused_;
}

EngineTime World::EngineOf(EngineTime taken_in) const {
  if (taken_in == EngineTime::Infinite()) return taken_in;
  return std::max(taken_in + paused_, grace_until_);
}

// When something happens next by itself; not before now.
EngineTime World::NextDue() const {
  if (unsettled_) return now_.engine;
  EngineTime next = responder_.NextTimer();
  const absl::Time wall = responder_.NextWallTimer();
  if (wall != absl::InfiniteFuture()) next = std::min(next, now_.engine + (wall - now_.wall));
  if (!under_way_.empty()) next = std::min(next, under_way_.front().due);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (states_[i].dirty) next = std::min(next, states_[i].reported_at + kReportInterval);
    next = std::min(next, EngineOf(shards_[i].NextExpiry()));
  }
  return std::max(next, now_.engine);
}

void World::Apply(const RecordedEvent& event) {
  EventHeader header;
  header.kind = event.kind;
  header.severity = event.severity;
  header.starts_at_ns = event.starts_at_ns;
  header.ends_at_ns = event.ends_at_ns;
  labels_.assign(event.labels.begin(), event.labels.end());
  annotations_.assign(event.annotations.begin(), event.annotations.end());
  batch_.Clear(event.integration);
  // It was taken in once, so it is within the limits.
  if (!batch_.Append(header, labels_, annotations_, event.dedup_key, event.link).ok()) return;
  const std::size_t index = event.key.low % shards_.size();
  const std::uint64_t times =
      event.kind == EventKind::kTrigger ? std::clamp<std::uint64_t>(event.events, 1, kMostRepeats) : 1;
  for (std::uint64_t i = 0; i < times; ++i)
    shards_[index].Apply(batch_.at(0), now_);
  states_[index].dirty = true;
  unsettled_ = true;
}

CommandResult World::Do(Command command) {
  Settle();
  Decision decision = responder_.Handle(command, now_);
  CommandResult result = decision.result;
  Perform(std::move(decision));
  Settle();
  return result;
}

// Lets everything that is due now happen.
void World::Settle() {
  unsettled_ = false;
  for (bool busy = true; busy;) {
    busy = Deliver();
    busy = WorkShards() || busy;
    busy = Report() || busy;
    busy = FireTimers() || busy;
  }
}

bool World::WorkShards() {
  const EngineTime taken_in = TakenIn();
  bool worked = false;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i].NextExpiry() > taken_in) continue;
    while (shards_[i].Work(now_, taken_in, kWorkPerRound)) {
    }
    states_[i].dirty = worked = true;
  }
  return worked;
}

// Under load only what cannot wait is reported at once, as in the server.
bool World::Report() {
  std::map<std::uint32_t, SourceReport> sources;
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    ShardState& state = states_[i];
    if (!state.dirty) continue;
    const bool all = now_.engine - state.reported_at >= kReportInterval;
    if (all) {
      shards_[i].Seal([](std::string_view) {});
      state.reported_at = now_.engine;
      state.dirty = false;
    }
    shards_[i].TakeReports(reports_, all ? Shard::Reports::kAll : Shard::Reports::kUrgent);
    if (std::optional<SourceReport> report = shards_[i].TakeSources()) sources.emplace(i, *std::move(report));
  }
  const bool any = !reports_.empty();
  for (std::size_t at = 0; at < reports_.size(); at += kReportsPerDecision) {
    const auto begin = reports_.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        reports_.begin() + static_cast<std::ptrdiff_t>(std::min(at + kReportsPerDecision, reports_.size()));
    Perform(responder_.Observe({std::make_move_iterator(begin), std::make_move_iterator(end)}, now_));
  }
  reports_.clear();
  if (sources.empty()) return any;
  Perform(responder_.ObserveSources(sources, now_));
  return true;
}

bool World::Deliver() {
  bool any = false;
  while (!under_way_.empty() && under_way_.front().due <= now_.engine) {
    AttemptResult result;
    result.notification = under_way_.front().notification;
    result.attempt = under_way_.front().attempt;
    under_way_.pop_front();
    Command command;
    command.actor = "notify";
    command.body = result;
    Perform(responder_.Handle(command, now_));
    any = true;
  }
  return any;
}

bool World::FireTimers() {
  bool any = false;
  bool more = responder_.NextTimer() <= now_.engine || responder_.NextWallTimer() <= now_.wall;
  while (more) {
    Perform(responder_.FireTimers(now_, kTimersPerDecision, more));
    any = true;
  }
  return any;
}

void World::Perform(Decision decision) {
  if (!decision.change.empty()) decided_(decision.change);
  for (const Effect& effect : decision.effects) {
    if (const auto* publish = std::get_if<PublishRules>(&effect)) {
      for (std::size_t i = 0; i < shards_.size(); ++i) {
        shards_[i].SetRules(publish->rules, integrations_, now_);
        states_[i].dirty = true;
      }
    }
    if (const auto* start = std::get_if<StartAttempt>(&effect)) {
      under_way_.push_back({now_.engine + options_.delivery, start->notification.id, start->notification.attempt});
    }
  }
  // Of heartbeats there is what was recorded: signals were not, so nothing that one comes to here is worth telling.
  for (const Effect& effect : decision.effects) {
    const auto* raise = std::get_if<RaiseAlert>(&effect);
    if (raise == nullptr) continue;
    Command told;
    told.actor = "heartbeats";
    told.body = HeartbeatTold{raise->heartbeat, raise->turn};
    Perform(responder_.Handle(told, now_));
  }
}

}  // namespace tocsin::replay
