// Memory for the alert table's text: blocks of 8 bytes to 1 MiB in chunks of 1 MiB, named by 32 bits. Size classes with
// free lists; no header per block, nothing ever moves, chunks are kept. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "engine/segmented.h"

namespace tocsin {

class Slab {
 public:
  // So many bytes behind any block may be read, whatever they are.
  static constexpr std::size_t kReadBehind = 16;

  // Chunks are the arena's, if one is given; it must outlive this.
  explicit Slab(Arena* arena = nullptr) : arena_(arena != nullptr ? *arena : own_) { free_.fill(kNoSlot); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // A block of at least `bytes` bytes, uninitialised. Requires 1 <= bytes <= 1 MiB.
  std::uint32_t Allocate(std::size_t bytes);
  // Requires the `bytes` of its Allocate.
  void Free(std::uint32_t block, std::size_t bytes);
  // Whether a block of `bytes` bytes has room for `others`, and may be freed as one of so many.
  static bool SameClass(std::size_t bytes, std::size_t others) { return ClassOf(bytes).index == ClassOf(others).index; }
  // Requires a block of Allocate.
  char* At(std::uint32_t block) { return chunks_.data()[block / kUnitsPerChunk] + block % kUnitsPerChunk * kUnit; }
  const char* At(std::uint32_t block) const {
    return chunks_.data()[block / kUnitsPerChunk] + block % kUnitsPerChunk * kUnit;
  }
  std::size_t bytes() const { return chunks_.size() * kUnitsPerChunk * kUnit; }

 private:
  // Small, since a text is rounded up by half of it; large enough to name 32 GiB.
  static constexpr std::size_t kUnit = 8;
  static constexpr std::uint32_t kUnitsPerChunk = 1U << 17;
  static constexpr std::uint32_t kSmallBits = 7;
  static constexpr std::uint32_t kSmall =
      1U << kSmallBits;  // to so many units each size has its class; then four a doubling
  static constexpr std::size_t kClasses = kSmall + 4 * (17 - kSmallBits);

  struct SizeClass {
    std::size_t index;
    std::uint32_t units;
  };
  static SizeClass ClassOf(std::size_t bytes);
  void Push(std::uint32_t block, std::size_t index);

  Arena own_;
  Arena& arena_;
  std::vector<char*> chunks_;
  std::uint32_t next_ = 0;   // the first unused unit of the last chunk
  std::uint32_t limit_ = 0;  // the end of the last chunk
  std::array<std::uint32_t, kClasses> free_;
};

}  // namespace tocsin
