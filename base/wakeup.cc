#include "base/wakeup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "the kernel looks at the word itself");

// Where the kernel cannot wait for several words (before Linux 5.16), bells are looked at this often.
constexpr absl::Duration kLook = absl::Milliseconds(1);

timespec Bounded(absl::Duration at_most) {
  return absl::ToTimespec(std::clamp(at_most, absl::ZeroDuration(), absl::Hours(1)));
}

// Until one of `words` is no longer `value`, is woken, or `at_most` is over. False: the kernel cannot.
bool WaitForAny(std::span<futex_waitv> words, absl::Duration at_most) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const timespec until =
      absl::ToTimespec(absl::DurationFromTimespec(now) + std::clamp(at_most, absl::ZeroDuration(), absl::Hours(1)));
  const long woken = syscall(SYS_futex_waitv, words.data(), words.size(), 0, &until, CLOCK_MONOTONIC);
  return woken >= 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT;
}

}  // namespace

void SharedWakeup::Notify() {
  if (state_.exchange(Wakeup::kNotified, std::memory_order_acq_rel) == Wakeup::kSleeping) {
    syscall(SYS_futex, &state_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
}

void SharedWakeup::Wait(absl::Duration at_most) {
  std::uint32_t expected = Wakeup::kIdle;
  if (state_.compare_exchange_strong(expected, Wakeup::kSleeping, std::memory_order_acq_rel)) {
    const timespec timeout = Bounded(at_most);
    syscall(SYS_futex, &state_, FUTEX_WAIT, Wakeup::kSleeping, &timeout, nullptr, 0);
  }
  state_.exchange(Wakeup::kIdle, std::memory_order_acq_rel);
}

bool SharedWakeup::TakeRing() {
  if (state_.load(std::memory_order_relaxed) == Wakeup::kIdle) return false;
  state_.exchange(Wakeup::kIdle, std::memory_order_acq_rel);
  return true;
}

void Wakeup::Notify() {
  if (state_.exchange(kNotified, std::memory_order_acq_rel) == kSleeping) {
    syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
}

void Wakeup::Wait(absl::Duration at_most) {
  std::uint32_t expected = kIdle;
  if (state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel)) {
    const timespec timeout = Bounded(at_most);
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kSleeping, &timeout, nullptr, 0);
  }
  state_.exchange(kIdle, std::memory_order_acq_rel);
}

void Wakeup::Wait(absl::Duration at_most, std::span<SharedWakeup* const> bells) {
  if (bells.empty()) return Wait(at_most);
  TOCSIN_CHECK(bells.size() <= kMostBells, "as many bells as there is room for");
  std::array<futex_waitv, kMostBells + 1> words{};
  words[0] = {.val = kSleeping,
              .uaddr = reinterpret_cast<std::uintptr_t>(&state_),
              .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG,
              .__reserved = 0};
  std::size_t armed = 0;
  std::uint32_t expected = kIdle;
  bool rung = !state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel);
  for (; armed < bells.size() && !rung; ++armed) {
    std::atomic<std::uint32_t>& bell = bells[armed]->state_;
    expected = kIdle;
    rung = !bell.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel);
    if (rung) break;  // it stays as it is for TakeRing, whatever it is
    words[armed + 1] = {
        .val = kSleeping, .uaddr = reinterpret_cast<std::uintptr_t>(&bell), .flags = FUTEX_32, .__reserved = 0};
  }
  if (!rung && !WaitForAny({words.data(), armed + 1}, at_most)) {
    const timespec timeout = Bounded(std::min(at_most, kLook));
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kSleeping, &timeout, nullptr, 0);
  }
  for (std::size_t i = 0; i < armed; ++i) {
    expected = kSleeping;  // a ring stays until it is taken
    bells[i]->state_.compare_exchange_strong(expected, kIdle, std::memory_order_acq_rel);
  }
  state_.exchange(kIdle, std::memory_order_acq_rel);
}

}  // namespace tocsin
