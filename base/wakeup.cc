#include "base/wakeup.h"

#include <algorithm>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tocsin {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "the kernel looks at the word itself");

void Wakeup::Notify() {
  if (state_.exchange(kNotified, std::memory_order_acq_rel) == kSleeping) {
    syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
}

void Wakeup::Wait(absl::Duration at_most) {
  std::uint32_t expected = kIdle;
  if (state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel)) {
    const timespec timeout = absl::ToTimespec(std::clamp(at_most, absl::ZeroDuration(), absl::Hours(1)));
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kSleeping, &timeout, nullptr, 0);
  }
  state_.exchange(kIdle, std::memory_order_acq_rel);
}

}  // namespace tocsin
