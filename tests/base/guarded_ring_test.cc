#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/ring.h"

namespace tocsin {
namespace {

// The memory of a ring, both ends of it, and what a hostile neighbour can do: write anywhere.
class Shared {
 public:
  Shared(std::size_t slots, std::size_t data_bytes, RingPosition start = {})
      : memory_(RingLayout::BytesNeeded(slots, data_bytes) + 64), drain_(bytes(), slots, data_bytes, start) {}
  // Exactly as long as the ring and aligned, so that a sanitizer sees a byte too many at its end.
  std::span<std::byte> bytes() {
    const std::size_t skip = 64 - reinterpret_cast<std::uintptr_t>(memory_.data()) % 64;
    return std::span(memory_).subspan(skip, memory_.size() - 64);
  }
  bool Push(std::string_view record) {
    absl::StatusOr<Ring> ring = Ring::Attach(bytes());
    if (!ring.ok()) return false;
    const auto reservation = ring->TryReserve(record.size());
    if (!reservation) return false;
    std::memcpy(reservation->bytes.data(), record.data(), record.size());
    ring->Publish(*reservation);
    return true;
  }
  GuardedRing& drain() { return drain_; }
  std::string Take() {
    std::span<const std::byte> record;
    switch (drain_.Take(record)) {
      case GuardedRing::Taken::kNothing: return "nothing";
      case GuardedRing::Taken::kBroken: return "broken";
      case GuardedRing::Taken::kRecord: break;
    }
    return {reinterpret_cast<const char*>(record.data()), record.size()};
  }

 private:
  std::vector<std::byte> memory_;
  GuardedRing drain_;
};

TEST(GuardedRingTest, TakesWhatWasPublishedInOrder) {
  Shared shared(4, 1024);
  EXPECT_EQ(shared.Take(), "nothing");
  ASSERT_TRUE(shared.Push("first") && shared.Push("second"));
  EXPECT_EQ(shared.Take(), "first");
  EXPECT_EQ(shared.Take(), "second");
  EXPECT_EQ(shared.Take(), "nothing");
}

TEST(GuardedRingTest, GoesRoundAndRoundWithRecordsOfAnySize) {
  // The counters' ends come soon.
  Shared shared(8, 1024, {.ticket = 0xFFFF'FFF0, .unit = 0xFFFF'FFC0});
  Random random(1);
  std::vector<std::string> waiting;
  std::size_t taken = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string record(1 + random.Below(512), static_cast<char>('a' + i % 26));
    if (shared.Push(record)) {
      waiting.push_back(record);
    } else {
      ASSERT_LT(taken, waiting.size()) << "an empty ring is full";
      ASSERT_EQ(shared.Take(), waiting[taken++]);
    }
  }
  while (taken < waiting.size())
    ASSERT_EQ(shared.Take(), waiting[taken++]);
  EXPECT_EQ(shared.Take(), "nothing");
}

TEST(GuardedRingTest, BreaksAtASlotThatNoProducerWrites) {
  for (const std::uint32_t bytes : {0U, 513U, 0xFFFF'FFFFU}) {
    Shared shared(4, 1024);
    ASSERT_TRUE(shared.Push("honest"));
    // A slot: turn, offset, bytes, units; behind the header of three lines.
    std::memcpy(shared.bytes().data() + 3 * 64 + 8, &bytes, sizeof bytes);
    EXPECT_EQ(shared.Take(), "broken");
    EXPECT_EQ(shared.Take(), "broken");
  }
}

TEST(GuardedRingTest, NeverReadsBeyondItsMemoryWhateverIsWrittenThere) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    Shared shared(8, 1024, {.ticket = static_cast<std::uint32_t>(random.Next()), .unit = 0});
    for (int round = 0; round < 20; ++round) {
      if (random.OneIn(2)) shared.Push(std::string(1 + random.Below(512), 'x'));
      // Mostly in header and slots, where it hurts.
      const std::size_t reach = random.OneIn(4) ? shared.bytes().size() : std::size_t{64} * 5;
      for (std::uint64_t i = random.Below(4); i > 0; --i)
        shared.bytes()[random.Below(reach)] = static_cast<std::byte>(random.Next());
      std::span<const std::byte> record;
      if (shared.drain().Take(record) != GuardedRing::Taken::kRecord) continue;
      ASSERT_GE(record.size(), 1U);
      ASSERT_LE(record.size(), 512U);
      std::size_t sum = 0;
      for (const std::byte byte : record)
        sum += static_cast<std::size_t>(byte);
      ASSERT_LE(sum, record.size() * 255);
    }
    EXPECT_LE(shared.drain().UsedBytes(), 1024U);
  }
}

}  // namespace
}  // namespace tocsin
