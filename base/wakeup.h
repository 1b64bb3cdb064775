// How one thread sleeps until there is work: a futex that costs a producer one atomic exchange while nobody sleeps.
//
//   consumer:  for (;;) { if (!DoWork()) wakeup.Wait(until_next_timer); }
//   producer:  queue.Push(x); wakeup.Notify();
//
// A Notify between the consumer's last look and its Wait is not lost: Wait then returns at once. One consumer, any number of
// producers.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "absl/time/time.h"

namespace tocsin {

// The same between processes: lies in memory that they share, which is all zero at first. Whoever else has that memory can
// write to it as he likes; then a consumer wakes for nothing or sleeps its time out, no more.
class SharedWakeup {
 public:
  void Notify();
  // Returns after Notify, after `at_most`, or spuriously.
  void Wait(absl::Duration at_most);
  // Consumer. Whether somebody has rung since the last look.
  bool TakeRing();

 private:
  friend class Wakeup;
  std::atomic<std::uint32_t> state_{0};
};

class Wakeup {
 public:
  void Notify();
  // Returns after Notify, after `at_most`, or spuriously.
  void Wait(absl::Duration at_most);
  // The same, and after Notify of one of `bells`, at most kMostBells, of which this is the one consumer. They keep the ring for
  // TakeRing, and until it is taken a Wait with them returns at once.
  void Wait(absl::Duration at_most, std::span<SharedWakeup* const> bells);
  static constexpr std::size_t kMostBells = 16;

 private:
  enum : std::uint32_t {
    kIdle,
    kSleeping,
    kNotified
  };
  friend class SharedWakeup;
  // Notify's release pairs with Wait's acquire: what was pushed before Notify is seen after Wait.
  std::atomic<std::uint32_t> state_{kIdle};
};

}  // namespace tocsin
