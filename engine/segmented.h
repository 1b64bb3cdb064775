// An array that grows without moving what it holds: fixed segments behind a small directory of pointers. Sparse: a segment
// exists once one of its elements was asked for, so that a number read from a damaged body costs at most one segment.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/arena.h"

namespace tocsin {

// "No element", in every table of the shard that names its elements by number.
inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

template <typename T, unsigned kSegmentBits>
class Segmented {
 public:
  static constexpr std::uint32_t kSegment = 1U << kSegmentBits;

  explicit Segmented(Arena* arena = nullptr) : arena_(arena != nullptr ? *arena : own_) {}
  ~Segmented() {
    for (T* const segment : segments_)
      if (segment != nullptr) std::destroy_n(segment, kSegment);
  }
  Segmented(const Segmented&) = delete;
  Segmented& operator=(const Segmented&) = delete;

  // Requires Has(i). The library's own checks are gone round: an alert that is new asks some sixty times.
  T& operator[](std::uint32_t i) { return segments_.data()[i >> kSegmentBits][i & (kSegment - 1)]; }
  const T& operator[](std::uint32_t i) const { return segments_.data()[i >> kSegmentBits][i & (kSegment - 1)]; }

  bool Has(std::uint32_t i) const {
    const std::size_t segment = i >> kSegmentBits;
    return segment < segments_.size() && segments_[segment] != nullptr;
  }
  // The element, made (value-initialised, with its segment) when it is not there.
  T& Ensure(std::uint32_t i) {
    const std::size_t segment = i >> kSegmentBits;
    if (segment >= segments_.size()) segments_.resize(segment + 1);
    if (segments_[segment] == nullptr) segments_[segment] = Make();
    return (*this)[i];
  }
  // Calls visit(number, element) for all elements of all segments that are there, in order, below `end`.
  template <typename Visit>
  void ForEach(std::uint32_t end, Visit visit) {
    for (std::uint32_t i = 0; i < end; ++i) {
      if (!Has(i)) {
        i |= kSegment - 1;
      } else {
        visit(i, (*this)[i]);
      }
    }
  }
  std::size_t bytes() const {
    std::size_t bytes = segments_.capacity() * sizeof(segments_[0]);
    for (const T* const segment : segments_)
      bytes += segment != nullptr ? kSegment * sizeof(T) : 0;
    return bytes;
  }

 private:
  static_assert(alignof(T) <= Arena::kAlignment && kSegment * sizeof(T) <= Arena::kMostBytes);
  T* Make() {
    T* const segment = static_cast<T*>(arena_.Allocate(kSegment * sizeof(T)));
    std::uninitialized_value_construct_n(segment, kSegment);
    return segment;
  }

  Arena own_;
  Arena& arena_;
  std::vector<T*> segments_;
};

}  // namespace tocsin
