// The three stages of the engine, each a Step that does what there is to do and returns. engine/pipeline.cc gives each a
// thread; the simulation calls the same Steps from one thread in an order of its choosing.
//
// Ownership: a stage's state belongs to whoever calls its Step, one at a time. What others may call is marked "any thread".
// Stages pass each other values through bounded queues, in one direction:
//
//   ShardStage ──Sealed──▶ CommitStage ──reports──▶ ResponderStage
//        ▲──── recycled ───────┘   ▲────── Decided ────────┘ (and back, once durable)
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "base/ring.h"
#include "base/spsc_ring.h"
#include "base/wakeup.h"
#include "engine/pipeline.h"
#include "engine/pipeline_state.h"
#include "engine/pipeline_tail.h"
#include "engine/pipeline_trouble.h"
#include "engine/responder.h"
#include "engine/shard.h"
#include "gateway/port.h"
#include "model/submissions.h"
#include "storage/store.h"

namespace tocsin {

// A part of a gateway's batch that is to be completed.
struct GatewayAck {
  std::shared_ptr<GatewayPort> port;
  std::uint32_t submission = 0;
  bool taken = true;
  std::uint32_t outcomes_begin = 0;  // in Sealed::gateway_outcomes
  std::uint32_t outcomes = 0;
};

// What a shard has done since it last sealed: journal bodies, whom to tell when they are durable, and what the responder may
// know then. Reused; a shard has kSealedPerShard of them, which bounds what lies between it and the disk.
struct Sealed {
  std::uint32_t shard = 0;
  std::string bytes;                // the bodies, one after the other
  std::vector<std::size_t> ends;    // where each ends
  std::vector<std::uint32_t> acks;  // submission slots
  std::vector<GatewayAck> gateway_acks;
  std::vector<Outcome> gateway_outcomes;
  std::vector<GroupReport> reports;
  std::optional<SourceReport> sources;
  bool reported_all = false;                        // with these reports the shard has reported every group it holds
  std::vector<absl::AnyInvocable<void()>> durable;  // see ShardStage::WhenDurable
  std::shared_ptr<StatePoint> point;  // set: nothing more is taken from the shard until all stages have got here
  void Clear();
};
inline constexpr std::size_t kSealedPerShard = 4;

// The committer's thread. Tells gateways what of theirs is durable as of entry `sequence`; waits for none of them.
void CompleteGateways(Sealed& sealed, std::uint64_t sequence);

// One decision of the responder on its way to the disk and back. One without bodies still goes the way: an answer may rest
// on decisions before it that are not durable yet. Its bodies are entries of one commit, which is all or nothing.
struct Decided {
  EntryKind kind = EntryKind::kResponder;
  std::string encoded;
  std::vector<std::string_view> bodies;  // of it, as entries
  Change change;
  std::vector<IntegrationId> integrations;  // of kIntegrations
  std::vector<Effect> effects;
  std::vector<ServiceId> services;  // of the change's entries; empty: none of them is about a service's
  CommandResult result;
  CommandDone done;
  std::function<void()> passed;       // called when it is durable; does not wait for views
  Sequence sequence;                  // set by the committer
  std::shared_ptr<StatePoint> point;  // as in Sealed
};
inline constexpr std::size_t kDecidedInFlight = 4096;

// Engine time less the time in which we refused, or in which senders have not had the time to come back after a start: what
// leases are judged by. Any thread.
class TakenIn {
 public:
  void PauseUntil(EngineTime until) { pause_until_.store(until.ns(), std::memory_order_relaxed); }
  void Refused(const Now& now) { last_refusal_.store(now.engine.ns(), std::memory_order_relaxed); }
  // One thread (the first shard's): moves the clock on.
  void Advance(const Now& now);
  EngineTime At(const Now& now) const { return EngineTime(now.engine.ns() - paused_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<std::int64_t> last_refusal_{INT64_MIN / 2};
  std::atomic<std::int64_t> pause_until_{INT64_MIN};
  std::atomic<std::int64_t> paused_{0};
  std::int64_t last_advance_ = -1;
};

// The ring's memory: aligned as base/ring.h asks.
class RingMemory {
 public:
  explicit RingMemory(std::size_t bytes);
  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

class ShardStage {
 public:
  ShardStage(std::uint32_t index, Shard shard, Submissions& submissions, const Clock& clock, TakenIn& taken_in);

  // Any thread. Copies the events of `batch` that `mine` selects into the queue's ring; false when it is full.
  bool Push(const Submissions::Taken& submission,
            const EventBatch& batch,
            std::span<const std::uint32_t> mine,
            bool with_index);
  // All of them.
  bool Push(const Submissions::Taken& submission, const EventBatch& batch);
  // Any thread. Runs on the stage's thread before its next events.
  void Post(absl::AnyInvocable<void(Shard&, const Now&)> task);
  // Any thread. The shard's part of the state hash, at its next seal.
  void Post(std::shared_ptr<StatePoint> point);
  // The stage's thread. `durable` is called, on the committer's, once everything that has been applied by now is in the journal. It needs
  // no room in the ring and no submission, for which it would have to compete with senders who want more of them than there are.
  void WhenDurable(absl::AnyInvocable<void()> durable) { durable_.push_back(std::move(durable)); }
  std::uint64_t RingBytesUsed() const { return quick_.UsedBytes() + bulk_.UsedBytes(); }
  // Any thread. The stage takes what the gateway publishes, from its next step on; until Detach, which takes what is published by
  // then, whether the gateway still lives or not. (engine/pipeline_gateways.cc)
  void Attach(std::shared_ptr<GatewayPort> port);
  void Detach(std::shared_ptr<GatewayPort> port);

  // True when something was done. `committer` is notified when something was sealed.
  bool Step(Wakeup& committer);
  absl::Duration IdleFor() const;
  // Until there may be something to do.
  void Rest();
  // The stage's thread: SetRules of its shard.
  void SetRules(RulesPtr rules, const std::vector<IntegrationId>& integrations, const Now& now);

  std::uint32_t index() const { return index_; }
  Shard& shard() { return shard_; }
  Wakeup& wakeup() { return wakeup_; }
  SpscRing<Sealed*>& out() { return out_; }
  SpscRing<Sealed*>& recycled() { return recycled_; }
  void ReportedAll() { reported_all_ = true; }
  // Before the first Step.
  void ReadRepeatsBy(Engine::ReadAgain read_again) { read_again_ = std::move(read_again); }

 private:
  // A repeat whose alert does not stand as it did, by what its sender sent; nullopt: that is of no alert of this key.
  std::optional<Outcome> ApplyBytes(const EventHeader& header, const CameBytes& came, const Now& now);
  std::optional<Outcome> ReadOfGateway(GatewayPort& port, EventView event, const Now& now);
  const Labels* LabelsOf(IntegrationIndex integration);
  bool RunTasks(const Now& now);
  Ring& RingOf(Shares::Queue queue) { return queue == Shares::Queue::kQuick ? quick_ : bulk_; }
  bool DrainRings(const Now& now);
  bool DrainQuick(const Now& now);
  std::size_t ApplyRecord(std::span<const std::byte> record, const Now& now);
  bool DrainGateways(const Now& now);
  bool Drain(const std::shared_ptr<GatewayPort>& port, std::size_t most, const Now& now);
  void Apply(const std::shared_ptr<GatewayPort>& port, const GatewayRecord& record, const Now& now);
  bool SealInto(const Now& now, Wakeup& committer);

  const std::uint32_t index_;
  Shard shard_;
  Submissions& submissions_;
  const Clock& clock_;
  TakenIn& taken_in_;
  RingMemory quick_memory_;
  RingMemory bulk_memory_;
  Ring quick_;
  Ring bulk_;
  Engine::ReadAgain read_again_;
  std::vector<std::shared_ptr<GatewayPort>> gateways_;
  std::vector<SharedWakeup*> bells_;  // of gateways_
  RulesPtr rules_;                    // the shard's
  std::vector<IntegrationId> integrations_;
  OrganisationPtr labelled_;  // what labels_ are of; made when they are asked for
  std::unordered_map<IntegrationIndex, const Labels*> labels_;
  std::vector<std::uint32_t> acks_;
  std::vector<GatewayAck> gateway_acks_;
  std::vector<Outcome> gateway_outcomes_;
  std::vector<absl::AnyInvocable<void()>> durable_;
  bool dirty_ = false;  // applied something since the last seal
  bool reported_all_ = false;
  bool more_work_ = false;
  std::shared_ptr<StatePoint> point_;  // to be sealed with, then hashed for
  bool reports_wait_ = false;          // only urgent ones went with the last seal
  EngineTime last_reports_;            // when all went
  absl::Duration report_interval_;     // until all go again
  std::vector<std::unique_ptr<Sealed>> pool_;
  SpscRing<Sealed*> out_;
  SpscRing<Sealed*> recycled_;  // the committer pushes, the shard's thread pops
  Sealed* spare_ = nullptr;     // popped and not used yet
  Wakeup wakeup_;
  std::atomic<bool> has_tasks_{false};
  Mutex tasks_mutex_;
  std::vector<absl::AnyInvocable<void(Shard&, const Now&)>> tasks_ ABSL_GUARDED_BY(tasks_mutex_);
  std::shared_ptr<StatePoint> asked_point_ ABSL_GUARDED_BY(tasks_mutex_);
};

// What is durable, on its way into the views. They are for lists and timelines: nobody is paged any sooner because they are written,
// so that is done on a thread of its own, in order, and answers wait for it: whoever has been answered finds what was done.
class ViewsStage {
 public:
  // `run`: of the tail.
  ViewsStage(Store& store, std::uint64_t run) : store_(store), tail_(run) {}

  // Any thread.
  void Push(std::unique_ptr<Decided> decided);
  std::size_t backlog() const { return backlog_.load(std::memory_order_acquire); }  // pushed and not yet written

  // Writes what has come; false when there was nothing. `responder` is notified, which may have waited.
  bool Step(Wakeup* responder);
  Wakeup& wakeup() { return wakeup_; }
  const TimelineTail& tail() const { return tail_; }  // any thread

 private:
  void Tell(Decided& decided);

  Store& store_;
  TimelineTail tail_;
  Wakeup wakeup_;
  std::atomic<std::size_t> backlog_{0};
  Mutex mutex_;
  std::vector<std::unique_ptr<Decided>> waiting_ ABSL_GUARDED_BY(mutex_);
};
// With so much on its way into the views nothing more is decided.
inline constexpr std::size_t kViewsBacklog = 256;

// What shards have reported and the responder has not heard yet: the newest report of each group, so bounded by the groups.
// Groups in which something critical fires are heard first, however many others came before them.
class WaitingReports {
 public:
  void Add(std::uint32_t shard, GroupReport report);
  // The shard has now reported every group that it holds: true of the responder when it has heard all that waits now.
  void AddEnd(std::uint32_t shard);
  // Of at most so many groups, all that shards said of each.
  std::vector<GroupReport> Take(std::size_t groups);
  // Shards whose end has been heard; each once.
  std::vector<std::uint32_t> TakeEnds();
  bool empty() const { return reports_.empty() && ends_.empty(); }

 private:
  // Keys in the order in which they came; one that was heard out of turn, or that became critical, is passed over.
  struct Lane {
    std::deque<GroupKey> keys;
    std::uint64_t taken = 0;  // so many were
  };
  struct Waiting {
    std::vector<GroupReport> reports;  // one of a shard
    bool critical = false;
  };
  struct End {
    std::uint32_t shard = 0;
    std::uint64_t critical = 0;  // heard when so many have been taken of the lane, and
    std::uint64_t others = 0;    // so many of the other
  };
  bool TakeFrom(Lane& lane, std::vector<GroupReport>& taken);

  std::unordered_map<GroupKey, Waiting> reports_;
  Lane critical_;
  Lane others_;
  std::vector<End> ends_;
};

class ResponderStage {
 public:
  struct Hooks {
    std::function<void(const Notification&, absl::Duration deadline, std::shared_ptr<Gate>)> start_attempt;
    std::function<void(RulesPtr, std::vector<IntegrationId>)> publish_rules;  // to the shards and the readers
    std::function<void(AccessPtr)> publish_access;
    std::function<Sequence()> committed;                  // the last durable entry
    std::function<void(absl::Duration)> attempt_started;  // so long after its page was decided
    std::function<void(const RaiseAlert&)> raise;         // to the shards; may be refused
    std::function<EngineTime()> listening_since;          // commands were refused until then; `now` while they are
  };
  ResponderStage(Responder responder,
                 std::vector<IntegrationId> integrations,
                 const Engine::Options& options,
                 Store& store,
                 const Clock& clock,
                 ViewsStage& views,
                 Hooks hooks);

  // Any thread. False when too many commands wait.
  bool Push(Command command, CommandDone& done);
  // Any thread. What came of an attempt is never refused: forgotten, it would be tried again, and somebody told twice.
  void Push(const AttemptResult& result);
  void Post(absl::AnyInvocable<void(Responder&, const Now&)> task);
  // Any thread. The responder's part of the state hash, after what it has decided so far.
  void Post(std::shared_ptr<StatePoint> point);
  // Any thread. Takes a decision that is journalled even when it says nothing; `passed` is called on this stage's thread when it is durable.
  void Ask(absl::AnyInvocable<Decision(Responder&, const Now&)> decide, std::function<void()> passed);
  // The committer's thread.
  void PushReports(Sealed& sealed);

  // The first decision after recovery; its effects wait for the journal like any other's.
  void Start();
  bool Step(Wakeup& committer);
  // Performs what has become durable; a part of Step.
  bool Finish();
  absl::Duration IdleFor() const;

  Responder& responder() { return responder_; }
  Wakeup& wakeup() { return wakeup_; }
  SpscRing<Decided*>& out() { return out_; }
  SpscRing<Decided*>& durable() { return durable_; }
  std::uint64_t auditor_findings() const { return findings_.load(std::memory_order_relaxed); }
  std::string WhyNotPaging() const;

 private:
  bool TakeInbox(const Now& now);
  bool FireTimers(const Now& now);
  bool Audit(const Now& now);
  void Decide(Decision decision, CommandDone done);
  void Journal(Decision decision, std::function<void()> passed);
  void Perform(Decided& decided);
  std::vector<ServiceId> ServicesOf(const Change& change) const;
  void Publish(const RulesPtr& rules, Decided& by);
  void Raise(const RaiseAlert& effect);
  void Listen(const Now& now);
  void Perform(const CloseGates& effect);
  void Perform(const StartAttempt& effect);

  Responder responder_;
  std::vector<IntegrationId> integrations_;
  const Engine::Options options_;
  Store& store_;
  const Clock& clock_;
  ViewsStage& views_;
  Hooks hooks_;
  struct UnderWay {
    std::int32_t attempt = 0;
    std::shared_ptr<Gate> gate;
  };
  std::unordered_map<NotificationId, UnderWay> gates_;  // of attempts that have not been reported
  std::vector<std::unique_ptr<Decided>> undelivered_;   // decided, no room in out_ yet; in order
  std::deque<std::unique_ptr<Decided>> in_flight_;      // with the committer, or back; in order
  TroubleLog trouble_log_;
  EngineTime next_audit_;
  bool more_timers_ = false;
  RulesPtr published_;                   // last
  std::optional<EngineTime> last_step_;  // when we last looked
  SpscRing<Decided*> out_;
  SpscRing<Decided*> durable_;
  Wakeup wakeup_;
  std::atomic<std::uint64_t> findings_{0};

  struct Inbox {
    std::vector<std::pair<Command, CommandDone>> commands;
    std::map<std::uint32_t, SourceReport> sources;  // by shard, merged
    std::vector<absl::AnyInvocable<void(Responder&, const Now&)>> tasks;
    std::shared_ptr<StatePoint> point;
    std::vector<std::pair<absl::AnyInvocable<Decision(Responder&, const Now&)>, std::function<void()>>> asked;
  };
  // Some of what waits, and which shards have by then been heard to their end.
  struct Some {
    std::vector<GroupReport> reports;
    std::vector<std::uint32_t> shards_reported;
  };
  Some TakeReports();
  std::vector<AttemptResult> TakeResults();
  bool Observe(const Now& now);
  // Any thread, after something was put into what the mutex guards.
  void Came();

  std::atomic<bool> has_come_{false};  // perhaps: whoever takes looks, and whoever puts in says so afterwards
  mutable Mutex mutex_;
  Inbox inbox_ ABSL_GUARDED_BY(mutex_);
  WaitingReports reports_ ABSL_GUARDED_BY(mutex_);
  std::deque<AttemptResult> results_ ABSL_GUARDED_BY(mutex_);  // as many as attempts are under way, at most
  std::string why_not_paging_ ABSL_GUARDED_BY(mutex_);
};

class CommitStage {
 public:
  CommitStage(Store& store, const Clock& clock, Submissions& submissions, Histogram& seconds)
      : store_(store), clock_(clock), submissions_(submissions), seconds_(seconds) {}

  // See Engine::Hooks::journal_failed. Before the first Step.
  void OnFailure(std::function<void(const absl::Status&)> failed) { failed_ = std::move(failed); }
  // One commit of all that is sealed and decided; false when there was nothing, or when the journal has failed.
  bool Step(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder);

  Wakeup& wakeup() { return wakeup_; }
  std::uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t sequence() const { return sequence_.load(std::memory_order_acquire); }
  void SetSequence(Sequence sequence) { sequence_.store(sequence.value(), std::memory_order_release); }

 private:
  void Gather(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder);
  bool Append();
  void Fail(const absl::Status& status);
  void Deliver(std::span<const std::unique_ptr<ShardStage>> shards, ResponderStage& responder);
  bool IsAtPoint(std::size_t stage) const { return at_point_.contains(stage); }
  void NotePoint(std::size_t stage, std::shared_ptr<StatePoint> point);
  void PassPoint(std::size_t stages);

  Store& store_;
  const Clock& clock_;
  Submissions& submissions_;
  std::shared_ptr<StatePoint> point_;  // the one under way
  std::set<std::size_t> at_point_;     // stages that have sealed with it: shards, then the responder
  Histogram& seconds_;                 // of each commit
  EngineTime durable_at_;
  std::vector<Sealed*> sealed_;
  std::vector<Decided*> decided_;
  std::vector<PendingEntry> entries_;
  std::function<void(const absl::Status&)> failed_;
  bool dead_ = false;
  Wakeup wakeup_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> sequence_{0};
};

// Checkpoints, flushes, retention, free disk space: all that keeps the store in shape, a step at a time.
class KeeperStage {
 public:
  KeeperStage(const Engine::Options& options, Store& store, const Clock& clock, CommitStage& commit)
      : options_(options), store_(store), clock_(clock), commit_(commit) {}

  bool Step(std::span<const std::unique_ptr<ShardStage>> shards);
  Store::Space space() const { return space_.load(std::memory_order_relaxed); }
  Wakeup& wakeup() { return wakeup_; }

 private:
  enum class Phase : std::uint8_t {
    kIdle,
    kBegin,
    kCopy,
    kDurable,  // what the copy has seen is on its way into the journal
    kCommit
  };
  bool StartCheckpoint(std::span<const std::unique_ptr<ShardStage>> shards, const Now& now);
  bool Copy(std::span<const std::unique_ptr<ShardStage>> shards);
  void AskWhenDurable(std::span<const std::unique_ptr<ShardStage>> shards);
  bool Commit(const Now& now);
  bool Housekeeping(const Now& now);
  void BuildIndex();
  void TendViews(const Now& now);

  const Engine::Options options_;
  Store& store_;
  const Clock& clock_;
  CommitStage& commit_;
  Phase phase_ = Phase::kIdle;
  EngineTime next_housekeeping_;
  bool is_indexed_ = false;
  bool views_are_behind_ = false;
  EngineTime next_catch_up_;
  std::optional<EngineTime> next_checkpoint_;
  std::uint64_t bytes_at_checkpoint_ = 0;
  std::uint64_t position_ = 0;  // everything up to here is in the checkpoint under way
  std::uint32_t copying_ = 0;   // the shard being copied
  bool asked_ = false;          // a slice has been asked for and has not come yet
  std::atomic<bool> answered_{false};
  std::atomic<std::uint32_t> shards_there_{0};  // so many have done what the phase waits for
  bool slice_more_ = false;  // with slice_bodies_: written by the shard's thread before answered_ is released
  std::vector<std::string> slice_bodies_;
  std::atomic<Store::Space> space_{Store::Space::kPlenty};
  Wakeup wakeup_;
};

}  // namespace tocsin
