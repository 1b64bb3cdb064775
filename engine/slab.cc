#include "engine/slab.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/status.h"

namespace tocsin {

Slab::SizeClass Slab::ClassOf(std::size_t bytes) {
  const auto units = static_cast<std::uint32_t>((bytes + kUnit - 1) / kUnit);
  if (units <= kSmall) return {units - 1, units};
  const auto width = static_cast<std::uint32_t>(std::bit_width(units - 1));  // 8 .. 17
  const std::uint32_t step = 1U << (width - 3);
  const std::uint32_t rounded = (units + step - 1) & ~(step - 1);
  return {kSmall + (width - kSmallBits - 1) * 4 + (((rounded - 1) >> (width - 3)) & 3U), rounded};
}

void Slab::Push(std::uint32_t block, std::size_t index) {
  std::memcpy(At(block), &free_[index], sizeof free_[index]);
  free_[index] = block;
}

std::uint32_t Slab::Allocate(std::size_t bytes) {
  TOCSIN_CHECK(bytes >= 1 && bytes <= kUnitsPerChunk * kUnit, "slab block out of range");
  const SizeClass size = ClassOf(bytes);
  if (free_[size.index] != kNoSlot) {
    const std::uint32_t block = free_[size.index];
    std::memcpy(&free_[size.index], At(block), sizeof free_[size.index]);
    return block;
  }
  if (limit_ - next_ < size.units) {
    while (next_ < limit_) {  // what is left of the chunk serves small blocks
      const std::uint32_t units = std::min(limit_ - next_, kSmall);
      Push(next_, units - 1);
      next_ += units;
    }
    TOCSIN_CHECK(chunks_.size() < kNoSlot / kUnitsPerChunk, "32 GiB of alert text in one shard");
    next_ = static_cast<std::uint32_t>(chunks_.size()) * kUnitsPerChunk;
    limit_ = next_ + kUnitsPerChunk;
    chunks_.push_back(static_cast<char*>(arena_.Allocate(kUnitsPerChunk * kUnit + kReadBehind)));
  }
  const std::uint32_t block = next_;
  next_ += size.units;
  return block;
}

void Slab::Free(std::uint32_t block, std::size_t bytes) {
  Push(block, ClassOf(bytes).index);
}

}  // namespace tocsin
