// The gateway's way to the engine: an Inlet that lays batches into the rings that the engine has shared, and tells their senders when
// the engine says that they are durable. While no engine is attached every batch is refused, and what was under way when the engine
// went is told as lost: its sender sends it again.
#pragma once

#include <atomic>
#include <memory>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "gateway/memory.h"
#include "model/inlet.h"

namespace tocsin {

class GatewayInlet final : public Inlet {
 public:
  struct Statistics {
    bool attached = false;
    std::uint64_t batches = 0;  // published
    std::uint64_t events = 0;
    std::uint64_t lost_batches = 0;
    std::uint64_t refused[5] = {};  // by Admission
  };

  explicit GatewayInlet(const Clock& clock);
  ~GatewayInlet() override;

  // Any thread. Instead of what was attached before, which is detached.
  void Attach(GatewayMemory memory);
  // Takes what the engine has completed, then tells everybody who still waits that it is lost.
  void Detach();

  // Any thread. A block of the engine's memory to read what comes into (gateway/blocks.h); null: there is none now.
  std::shared_ptr<char> TakeBlock() const;

  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) override;
  absl::Duration RetryAfter() const override;
  bool TakesRepeats() const override { return true; }  // their bytes go along
  // 0 while nothing is attached; batches that were made for another store are refused.
  std::uint64_t KeySeed() const override;

  Statistics ReadStatistics() const;
  const Histogram& seconds() const { return seconds_; }  // of each batch: published to durable

 private:
  class Link;
  std::shared_ptr<Link> link() const {
    const MutexLock lock(mutex_);
    return link_;
  }
  Admission Refuse(Admission why);

  const Clock& clock_;
  Histogram seconds_{Histogram::Seconds()};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> refused_[5] = {};
  mutable Mutex mutex_;
  std::shared_ptr<Link> link_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
