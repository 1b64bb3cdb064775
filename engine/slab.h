// Memory for the alert table's text: blocks of 16 bytes to 1 MiB in chunks of 1 MiB, named by 32 bits. Size classes with
// free lists; no header per block, nothing ever moves, chunks are kept. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/segmented.h"

namespace tocsin {

class Slab {
 public:
  Slab() { free_.fill(kNoSlot); }

  // A block of at least `bytes` bytes, uninitialised. Requires 1 <= bytes <= 1 MiB.
  std::uint32_t Allocate(std::size_t bytes);
  // Requires the `bytes` of its Allocate.
  void Free(std::uint32_t block, std::size_t bytes);
  char* At(std::uint32_t block) { return chunks_[block / kUnitsPerChunk].get() + block % kUnitsPerChunk * kUnit; }
  const char* At(std::uint32_t block) const {
    return chunks_[block / kUnitsPerChunk].get() + block % kUnitsPerChunk * kUnit;
  }
  std::size_t bytes() const { return chunks_.size() * kUnitsPerChunk * kUnit; }

 private:
  static constexpr std::size_t kUnit = 16;
  static constexpr std::uint32_t kUnitsPerChunk = 1U << 16;
  static constexpr std::uint32_t kSmall = 64;  // up to so many units, each size has its class; above, four per doubling
  static constexpr std::size_t kClasses = 104;

  struct SizeClass {
    std::size_t index;
    std::uint32_t units;
  };
  static SizeClass ClassOf(std::size_t bytes);
  void Push(std::uint32_t block, std::size_t index);

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::uint32_t next_ = 0;   // the first unused unit of the last chunk
  std::uint32_t limit_ = 0;  // the end of the last chunk
  std::array<std::uint32_t, kClasses> free_;
};

}  // namespace tocsin
