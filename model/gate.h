// The last word on whether an attempt may start. The responder's shell closes a notification's gate before it answers an
// acknowledgement; the notifier starts an attempt only by winning the gate. Lock-free; any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace tocsin {

// kOpen -> kStarted (by the notifier) or kClosed (by the shell); whoever comes first decides.
class Gate {
 public:
  bool Start() { return Move(kStarted); }
  // True: nothing has started and nothing will.
  bool Close() { return Move(kClosed); }

 private:
  enum : std::uint8_t {
    kOpen,
    kStarted,
    kClosed
  };
  bool Move(std::uint8_t to) {
    std::uint8_t expected = kOpen;
    return state_.compare_exchange_strong(expected, to, std::memory_order_acq_rel);
  }
  std::atomic<std::uint8_t> state_{kOpen};
};

}  // namespace tocsin
