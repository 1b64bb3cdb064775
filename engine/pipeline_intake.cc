// What comes in from outside: batches of events, commands, and what the responder itself raises.
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "engine/pipeline_impl.h"

namespace tocsin {

Admission Engine::Impl::Refuse(Admission why) {
  refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  if (why != Admission::kTooLarge) taken_in_.Refused(clock_.Read());
  return why;
}

Admission Engine::Impl::Admits() const {
  if (!accepting_.load(std::memory_order_acquire)) return Admission::kStopping;
  return keeper_.space() == Store::Space::kPlenty ? Admission::kAccepted : Admission::kDiskLow;
}

bool Engine::Impl::PushParts(const EventBatch& batch, const Submissions::Taken& taken, bool with_index) {
  if (shards_.size() == 1) {
    if (shards_[0]->Push(taken, batch)) return true;
    submissions_.Withdraw(taken.slot, 1);
    return false;
  }
  thread_local std::vector<std::vector<std::uint32_t>> mine;
  mine.resize(shards_.size());
  for (auto& part : mine)
    part.clear();
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    mine[batch.at(i).header().key.low % shards_.size()].push_back(i);
  }
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    if (shards_[s]->Push(taken, batch, mine[s], with_index && mine[s].size() != batch.count())) continue;
    // Parts that are in stay in: events are idempotent and the sender is told to send all of them again. Its callback is
    // dropped; the slot is free when the parts that are in are durable.
    submissions_.Withdraw(taken.slot, static_cast<std::uint32_t>(shards_.size() - s));
    return false;
  }
  return true;
}

Admission Engine::Impl::Submit(const EventBatch& batch, bool want_outcomes, Done done) {
  if (const Admission admits = Admits(); admits != Admission::kAccepted) return Refuse(admits);
  if (batch.bytes().size() > limits::kShardRingBytes / 4) return Refuse(Admission::kTooLarge);
  const auto parts = static_cast<std::uint32_t>(shards_.size());
  const std::optional<Submissions::Taken> taken =
      submissions_.Take(batch, parts, want_outcomes ? batch.count() : 0, clock_.Read().engine, std::move(done));
  if (!taken) return Refuse(Admission::kOverloaded);
  if (!PushParts(batch, *taken, want_outcomes)) return Refuse(Admission::kOverloaded);
  batches_.fetch_add(1, std::memory_order_relaxed);
  events_.fetch_add(batch.count(), std::memory_order_relaxed);
  return Admission::kAccepted;
}

// Not by the ring: a heartbeat stays away also while senders leave no room there, or the disk is nearly full. Lost by a crash, the
// responder says it again.
void Engine::Impl::Raise(const RaiseAlert& raise) {
  const auto published = this->published();
  const auto own = published->indexes.find(IntegrationId(kHeartbeatIntegration));
  if (own == published->indexes.end()) return;
  const auto batch = std::make_shared<EventBatch>(store_.key_seed(), own->second);
  if (const absl::Status status = batch->Append(raise.event); !status.ok()) {
    LogError("the alert of a heartbeat is none", {
                                                     {"error", status}
    });
    return;
  }
  ShardStage* const stage = shards_[batch->at(0).header().key.low % shards_.size()].get();
  stage->Post([this, stage, batch, told = HeartbeatTold{raise.heartbeat, raise.turn}](Shard& shard, const Now& now) {
    shard.Apply(batch->at(0), now);
    stage->WhenDurable([this, told] {
      CommandDone nobody;
      responder_->Push({"", "heartbeats", told}, nobody);
    });
  });
  batches_.fetch_add(1, std::memory_order_relaxed);
  events_.fetch_add(1, std::memory_order_relaxed);
}

EngineTime Engine::Impl::ListeningSince() const {
  if (keeper_.space() != Store::Space::kPlenty) return clock_.Read().engine;
  return EngineTime(refused_command_.load(std::memory_order_relaxed));
}

// What senders tell us by commands is refused as their events are: while the disk is nearly full, people come first.
void Engine::Impl::Execute(Command command, CommandDone done) {
  if (!accepting_.load(std::memory_order_acquire)) {
    if (done) done({Unavailable("the server is stopping"), 0, 0});
    return;
  }
  if (const auto* result = std::get_if<AttemptResult>(&command.body); result != nullptr && !done) {
    responder_->Push(*result);
    return;
  }
  const bool of_sender = std::holds_alternative<PingHeartbeat>(command.body) ||
                         std::holds_alternative<RecordChange>(command.body) ||
                         command.actor.starts_with("integration:");
  if (of_sender && keeper_.space() != Store::Space::kPlenty) {
    // Not ResourceExhausted, which says that more came than there is room for: doors answer the two differently.
    if (done) done({Unavailable("the disk is nearly full; try again later"), 0, 0});
    return;
  }
  const bool is_ping = std::holds_alternative<PingHeartbeat>(command.body);
  if (responder_->Push(std::move(command), done)) {
    pings_.fetch_add(is_ping ? 1 : 0, std::memory_order_relaxed);
    return;
  }
  refused_command_.store(clock_.Read().engine.ns(), std::memory_order_relaxed);
  if (done) done({Exhausted("too many commands are waiting; try again in a second"), 0, 0});
}

}  // namespace tocsin
