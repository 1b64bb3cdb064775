// One canary after the other (model/canary.h), as values and time: when the next is sent, whether it has arrived, and why not. Its provider
// is somebody else's (server/canary.h, and the simulation's), which says what came.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "engine/pipeline.h"

namespace tocsin {

class CanaryRound {
 public:
  // `new_key` gives a key that nobody can guess. The engine outlives the last Tick; it may call back until it is gone.
  CanaryRound(Engine& engine, const Clock& clock, std::function<std::string()> new_key);

  // Where its provider listens; before the first Tick.
  void SetUrl(std::string url) { url_ = std::move(url); }
  // About once a second, one thread: sends one when `interval` has passed since the last one was sent. True when one has arrived since the
  // last call.
  bool Tick(absl::Duration interval);
  // What the provider calls with the key of a message, on any thread, also when this is gone: others than ours are passed over.
  std::function<void(std::string_view key)> arrival() const;
  // Why pages would not arrive either; empty: the last one did, or it is too early to say.
  const std::string& why_missing() const { return why_missing_; }
  bool is_under_way() const { return under_way_; }

  const Histogram& seconds() const { return state_->seconds; }  // of each that arrived: sent to arrived
  std::uint64_t arrived() const { return arrived_count_.load(std::memory_order_relaxed); }
  std::uint64_t missed() const { return missed_count_.load(std::memory_order_relaxed); }

 private:
  // Of the one under way; the engine's and the provider's threads write to it.
  struct State {
    const Clock& clock;
    Histogram seconds{Histogram::Seconds()};
    Mutex mutex;
    std::string key ABSL_GUARDED_BY(mutex);  // empty: none is under way
    EngineTime sent_at ABSL_GUARDED_BY(mutex);
    bool durable ABSL_GUARDED_BY(mutex) = false;
    bool arrived ABSL_GUARDED_BY(mutex) = false;
    explicit State(const Clock& of) : clock(of) {}
  };
  void Send(EngineTime now);
  void Judge(EngineTime now);

  Engine& engine_;
  const Clock& clock_;
  const std::function<std::string()> new_key_;
  const std::shared_ptr<State> state_;
  std::string url_;
  bool under_way_ = false;
  EngineTime sent_at_;
  EngineTime next_;
  EngineTime last_tick_;
  EngineTime waiting_since_;  // with is_waiting_: nothing has arrived since
  bool is_waiting_ = false;
  std::string refused_;  // why the last one was not taken; empty: it was
  std::string why_missing_;
  std::atomic<std::uint64_t> arrived_count_{0};
  std::atomic<std::uint64_t> missed_count_{0};
};

}  // namespace tocsin
