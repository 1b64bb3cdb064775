#include "base/arena.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

struct Piece {
  unsigned char* at;
  std::size_t bytes;
  unsigned char filled;
};

// On either side of where regions begin, and over the end of one.
TEST(ArenaTest, PiecesAreAlignedAndNobodyElses) {
  Random random(1);
  Arena arena;
  std::vector<Piece> pieces;
  std::size_t all = 0;
  while (all < Arena::kHugeFrom + (std::size_t{100} << 20U)) {
    const std::size_t bytes = random.OneIn(20) ? Arena::kMostBytes - random.Below(70) : 1 + random.Below(1U << 18U);
    auto* const at = static_cast<unsigned char*>(arena.Allocate(bytes));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % Arena::kAlignment, 0U);
    pieces.push_back({at, bytes, static_cast<unsigned char>(random.Below(256))});
    std::memset(at, pieces.back().filled, bytes);
    all += bytes;
  }
  for (const Piece& piece : pieces) {
    for (const std::size_t i : {std::size_t{0}, piece.bytes / 2, piece.bytes - 1})
      ASSERT_EQ(piece.at[i], piece.filled);
  }
}

}  // namespace
}  // namespace tocsin
