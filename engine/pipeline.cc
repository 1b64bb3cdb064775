#include "engine/pipeline.h"

#include <utility>

#include <pthread.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "engine/pipeline_impl.h"
#include "engine/pipeline_signal.h"

namespace tocsin {
namespace {

// Everybody who sends gets this long after a start to say again what fires, before silence counts as recovery.
constexpr absl::Duration kLeaseGrace = absl::Minutes(5);
constexpr absl::Duration kLongestDowntime = absl::Hours(24 * 365);

// As top and perf show it: at most 15 letters.
void NameThisThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace

// The responder: its rows, then what it has decided since. Rows come one after the other and go into memory in slices: all of them
// together would take as much again. Timers last: their rank follows from the rows that they stand for.
absl::Status Engine::Impl::RecoverResponder(Responder& responder, std::vector<IntegrationId>& integrations) {
  constexpr std::size_t kSlice = 256;
  std::vector<Row> slice;
  std::vector<Timer> timers;
  const auto add = [&](Row row) {
    if (slice.empty())
      slice.reserve(kSlice);  // rows are large: a vector that grows would move each of them several times
    slice.push_back(std::move(row));
    if (slice.size() == kSlice) responder.Restore(std::exchange(slice, {}));
  };
  TOCSIN_ASSIGN(integrations, store_.LoadIntegrations());
  TOCSIN_TRY(store_.ReadRows([&](Row row) {
    if (const Timer* timer = std::get_if<Timer>(&row)) {
      timers.push_back(*timer);
    } else {
      add(std::move(row));
    }
  }));
  for (const Timer& timer : timers)
    add(timer);
  responder.Restore(std::move(slice));
  const absl::Status folded = FoldDecisions(responder, integrations);
  return absl::IsResourceExhausted(folded) ? store_.NoRoomToStart(folded) : Annotate(folded, "fold journal");
}

// The two halves have nothing to do with each other: each reads for itself what it needs, at the same time.
absl::Status Engine::Impl::RecoverState(std::vector<Shard>& shards,
                                        Responder& responder,
                                        std::vector<IntegrationId>& integrations) {
  if (!options_.threads) {
    TOCSIN_TRY(RecoverShards(shards));
    return RecoverResponder(responder, integrations);
  }
  absl::Status of_shards;
  std::thread tables([&] { of_shards = RecoverShards(shards); });
  const absl::Status of_responder = RecoverResponder(responder, integrations);
  tables.join();
  return of_shards.ok() ? of_responder : of_shards;
}

absl::Status Engine::Impl::Recover(Engine::Hooks hooks) {
  hooks_ = std::move(hooks);
  commit_.OnFailure(hooks_.journal_failed);
  std::vector<Shard> shards = NewShards();
  options_.responder.shard_count = options_.shard_count;
  options_.responder.key_seed = store_.key_seed();
  Responder responder(options_.responder);

  std::vector<IntegrationId> integrations;
  TOCSIN_TRY(RecoverState(shards, responder, integrations));
  store_.Recovered();

  commit_.SetSequence(store_.journal().last());
  if (store_.journal().recovery().last.set()) taken_in_.PauseUntil(clock_.Read().engine + kLeaseGrace);
  for (std::uint32_t i = 0; i < options_.shard_count; ++i) {
    shards_.push_back(std::make_unique<ShardStage>(i, std::move(shards[i]), submissions_, clock_, taken_in_));
    shards_.back()->ReadRepeatsBy(options_.read_again);
  }
  responder_ = std::make_unique<ResponderStage>(
      std::move(responder), std::move(integrations), options_, store_, clock_, views_,
      ResponderStage::Hooks{
          hooks_.start_attempt,
          [this](RulesPtr rules, std::vector<IntegrationId> names) { Publish(rules, std::move(names)); },
          [this](AccessPtr access) {
            MutexLock lock(published_mutex_);
            access_ = std::move(access);
          },
          [this] { return Sequence(commit_.sequence()); },
          [this](absl::Duration waited) { histograms_.attempt_start_seconds.Observe(absl::ToDoubleSeconds(waited)); },
          [this](const RaiseAlert& raise) { Raise(raise); }, [this] { return ListeningSince(); }});
  responder_->Start();
  for (const auto& shard : shards_) {
    shard->Post([stage = shard.get()](Shard& table, const Now&) {
      table.ReportAll();
      stage->ReportedAll();
    });
  }
  accepting_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

void Engine::Impl::Begin() {
  const auto run = [this](auto step, auto rest) {
    while (!stopping_.load(std::memory_order_acquire)) {
      if (!step()) rest();
    }
    while (step()) {  // what was taken is finished
    }
  };
  for (const auto& shard : shards_) {
    upstream_.emplace_back([this, run, stage = shard.get()] {
      NameThisThread(absl::StrFormat("shard-%d", stage->index()));
      run([this, stage] { return stage->Step(commit_.wakeup()); }, [stage] { stage->Rest(); });
    });
  }
  upstream_.emplace_back([this, run] {
    NameThisThread("responder");
    // While it stops, what keeps it from deciding is waited for.
    run([this] { return StepResponder() || (stopping_.load(std::memory_order_acquire) && views_.backlog() > 0); },
        [this] { responder_->wakeup().Wait(responder_->IdleFor()); });
  });
  upstream_.emplace_back([this] {
    NameThisThread("keeper");
    while (!stopping_.load(std::memory_order_acquire)) {
      if (!StepKeeper()) keeper_.wakeup().Wait(absl::Seconds(1));
    }
  });
  views_writer_ = std::thread([this] {
    NameThisThread("views");
    while (!answered_.load(std::memory_order_acquire)) {
      if (!views_.Step(&responder_->wakeup())) views_.wakeup().Wait(absl::Milliseconds(100));
    }
    views_.Step(nullptr);
  });
  committer_ = std::thread([this] {
    NameThisThread("committer");
    while (!upstream_stopped_.load(std::memory_order_acquire)) {
      if (!StepCommitter()) commit_.wakeup().Wait(absl::Milliseconds(100));
    }
    while (StepCommitter()) {
    }
  });
}

void Engine::Impl::Stop() {
  accepting_.store(false, std::memory_order_release);
  TendGateways();  // or a gateway that goes on publishing would keep a shard from its end
  if (!committer_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  for (const auto& shard : shards_)
    shard->wakeup().Notify();
  responder_->wakeup().Notify();
  keeper_.wakeup().Notify();
  for (std::thread& thread : upstream_)
    thread.join();
  upstream_stopped_.store(true, std::memory_order_release);
  commit_.wakeup().Notify();
  committer_.join();
  responder_->Finish();  // answers of the last commit
  answered_.store(true, std::memory_order_release);
  views_.wakeup().Notify();
  views_writer_.join();
}

void Engine::Impl::Publish(const RulesPtr& rules, std::vector<IntegrationId> integrations) {
  auto published = std::make_shared<PublishedRules>();
  published->rules = rules;
  published->integrations = integrations;
  for (std::size_t i = 0; i < integrations.size(); ++i) {
    published->indexes.emplace(integrations[i], static_cast<IntegrationIndex>(i));
  }
  bool another = false;
  {
    // Posted while it is held: what is admitted by these rules meets shards that have them.
    MutexLock lock(published_mutex_);
    another = published_ == nullptr || published_->rules->organisation != rules->organisation;
    published_ = std::move(published);
    for (const auto& shard : shards_) {
      shard->Post([this, rules, integrations, stage = shard.get()](Shard&, const Now& now) {
        // What has been replaced meanwhile is passed over: ten thousand silences in a row, each the whole list again, would
        // keep a shard from its alerts for minutes. The one that replaced it comes behind.
        if (this->published()->rules == rules) stage->SetRules(rules, integrations, now);
      });
    }
  }
  if (another && hooks_.organisation_changed) hooks_.organisation_changed(rules->organisation);
}

absl::Status Engine::Impl::HashState(std::function<void(StateAt)> done) {
  if (!accepting_.load(std::memory_order_acquire)) return Unavailable("the server is stopping");
  if (hashing_.exchange(true, std::memory_order_acq_rel)) {
    return Precondition("the state is being hashed for somebody else; try again");
  }
  const auto point = std::make_shared<StatePoint>(shards_.size(), [this, done = std::move(done)](StateAt at) {
    hashing_.store(false, std::memory_order_release);
    done(std::move(at));
  });
  for (const auto& shard : shards_)
    shard->Post(point);
  responder_->Post(point);
  return absl::OkStatus();
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

absl::StatusOr<std::unique_ptr<Engine>> Engine::Start(Options options, Store& store, const Clock& clock, Hooks hooks) {
  const bool threads = options.threads;
  auto impl = std::make_unique<Impl>(std::move(options), store, clock);
  TOCSIN_TRY(impl->Recover(std::move(hooks)));
  if (threads) impl->Begin();
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

EngineTime Engine::ResumeAt(const Store& store, absl::Time wall_now) {
  const Journal::Recovery& found = const_cast<Store&>(store).journal().recovery();
  if (!found.last.set()) return EngineTime();
  const absl::Duration down = std::clamp(wall_now - found.wall, absl::ZeroDuration(), kLongestDowntime);
  return found.engine + down;
}

bool Engine::Step(Stage stage, std::uint32_t shard) {
  switch (stage) {
    case Stage::kShard: return impl_->StepShard(shard);
    case Stage::kCommitter: return impl_->StepCommitter();
    case Stage::kResponder: return impl_->StepResponder();
    case Stage::kKeeper: return impl_->StepKeeper();
  }
  return false;
}

Admission Engine::Submit(const EventBatch& batch, bool want_outcomes, Done done) {
  return impl_->Submit(batch, want_outcomes, std::move(done));
}

absl::Duration Engine::RetryAfter() const {
  return impl_->RetryAfter();
}

bool Engine::TakesRepeats() const {
  return impl_->options_.read_again != nullptr;
}
std::uint64_t Engine::KeySeed() const {
  return impl_->store_.key_seed();
}

void Engine::Execute(Command command, CommandDone done) {
  impl_->Execute(std::move(command), std::move(done));
}

CommandResult Engine::ExecuteAndWait(Command command) {
  Signal signal;
  CommandResult answer;
  Execute(std::move(command), [&](const CommandResult& result) {
    answer = result;
    signal.Set();
  });
  signal.Wait();
  return answer;
}

void Engine::ReadResponder(absl::AnyInvocable<void(const Responder&, const Now&)> read) {
  if (!impl_->options_.threads) {
    read(impl_->responder_->responder(), impl_->clock_.Read());
    return;
  }
  impl_->responder_->Post(
      [read = std::move(read)](Responder& responder, const Now& now) mutable { read(responder, now); });
}

void Engine::ReadResponderAndWait(absl::FunctionRef<void(const Responder&, const Now&)> read) {
  Signal signal;
  ReadResponder([&](const Responder& responder, const Now& now) {
    read(responder, now);
    signal.Set();
  });
  signal.Wait();
}

void Engine::ReadShardsAndWait(absl::FunctionRef<void(const Shard&)> read) {
  for (std::uint32_t i = 0; i < shard_count(); ++i)
    ReadShardAndWait(i, read);
}

void Engine::ReadShardAndWait(std::uint32_t shard, absl::FunctionRef<void(const Shard&)> read) {
  ShardStage& stage = *impl_->shards_[shard];
  if (!impl_->options_.threads) {
    read(stage.shard());
    return;
  }
  Signal signal;
  stage.Post([&](Shard& table, const Now&) {
    read(table);
    signal.Set();
  });
  signal.Wait();
}

std::uint32_t Engine::ShardOf(const AlertKey& key) const {
  return static_cast<std::uint32_t>(key.low % shard_count());
}
std::uint32_t Engine::shard_count() const {
  return static_cast<std::uint32_t>(impl_->shards_.size());
}

absl::Status Engine::HashState(std::function<void(StateAt)> done) {
  return impl_->HashState(std::move(done));
}

absl::StatusOr<StateAt> Engine::HashStateAndWait() {
  Signal signal;
  StateAt answer;
  TOCSIN_TRY(HashState([&](StateAt at) {
    answer = std::move(at);
    signal.Set();
  }));
  signal.Wait();
  return answer;
}

RulesPtr Engine::rules() const {
  const std::shared_ptr<const PublishedRules> published = impl_->published();
  return published ? published->rules : nullptr;
}

std::optional<IntegrationIndex> Engine::IndexOf(const IntegrationId& integration) const {
  const std::shared_ptr<const PublishedRules> published = impl_->published();
  if (!published) return std::nullopt;
  const auto found = published->indexes.find(integration);
  if (found == published->indexes.end()) return std::nullopt;
  return found->second;
}

std::vector<IntegrationId> Engine::integrations() const {
  const std::shared_ptr<const PublishedRules> published = impl_->published();
  return published ? published->integrations : std::vector<IntegrationId>();
}

AccessPtr Engine::access() const {
  return impl_->access();
}

Store& Engine::store() {
  return impl_->store_;
}
Now Engine::Read() const {
  return impl_->clock_.Read();
}

Engine::Statistics Engine::ReadStatistics() const {
  Statistics statistics;
  statistics.submitted_batches = impl_->batches_.load(std::memory_order_relaxed);
  statistics.submitted_events = impl_->events_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < 5; ++i)
    statistics.refused[i] = impl_->refused_[i].load(std::memory_order_relaxed);
  statistics.commits = impl_->commit_.commits();
  statistics.committed_bytes = impl_->commit_.bytes();
  statistics.committed_sequence = impl_->commit_.sequence();
  statistics.auditor_findings = impl_->responder_->auditor_findings();
  statistics.heartbeat_pings = impl_->pings_.load(std::memory_order_relaxed);
  for (const auto& shard : impl_->shards_) {
    statistics.ring_bytes_used += shard->RingBytesUsed();
  }
  impl_->AddGateways(statistics);
  const_cast<Engine*>(this)->ReadShardsAndWait(
      [&](const Shard& shard) { statistics.shards.push_back(shard.Statistics()); });
  impl_->TakeOutCanaries(statistics);
  return statistics;
}

const Engine::Histograms& Engine::histograms() const {
  return impl_->histograms_;
}

const TimelineTail& Engine::timeline_tail() const {
  return impl_->views_.tail();
}

void Engine::Probe(std::function<void()> passed) {
  impl_->Probe(std::move(passed));
}
Admission Engine::SendCanary(std::string url, std::string key, std::function<void()> durable) {
  return impl_->SendCanary(std::move(url), std::move(key), std::move(durable));
}
void Engine::SetTrouble(std::string why_not) {
  impl_->SetTrouble(std::move(why_not));
}

std::string Engine::WhyNotPaging() const {
  return impl_->WhyNotPaging();
}

}  // namespace tocsin
