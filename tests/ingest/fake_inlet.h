// An engine that remembers what it was given and answers when it is told to.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "ingest/wire_decoder.h"
#include "model/inlet.h"

namespace tocsin {

class FakeInlet final : public Inlet {
 public:
  struct Batch {
    IntegrationIndex integration = 0;
    std::vector<AlertEvent> events;
    std::vector<AlertKey> keys;
  };

  // From now on: answers wait for CompleteNext.
  void Hold() {
    const MutexLock lock(mutex_);
    holds_ = true;
  }
  // From now on, or the next `times`: batches are refused (kAccepted: taken again).
  void Refuse(Admission admission, std::size_t times = std::numeric_limits<std::size_t>::max()) {
    const MutexLock lock(mutex_);
    admission_ = admission;
    refusals_ = times;
  }
  // From now on streams may send repeats; they are read again as a shard reads them.
  void TakeRepeats() { takes_repeats_ = true; }
  // From now on: what becomes of each event.
  void Give(Outcome outcome) {
    const MutexLock lock(mutex_);
    outcome_ = outcome;
  }
  // The oldest (or newest) batch that waits is durable. False when none waits.
  bool Complete(bool newest = false) {
    std::pair<Done, Receipt> next;
    {
      const MutexLock lock(mutex_);
      if (waiting_.empty()) return false;
      next = std::move(newest ? waiting_.back() : waiting_.front());
      newest ? waiting_.pop_back() : waiting_.pop_front();
    }
    next.first(next.second);
    return true;
  }
  // Waits until so many batches have come in all.
  void Await(std::size_t batches) {
    const MutexLock lock(mutex_);
    came_.Wait(mutex_, [&] { return batches_.size() >= batches; });
  }
  std::vector<Batch> batches() const {
    const MutexLock lock(mutex_);
    return batches_;
  }
  // All events of all batches.
  std::vector<AlertEvent> events() const {
    std::vector<AlertEvent> all;
    for (const Batch& batch : batches())
      all.insert(all.end(), batch.events.begin(), batch.events.end());
    return all;
  }

  Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) override {
    Receipt receipt;
    {
      const MutexLock lock(mutex_);
      if (admission_ != Admission::kAccepted && refusals_ > 0) {
        --refusals_;
        return admission_;
      }
      Batch taken{.integration = batch.integration(), .events = {}, .keys = {}};
      for (std::size_t i = 0; i < batch.count(); ++i) {
        const EventView event = batch.at(i);
        const bool repeat = event.header().form == EventHeader::Form::kRepeat;
        taken.events.push_back(
            (repeat ? read_again_(event.header(), event.came(), absl::UnixEpoch()).value() : event).ToEvent());
        taken.keys.push_back(event.header().key);
      }
      batches_.push_back(std::move(taken));
      receipt.sequence = batches_.size();
      if (want_outcomes) receipt.outcomes.assign(batch.count(), outcome_);
      if (holds_) {
        waiting_.emplace_back(std::move(done), std::move(receipt));
        done = nullptr;
      }
    }
    came_.NotifyAll();
    if (done) done(receipt);
    return Admission::kAccepted;
  }
  absl::Duration RetryAfter() const override { return absl::Milliseconds(1500); }
  std::uint64_t KeySeed() const override { return kSeed; }
  bool TakesRepeats() const override { return takes_repeats_; }

 private:
  static constexpr std::uint64_t kSeed = 42;

  std::atomic<bool> takes_repeats_{false};
  std::function<std::optional<EventView>(const EventHeader&, const CameBytes&, absl::Time)> read_again_ =
      ReadRepeatsAgain(kSeed);
  mutable Mutex mutex_;
  ConditionVariable came_;
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  Admission admission_ ABSL_GUARDED_BY(mutex_) = Admission::kAccepted;
  std::size_t refusals_ ABSL_GUARDED_BY(mutex_) = 0;
  Outcome outcome_ ABSL_GUARDED_BY(mutex_) = Outcome::kNew;
  std::vector<Batch> batches_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<Done, Receipt>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
