// Who has how much under way, so that nobody can have all of it: a sender that sends without end finds its share full, and all others
// find room as if it were not there.
//
// An integration may have as much under way as would be left free. So one alone may have half of everything, two who want more than there
// is have a third each, and somebody with little under way is let in beside however many others. No rates need be declared for it.
//
// There are two queues. Who has little under way goes by the quick one, which is emptied first; who has more, by the bulk one. An
// integration's batches never overtake each other: it goes back to the quick queue only when nothing of it is left in the bulk one, and
// nothing is taken from the bulk queue before what came earlier by the quick one (ShardStage::DrainRings).
//
// Any thread, no locks. Sums may be off by what others do at the same moment: a share bounds the greedy, it is no promise to a byte.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/event.h"

namespace tocsin {

class Shares {
 public:
  enum class Queue : std::uint8_t {
    kQuick,
    kBulk
  };
  struct Share {
    IntegrationIndex integration = 0;
    Queue queue = Queue::kBulk;
    std::size_t bytes = 0;
  };
  // How much may be under way at a time.
  struct Bounds {
    std::size_t batches = 0;
    std::size_t bytes = 0;
    std::size_t quick_batches = 0;  // of the quick queue, as all bounds below
    std::size_t quick_bytes = 0;
    std::size_t quick_bytes_of_one = 0;
  };

  explicit Shares(const Bounds& bounds) : bounds_(bounds), of_(kEntries) {}

  // For a batch of so many bytes; nullopt: the integration has its share under way. To be given back, once.
  std::optional<Share> Take(IntegrationIndex integration, std::size_t bytes) {
    UnderWay& own = of_[integration % kEntries];
    const UnderWay::Sums mine = own.Add(bytes);
    const UnderWay::Sums all = all_.Add(bytes);
    // What the others have and twice what is ours fit.
    if (all.batches + mine.batches > bounds_.batches || all.bytes + mine.bytes > bounds_.bytes) {
      all_.Remove(bytes);
      own.Remove(bytes);
      return std::nullopt;
    }
    return Share{integration, QueueOf(own, mine.bytes, bytes), bytes};
  }

  void Give(const Share& share) {
    UnderWay& own = of_[share.integration % kEntries];
    if (share.queue == Queue::kQuick) {
      quick_.Remove(share.bytes);
    } else {
      own.in_bulk.fetch_sub(1, std::memory_order_release);  // pairs with QueueOf: what is given back has been applied
    }
    all_.Remove(share.bytes);
    own.Remove(share.bytes);
  }

 private:
  // Integrations whose numbers agree in their last digits have one share together.
  static constexpr std::size_t kEntries = 1024;

  struct alignas(64) UnderWay {
    struct Sums {
      std::size_t batches = 0;
      std::size_t bytes = 0;
    };
    // What there is then.
    Sums Add(std::size_t more) {
      return {batches.fetch_add(1, std::memory_order_relaxed) + 1,
              bytes.fetch_add(more, std::memory_order_relaxed) + more};
    }
    void Remove(std::size_t less) {
      batches.fetch_sub(1, std::memory_order_relaxed);
      bytes.fetch_sub(less, std::memory_order_relaxed);
    }
    std::atomic<std::size_t> batches{0};
    std::atomic<std::size_t> bytes{0};
    std::atomic<std::size_t> in_bulk{0};  // batches
  };

  Queue QueueOf(UnderWay& own, std::size_t mine, std::size_t bytes) {
    if (own.in_bulk.load(std::memory_order_acquire) == 0 && mine <= bounds_.quick_bytes_of_one) {
      const UnderWay::Sums quick = quick_.Add(bytes);
      if (quick.batches <= bounds_.quick_batches && quick.bytes <= bounds_.quick_bytes) return Queue::kQuick;
      quick_.Remove(bytes);
    }
    own.in_bulk.fetch_add(1, std::memory_order_relaxed);
    return Queue::kBulk;
  }

  const Bounds bounds_;
  UnderWay all_;
  UnderWay quick_;
  std::vector<UnderWay> of_;
};

}  // namespace tocsin
