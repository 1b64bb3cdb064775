// The engine with its threads: shards, committer, responder. The only file pair in `engine` that knows threads and storage.
//
//   any thread ──Submit──▶ a ring per shard ──▶ shard thread ──▶ sealed bodies ──▶ committer: journal, one fsync
//        ▲                                                                             │
//        └──────────────────────── Done, after the fsync ◀────────────────────────────┤
//   Execute, notifier ──▶ responder thread ◀── group reports, only of what is durable ◀─┘
//                          └─ Changes ──▶ committer ──▶ effects (gates, attempts, answers) and views, after the fsync
//
// Group commit without a timer: while an fsync runs, shards and responder go on; the next commit takes all that is sealed.
// A failed journal write ends the process (exit code 74): memory is ahead of the disk, recovery is the repair.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "engine/pipeline_state.h"
#include "engine/pipeline_tail.h"
#include "engine/responder.h"
#include "engine/shard.h"
#include "gateway/port.h"
#include "model/gate.h"
#include "model/inlet.h"
#include "storage/store.h"

namespace tocsin {

class Engine final : public Inlet {
 public:
  // nullopt: the bytes cannot be read, though they could be once.
  using ReadAgain =
      std::function<std::optional<EventView>(const EventHeader& header, const CameBytes& came, absl::Time received)>;
  struct Options {
    std::uint32_t shard_count = 1;
    bool threads = true;           // false: the caller drives the stages with Step, as the simulation does
    Shard::Options shard;          // index is set per shard
    Responder::Options responder;  // shard_count is set from above
    absl::Duration audit_interval = absl::Seconds(10);
    absl::Duration checkpoint_interval = absl::Minutes(5);
    std::uint64_t checkpoint_bytes = 512ULL << 20;  // of journal since the last one, whichever comes first
    Retention retention;                            // of what is over
    // Reads the bytes of a repeat once more, for a shard that needs them; good until the thread's next call. Required where repeats are
    // submitted. Any thread.
    ReadAgain read_again;
  };
  // The notifier, injected by the server. Called on the responder's thread; must not block.
  struct Hooks {
    // Starts an attempt of a leased notification.
    std::function<void(const Notification&, absl::Duration deadline, std::shared_ptr<Gate>)> start_attempt;
    // The organisation that is in force from now on; before any attempt that rests on it.
    std::function<void(OrganisationPtr)> organisation_changed;
    // The journal cannot be written. Nothing more is committed or acknowledged, whether this returns or not; absent: the
    // process ends with exit code 74 (EX_IOERR). The simulation's returns.
    std::function<void(const absl::Status&)> journal_failed;
  };

  // Recovers from the store: checkpoint, rows, journal. Then the threads run. `store` and `clock` outlive the engine.
  static absl::StatusOr<std::unique_ptr<Engine>> Start(Options options, Store& store, const Clock& clock, Hooks hooks);
  // Where engine time goes on after a restart: the journal's last, plus what the wall clock says has passed since.
  static EngineTime ResumeAt(const Store& store, absl::Time wall_now);

  // Without threads only: one step of a stage; true when it did something.
  enum class Stage : std::uint8_t {
    kShard,
    kCommitter,
    kResponder,
    kKeeper
  };
  bool Step(Stage stage, std::uint32_t shard = 0);

  // Refuses new batches, commits what was taken, stops the threads. What it does not finish, recovery does.
  ~Engine() override;

  // Inlet.
  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) override;
  absl::Duration RetryAfter() const override;
  std::uint64_t KeySeed() const override;
  bool TakesRepeats() const override;

  // Any thread. `done` is called on an engine thread once the answer is durable, or at once when the command is refused.
  void Execute(Command command, CommandDone done);
  // As Execute, waiting; not from an engine thread.
  CommandResult ExecuteAndWait(Command command);

