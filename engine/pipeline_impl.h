// What the engine consists of: for the files of this folder that implement it.
#pragma once

#include <thread>
#include <unordered_map>

#include "base/limits.h"
#include "engine/pipeline.h"
#include "engine/pipeline_stages.h"

namespace tocsin {

// What readers on any thread may know of the rules; replaced as a whole.
struct PublishedRules {
  RulesPtr rules;
  std::vector<IntegrationId> integrations;  // by index
  std::unordered_map<IntegrationId, IntegrationIndex> indexes;
};

// What may be under way: as much as there is room for in the rings. What goes by the quick queue has room in any one shard's ring, also with
// its records' heads, and with what is left unused where the ring goes round.
inline Shares::Bounds UnderWay(std::uint32_t shards) {
  return {.batches = limits::kShardRingSlots,
          .bytes = shards * limits::kShardRingBytes,
          .quick_batches = limits::kQuickRingSlots / 2,
          .quick_bytes = limits::kQuickRingBytes / 4,
          .quick_bytes_of_one = limits::kQuickRingBytes / 32};
}

class Engine::Impl {
 public:
  Impl(Options options, Store& store, const Clock& clock)
      : options_(std::move(options)),
        store_(store),
        clock_(clock),
        submissions_(UnderWay(options_.shard_count), histograms_.ingest_seconds),
        commit_(store, clock, submissions_, histograms_.commit_seconds),
        keeper_(options_, store, clock, commit_),
        views_(store, static_cast<std::uint64_t>(absl::ToUnixNanos(clock.Read().wall))) {}
  ~Impl() { Stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Recover(Engine::Hooks hooks);
  void Begin();
  void Stop();

  absl::Duration RetryAfter() const {
    return keeper_.space() == Store::Space::kPlenty ? absl::Seconds(1) : absl::Seconds(30);
  }
  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done);
  bool StepShard(std::uint32_t shard) { return shards_[shard]->Step(commit_.wakeup()); }
  bool StepCommitter() { return commit_.Step(shards_, *responder_); }
  bool StepResponder() { return responder_->Step(commit_.wakeup()); }
  bool StepKeeper() { return keeper_.Step(shards_); }

  Options options_;
  Store& store_;
  const Clock& clock_;
  Histograms histograms_;
  Submissions submissions_;
  TakenIn taken_in_;
  CommitStage commit_;
  KeeperStage keeper_;
  ViewsStage views_;
  std::vector<std::unique_ptr<ShardStage>> shards_;
  std::unique_ptr<ResponderStage> responder_;
  std::shared_ptr<const PublishedRules> published() const {
    MutexLock lock(published_mutex_);
    return published_;
  }
  AccessPtr access() const {
    MutexLock lock(published_mutex_);
    return access_;
  }
  // Gateways: engine/pipeline_gateways.cc.
  absl::StatusOr<std::shared_ptr<GatewayPort>> AttachGateway();
  void DetachGateway(const std::shared_ptr<GatewayPort>& port);
  void TendGateways();
  void AddGateways(Engine::Statistics& statistics) const;

  // Who watches: engine/pipeline_watch.cc.
  void Probe(std::function<void()> passed);
  Admission SendCanary(std::string url, std::string key, std::function<void()> durable);
  void TakeOutCanaries(Engine::Statistics& statistics) const;
  void SetTrouble(std::string why_not) {
    MutexLock lock(published_mutex_);
    trouble_ = std::move(why_not);
  }
  std::string WhyNotPaging() const;

  absl::Status HashState(std::function<void(StateAt)> done);
  void Execute(Command command, CommandDone done);
  std::atomic<bool> accepting_{false};
  std::atomic<bool> hashing_{false};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> refused_[5] = {};
  std::atomic<std::uint64_t> pings_{0};
  std::atomic<std::uint64_t> canary_tries_{0};
  std::atomic<std::uint64_t> canaries_{0};  // applied by the shard of their key

 private:
  absl::Status RecoverState(std::vector<Shard>& shards, Responder& responder, std::vector<IntegrationId>& integrations);
  absl::Status RecoverShards(std::vector<Shard>& shards);
  absl::Status RecoverResponder(Responder& responder, std::vector<IntegrationId>& integrations);
  // engine/pipeline_recovery.cc
  std::vector<Shard> NewShards() const;
  absl::Status FoldAlerts(std::vector<Shard>& shards, bool& put_aside);
  absl::Status FoldDecisions(Responder& responder, std::vector<IntegrationId>& integrations);
  absl::Status PutAside(const Entry& entry, std::string_view body, std::string_view why);
  // True: recovery goes on without it. `body`: of the whole, when it is the last of several entries.
  absl::StatusOr<bool> PassesOver(const Entry& entry, std::string_view body);
  Admission Refuse(Admission why);
  Admission Admits() const;  // whether batches are taken at all
  bool PushParts(const EventBatch& batch, const Submissions::Taken& taken, bool with_index);
  void Publish(const RulesPtr& rules, std::vector<IntegrationId> integrations);
  void Raise(const RaiseAlert& raise);
  EngineTime ListeningSince() const;

  // What gateways that have gone have done, and those that are here.
  struct Gateways {
    Engine::Statistics::Gateways gone;
    std::vector<std::shared_ptr<GatewayPort>> here;
    std::vector<std::shared_ptr<GatewayPort>> leaving;  // until no stage has anything of it
  };
  mutable Mutex gateways_mutex_;
  Gateways gateways_ ABSL_GUARDED_BY(gateways_mutex_);
  std::atomic<std::int64_t> refused_command_{INT64_MIN / 2};  // the last, in engine time
  mutable Mutex published_mutex_;                             // once a batch, and when the rules change
  std::shared_ptr<const PublishedRules> published_ ABSL_GUARDED_BY(published_mutex_);
  AccessPtr access_ ABSL_GUARDED_BY(published_mutex_) = std::make_shared<const Access>();
  std::string trouble_ ABSL_GUARDED_BY(published_mutex_);
  Engine::Hooks hooks_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> upstream_stopped_{false};
  std::atomic<bool> answered_{false};
  std::vector<std::thread> upstream_;  // shards, responder, keeper
  std::thread committer_;
  std::thread views_writer_;
};

}  // namespace tocsin
