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

#include "absl/time/time.h"

namespace tocsin {

class Wakeup {
 public:
  void Notify();
  // Returns after Notify, after `at_most`, or spuriously.
  void Wait(absl::Duration at_most);

 private:
  enum : std::uint32_t {
    kIdle,
    kSleeping,
    kNotified
  };
  // Notify's release pairs with Wait's acquire: what was pushed before Notify is seen after Wait.
  std::atomic<std::uint32_t> state_{kIdle};
};

}  // namespace tocsin
