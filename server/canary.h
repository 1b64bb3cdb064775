// The canary (model/canary.h): goes in where alerts do, through the journal and the outbox, and out by a socket to a provider of its own in
// this process. Only what has arrived proves that pages could.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "engine/pipeline.h"
#include "net/http_server.h"

namespace tocsin {

class Canary {
 public:
  // Its provider listens on a loopback port that the system chooses. The engine outlives the last Tick; it may call back until it is gone.
  static absl::StatusOr<std::unique_ptr<Canary>> Start(Engine& engine, const Clock& clock);

  // About once a second, one thread: sends one when `interval` has passed since the last one was sent. True when one has arrived since the
  // last call.
  bool Tick(absl::Duration interval);
  // Why pages would not arrive either; empty: the last one did, or it is too early to say.
  std::string WhyMissing() const { return why_missing_; }
  bool has_arrived() const { return arrived_count_ > 0; }

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
  Canary(Engine& engine, const Clock& clock) : engine_(engine), clock_(clock), state_(std::make_shared<State>(clock)) {}
  void Send(EngineTime now);
  void Judge(EngineTime now);

  Engine& engine_;
  const Clock& clock_;
  const std::shared_ptr<State> state_;
  std::unique_ptr<HttpServer> provider_;
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
