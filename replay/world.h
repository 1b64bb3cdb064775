// The engine's shards and its responder in simulated time: what a server would have done, without a server.
//
//   recovery   Fold, Restore, as after a start; then Begin
//   life       AdvanceTo, then Apply and Do at that instant; everything that is due before an instant happens at its own time
//
// Providers take every message, a fixed while after it was handed to them. Nothing is journalled and nothing is sent. While
// the recorded server was down the world is, too (SkipTo): nothing comes due, and leases do not run.
//
// Pure, as the stages are: no thread, lock, clock or I/O. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "base/clock.h"
#include "engine/responder.h"
#include "engine/shard.h"
#include "model/command.h"

namespace tocsin::replay {

class World {
 public:
  struct Options {
    std::uint32_t shard_count = 1;
    Shard::Options shard;                        // index and shard_count are set
    Responder::Options responder;                // shard_count is set
    absl::Duration delivery = absl::Seconds(1);  // until a provider says that it took a message
  };
  // Sees each decision that changes something, and when it was taken.
  using Decided = std::function<void(const Change&)>;
  World(Options options, Decided decided);

  // Recovery. `shard` is below shard_count; `at` is when the body was journalled, SkipTo when the server had been down before.
  absl::Status Fold(std::uint32_t shard, std::string_view body, const Now& at);
  void Restore(std::vector<Row> rows) { responder_.Restore(std::move(rows)); }
  void Fold(const Change& change) { responder_.Fold(change); }

  // As a server that starts at `now`. `integrations` are the names behind the numbers in events.
  void Begin(const Now& now, std::vector<IntegrationId> integrations);
  // Everything due up to `now` has happened when it returns.
  void AdvanceTo(const Now& now);
  // The same, but nobody was there until then: what was due happens at `now`.
  void SkipTo(const Now& now);

  // At the instant of the last AdvanceTo. What follows from events is settled when time goes on, as in a server.
  void Apply(const RecordedEvent& event);
  // The recorded shard's leases were judged by this clock: more has been taken in than was assumed after a downtime.
  void LeasesRunTo(std::uint32_t shard, EngineTime clock);
  CommandResult Do(Command command);

  const Now& now() const { return now_; }
  const Responder& responder() const { return responder_; }
  const Shard& ShardOf(const AlertKey& key) const { return shards_[key.low % shards_.size()]; }

 private:
  // A message with a provider that has not answered yet.
  struct UnderWay {
    EngineTime due;
    NotificationId notification;
    std::int32_t attempt = 0;
  };
  EngineTime NextDue() const;
  void Settle();
  bool WorkShards();
  bool Report();
  bool Deliver();
  bool FireTimers();
  void Perform(Decision decision);
  EngineTime TakenIn() const;
  EngineTime EngineOf(EngineTime taken_in) const;

  const Options options_;
  Decided decided_;
  Now now_;
  Responder responder_;
  std::vector<Shard> shards_;
  struct ShardState {
    EngineTime clock;        // of its leases
    EngineTime clock_at;     // the engine time at which it showed that
    bool dirty = false;      // changed since it last reported all
    EngineTime reported_at;  // when that was
  };
  std::vector<ShardState> states_;  // of each shard
  bool begun_ = false;
  std::vector<IntegrationId> integrations_;
  EventBatch batch_;
  std::vector<LabelView> labels_;
  std::vector<LabelView> annotations_;
  std::vector<GroupReport> reports_;
  std::deque<UnderWay> under_way_;  // in the order in which they were handed over
  bool unsettled_ = false;          // something was done at this instant, and what follows from it is not
  // Taken-in time: engine time less the time of being down, and a while after it.
  absl::Duration paused_;
  EngineTime frozen_;  // what it is until `grace_until_`
  EngineTime grace_until_;
};

}  // namespace tocsin::replay