  // What a gateway's process shares with us: from AttachGateway on the shards take what it publishes, until DetachGateway, which takes
  // what is published by then. TendGateways, about ten times a second, tells all of them whether batches are taken now, and finds
  // out whom they refused. Any thread.
  absl::StatusOr<std::shared_ptr<GatewayPort>> AttachGateway();
  void DetachGateway(const std::shared_ptr<GatewayPort>& port);
  void TendGateways();

  // Runs `read` on the responder's thread between decisions. Copy out what you need, do no more; it delays paging.
  void ReadResponder(absl::AnyInvocable<void(const Responder&, const Now&)> read);
  void ReadResponderAndWait(absl::FunctionRef<void(const Responder&, const Now&)> read);
  // Runs `read` on the thread of each shard in turn, then `done`. The same rule.
  void ReadShardsAndWait(absl::FunctionRef<void(const Shard&)> read);
  void ReadShardAndWait(std::uint32_t shard, absl::FunctionRef<void(const Shard&)> read);
  // The shard that holds `key`.
  std::uint32_t ShardOf(const AlertKey& key) const;
  std::uint32_t shard_count() const;

  // The state hash (engine/pipeline_state.h). `done` is called once, on an engine thread. FailedPrecondition: one is under way.
  absl::Status HashState(std::function<void(StateAt)> done);
  absl::StatusOr<StateAt> HashStateAndWait();

  // The present rules (organisation, silences in effect), and the number of an integration in them. Any thread, cheap.
  RulesPtr rules() const;
  std::optional<IntegrationIndex> IndexOf(const IntegrationId& integration) const;
  // All that have a number; the first has index 0.
  std::vector<IntegrationId> integrations() const;
  // Who may come in, as it is durable. Never null. Any thread, cheap.
  AccessPtr access() const;

  // The latest of all timelines. Any thread, cheap; the numbers begin anew with each engine.
  const TimelineTail& timeline_tail() const;

  Store& store();
  Now Read() const;  // the engine's clock

  // Who watches the engine. Any thread.
  //
  // Goes through every stage. `passed` is called on an engine thread when each shard and the responder have done what they do in a turn,
  // and all of it is in the fsynced journal, an entry that says nothing included.
  void Probe(std::function<void()> passed);
  // The canary (model/canary.h): an event goes the way of an alert, and when it is durable a message to `url` that has `key` the way of a
  // page. `durable` is called in between. Counted nowhere. Why it is not taken, as of an alert.
  Admission SendCanary(std::string url, std::string key, std::function<void()> durable);
  // What somebody else has found to be wrong: as long as it is set, WhyNotPaging tells it when the responder knows of nothing.
  void SetTrouble(std::string why_not);

  struct Statistics {
    std::uint64_t submitted_batches = 0;
    std::uint64_t submitted_events = 0;
    std::uint64_t refused[5] = {};  // by Admission
    std::uint64_t commits = 0;
    std::uint64_t committed_bytes = 0;
    std::uint64_t committed_sequence = 0;
    std::uint64_t ring_bytes_used = 0;
    std::uint64_t auditor_findings = 0;
    std::uint64_t heartbeat_pings = 0;
    std::vector<ShardStatistics> shards;
    // Counted above as well.
    struct Gateways {
      std::uint64_t attached = 0;
      std::uint64_t attachments = 0;  // since the start
      std::uint64_t batches = 0;
      std::uint64_t events = 0;
      std::uint64_t dropped_completions = 0;
      std::uint64_t broken = 0;  // cut off, for whatever reason
      void Add(const GatewayPort::Statistics& port);
    } gateways;
  };
  Statistics ReadStatistics() const;
  struct Histograms {
    Histogram ingest_seconds{Histogram::Seconds()};         // of each batch: taken in to durable
    Histogram commit_seconds{Histogram::Seconds()};         // of each write and fsync
    Histogram attempt_start_seconds{Histogram::Seconds()};  // of each notification: decided to its first attempt
  };
  const Histograms& histograms() const;
  // Empty when pages can really go out; else why not. Judged by the responder at its last audit.
  std::string WhyNotPaging() const;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
