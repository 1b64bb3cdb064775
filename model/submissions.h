// Batches on their way: taken in, not yet durable. A fixed table, so that rings carry slot numbers and no pointers, and so
// that what is under way is bounded.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "model/inlet.h"
#include "model/shares.h"

namespace tocsin {

// Take: any thread. Part: the shard threads. Complete: the committer. A slot is owned by one of them at a time; the ring and
// the committer's queues order the hand-overs. A gateway has a table of its own: there Complete is called by whoever reads what
// the engine has completed.
class Submissions {
 public:
  struct Taken {
    std::uint32_t slot = 0;
    Shares::Queue queue = Shares::Queue::kBulk;
  };

  // As many slots as batches may be under way. `seconds` is told how long each batch took, from Take to durable.
  Submissions(const Shares::Bounds& bounds, Histogram& seconds)
      : seconds_(seconds),
        shares_(bounds),
        count_(static_cast<std::uint32_t>(bounds.batches)),
        memory_(std::make_unique_for_overwrite<Memory[]>(bounds.batches)),
        free_(count_) {}
  ~Submissions() {
    for (std::uint32_t i = 0; i < made_.load(std::memory_order_relaxed); ++i)
      At(i).~Slot();
  }
  Submissions(const Submissions&) = delete;
  Submissions& operator=(const Submissions&) = delete;

  // A slot for a batch in `parts` parts, taken in at `now`; nullopt when all are taken, or the integration has its share of them.
  std::optional<Taken> Take(
      const EventBatch& batch, std::uint32_t parts, std::size_t outcomes, EngineTime now, Inlet::Done done) {
    const std::optional<Shares::Share> share = shares_.Take(batch.integration(), batch.bytes().size());
    if (!share) return std::nullopt;
    const std::optional<std::uint32_t> slot = TakeSlot();
    if (!slot) {
      shares_.Give(*share);
      return std::nullopt;
    }
    Slot& taken = At(*slot);
    taken.share = *share;
    taken.parts.store(parts, std::memory_order_relaxed);
    taken.refused.store(false, std::memory_order_relaxed);
    taken.lost.store(false, std::memory_order_relaxed);
    taken.outcomes.assign(outcomes, Outcome::kNew);
    taken.at = now;
    taken.done = std::move(done);
    return Taken{*slot, share->queue};
  }

  // The batch is refused after all: `parts` of it are in no ring. Nobody is told.
  void Withdraw(std::uint32_t slot, std::uint32_t parts) {
    Slot& withdrawn = At(slot);
    withdrawn.refused.store(true, std::memory_order_release);
    Finish(slot, parts, 0, EngineTime());
  }

  // One part will not come back: what became of it is not known. The last part tells the sender.
  void Lose(std::uint32_t slot) {
    At(slot).lost.store(true, std::memory_order_release);
    Finish(slot, 1, 0, EngineTime());
  }
  // As Lose, of all that is under way; so many batches. Nobody else may be in here, nor come in while it runs.
  std::uint64_t LoseAll() {
    std::uint64_t lost = 0;
    for (std::uint32_t i = 0; i < made_.load(std::memory_order_acquire); ++i) {
      const std::uint32_t parts = At(i).parts.load(std::memory_order_acquire);
      if (parts == 0) continue;
      At(i).lost.store(true, std::memory_order_release);
      Finish(i, parts, 0, EngineTime());
      ++lost;
    }
    return lost;
  }

  // Where a shard writes the outcomes of its part; empty when nobody asked.
  std::span<Outcome> OutcomesOf(std::uint32_t slot) { return At(slot).outcomes; }

  // One part is durable as of `sequence`. The last part tells the sender.
  void Complete(std::uint32_t slot, std::uint64_t sequence, EngineTime now) { Finish(slot, 1, sequence, now); }

 private:
  struct Slot {
    std::atomic<std::uint32_t> parts{0};
    std::atomic<bool> refused{false};
    std::atomic<bool> lost{false};
    std::vector<Outcome> outcomes;
    Shares::Share share;
    EngineTime at;
    Inlet::Done done;
    std::atomic<std::uint32_t> next{0};  // of the free list
  };
  // A slot is made when it is first taken: there are more of them than are ever under way, and a start waits for none.
  union Memory {
    Memory() {}   // NOLINT: nothing is made as yet
    ~Memory() {}  // NOLINT
    Slot slot;
  };
  Slot& At(std::uint32_t slot) { return memory_[slot].slot; }

  // `refused` and `lost` are stored before the last parts are counted off, and parts counts with acquire and release: whoever
  // finishes the slot sees them.
  void Finish(std::uint32_t slot, std::uint32_t parts, std::uint64_t sequence, EngineTime now) {
    Slot& finished = At(slot);
    if (finished.parts.fetch_sub(parts, std::memory_order_acq_rel) != parts) return;
    Inlet::Done done = std::move(finished.done);
    const bool refused = finished.refused.load(std::memory_order_acquire);
    const bool lost = finished.lost.load(std::memory_order_acquire);
    const Receipt receipt{sequence, std::move(finished.outcomes), lost};
    if (!refused && !lost) seconds_.Observe(absl::ToDoubleSeconds(now - finished.at));
    finished.done = nullptr;
    finished.outcomes.clear();
    shares_.Give(finished.share);
    Free(slot);
    if (done && !refused) done(receipt);
  }

  std::optional<std::uint32_t> TakeSlot() {
    std::uint64_t head = free_.load(std::memory_order_acquire);
    std::uint32_t slot = 0;
    do {
      slot = static_cast<std::uint32_t>(head);
      if (slot == count_) return MakeSlot();
    } while (!free_.compare_exchange_weak(head, Tagged(head, At(slot).next.load(std::memory_order_relaxed)),
                                          std::memory_order_acq_rel));
    return slot;
  }
  std::optional<std::uint32_t> MakeSlot() {
    std::uint32_t made = made_.load(std::memory_order_relaxed);
    do {
      if (made == count_) return std::nullopt;
    } while (!made_.compare_exchange_weak(made, made + 1, std::memory_order_acq_rel));
    new (&memory_[made].slot) Slot();
    return made;
  }

  // The free list is a stack of slot numbers; the tag in the upper half changes with every move, so a stale
  // compare-exchange cannot succeed (ABA).
  static std::uint64_t Tagged(std::uint64_t old, std::uint32_t slot) { return (((old >> 32U) + 1) << 32U) | slot; }
  void Free(std::uint32_t slot) {
    std::uint64_t head = free_.load(std::memory_order_acquire);
    do {
      At(slot).next.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    } while (!free_.compare_exchange_weak(head, Tagged(head, slot), std::memory_order_acq_rel));
  }

  Histogram& seconds_;
  Shares shares_;
  const std::uint32_t count_;
  const std::unique_ptr<Memory[]> memory_;
  std::atomic<std::uint32_t> made_{0};
  std::atomic<std::uint64_t> free_;  // its slot is count_: none
};

}  // namespace tocsin
