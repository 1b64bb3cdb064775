// A bounded queue of values from one thread to another. For variable-size records and many producers: base/ring.h.
//
// Invariant: popped_ <= pushed_ <= popped_ + capacity; the values [popped_, pushed_) live in their cells, index modulo
// capacity, no other cell holds a value. The counters have 64 bits and never wrap.
// Pairs: TryPush's release store of pushed_ with TryPop's acquire load (the value is seen);
//        TryPop's release store of popped_ with TryPush's acquire load (the cell has been emptied).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"

namespace tocsin {

template <typename T>
class SpscRing {
 public:
  // A power of two, fixed.
  explicit SpscRing(std::size_t capacity) : capacity_(capacity) {
    TOCSIN_CHECK(std::has_single_bit(capacity), "the ring masks instead of dividing");
    cells_ = std::allocator<T>().allocate(capacity);
  }
  ~SpscRing() {
    while (TryPop()) {
    }
    std::allocator<T>().deallocate(cells_, capacity_);
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // Producer's thread. False: full, and `value` is untouched.
  bool TryPush(T&& value) {
    const std::uint64_t at = pushed_.load(std::memory_order_relaxed);
    if (at - popped_seen_ == capacity_) {
      popped_seen_ = popped_.load(std::memory_order_acquire);
      if (at - popped_seen_ == capacity_) return false;
    }
    std::construct_at(Cell(at), std::move(value));
    pushed_.store(at + 1, std::memory_order_release);
    return true;
  }

  // Consumer's thread. nullopt: empty.
  std::optional<T> TryPop() {
    const std::uint64_t at = popped_.load(std::memory_order_relaxed);
    if (at == pushed_seen_) {
      pushed_seen_ = pushed_.load(std::memory_order_acquire);
      if (at == pushed_seen_) return std::nullopt;
    }
    T* cell = Cell(at);
    std::optional<T> value(std::move(*cell));
    std::destroy_at(cell);
    popped_.store(at + 1, std::memory_order_release);
    return value;
  }

  // Any thread; a moment's truth.
  std::size_t size() const {
    const std::uint64_t popped = popped_.load(std::memory_order_acquire);
    return static_cast<std::size_t>(pushed_.load(std::memory_order_acquire) - popped);
  }
  std::size_t capacity() const { return capacity_; }

 private:
  T* Cell(std::uint64_t at) { return cells_ + (at & (capacity_ - 1)); }

  const std::size_t capacity_;
  T* cells_ = nullptr;  // owned

  // Each side keeps what it last saw of the other, so that the shared counters change hands once a lap, not once a value.
  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  std::uint64_t popped_seen_ = 0;  // producer's
  alignas(64) std::atomic<std::uint64_t> popped_{0};
  std::uint64_t pushed_seen_ = 0;  // consumer's
};

}  // namespace tocsin
