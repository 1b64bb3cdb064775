#include "base/ring.h"

#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};

// A ring with its memory.
class OwnedRing {
 public:
  OwnedRing(std::size_t slots, std::size_t data_bytes, RingPosition start = {})
      : size_(RingLayout::BytesNeeded(slots, data_bytes)),
        memory_(new (std::align_val_t{64}) std::byte[size_]),
        ring_(Ring::Create(memory(), slots, data_bytes, start)) {}
  std::span<std::byte> memory() { return {memory_.get(), size_}; }
  Ring& ring() { return ring_; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[], AlignedDelete> memory_;
  Ring ring_;
};

bool TryPush(Ring& ring, std::string_view record) {
  const auto reservation = ring.TryReserve(record.size());
  if (!reservation) return false;
  std::memcpy(reservation->bytes.data(), record.data(), record.size());
  ring.Publish(*reservation);
  return true;
}

std::string Text(std::span<const std::byte> bytes) {
  return bytes.empty() ? std::string() : std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

TEST(RingTest, GivesRecordsInOrderAndInPlace) {
  OwnedRing owned(4, 1024);
  Ring& ring = owned.ring();
  EXPECT_TRUE(ring.Front().empty());
  ASSERT_TRUE(TryPush(ring, "first"));
  ASSERT_TRUE(TryPush(ring, "second"));
  EXPECT_EQ(Text(ring.Front()), "first");
  EXPECT_EQ(Text(ring.Front()), "first");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(ring.Front().data()) % RingLayout::kUnitBytes, 0U);
  ring.Pop();
  EXPECT_EQ(Text(ring.Front()), "second");
  ring.Pop();
  EXPECT_TRUE(ring.Front().empty());
  EXPECT_EQ(ring.UsedBytes(), 0U);
}

TEST(RingTest, RefusesWhenSlotsOrBytesRunOutAndTakesAgainAfterPop) {
  OwnedRing few_slots(2, 1024);
  EXPECT_TRUE(TryPush(few_slots.ring(), "a") && TryPush(few_slots.ring(), "b"));
  EXPECT_FALSE(TryPush(few_slots.ring(), "c"));
  few_slots.ring().Pop();
  EXPECT_TRUE(TryPush(few_slots.ring(), "c"));

  OwnedRing few_bytes(64, 256);
  const std::string half(128, 'x');
  EXPECT_TRUE(TryPush(few_bytes.ring(), half) && TryPush(few_bytes.ring(), half));
  EXPECT_EQ(few_bytes.ring().UsedBytes(), 256U);
  EXPECT_FALSE(TryPush(few_bytes.ring(), "y"));
  few_bytes.ring().Pop();
  EXPECT_TRUE(TryPush(few_bytes.ring(), "y"));
}

TEST(RingTest, RefusesWhatCouldNeverFit) {
  OwnedRing owned(8, 1024);
  EXPECT_EQ(owned.ring().max_record_bytes(), 512U);
  EXPECT_FALSE(owned.ring().TryReserve(513));
  EXPECT_FALSE(owned.ring().TryReserve(SIZE_MAX));
  EXPECT_EQ(owned.ring().UsedBytes(), 0U);
}

TEST(RingTest, TakesTheLargestRecordWhereverItsEndLies) {
  for (std::uint32_t unit = 0; unit < 16; ++unit) {
    OwnedRing owned(8, 1024, {.ticket = 7, .unit = unit});
    const std::string largest(512, static_cast<char>('a' + unit));
    ASSERT_TRUE(TryPush(owned.ring(), largest)) << unit;
    EXPECT_EQ(Text(owned.ring().Front()), largest);
    owned.ring().Pop();
    EXPECT_EQ(owned.ring().UsedBytes(), 0U);
  }
}

TEST(RingTest, NothingIsSeenBeforeAnEarlierReservationIsPublished) {
  OwnedRing owned(8, 1024);
  Ring& ring = owned.ring();
  const auto slow = ring.TryReserve(3);
  ASSERT_TRUE(slow);
  ASSERT_TRUE(TryPush(ring, "fast"));
  EXPECT_TRUE(ring.Front().empty());
  std::memcpy(slow->bytes.data(), "abc", 3);
  ring.Publish(*slow);
  EXPECT_EQ(Text(ring.Front()), "abc");
  ring.Pop();
  EXPECT_EQ(Text(ring.Front()), "fast");
}

TEST(RingTest, IsFoundAgainByAnotherHandleEvenAtAnotherAddress) {
  OwnedRing owned(8, 1024);
  ASSERT_TRUE(TryPush(owned.ring(), "hello"));
  absl::StatusOr<Ring> attached = Ring::Attach(owned.memory());
  ASSERT_TRUE(attached.ok());
  EXPECT_EQ(Text(attached->Front()), "hello");
  ASSERT_TRUE(TryPush(*attached, "world"));
  owned.ring().Pop();
  EXPECT_EQ(Text(owned.ring().Front()), "world");

  OwnedRing elsewhere(8, 1024);
  std::memcpy(elsewhere.memory().data(), owned.memory().data(), owned.memory().size());
  absl::StatusOr<Ring> moved = Ring::Attach(elsewhere.memory());
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(Text(moved->Front()), "world");
}

TEST(RingTest, AttachRefusesMemoryThatHoldsNoRing) {
  OwnedRing owned(8, 1024);
  EXPECT_TRUE(Ring::Attach(owned.memory()).ok());
  EXPECT_FALSE(Ring::Attach(owned.memory().first(16)).ok());
  EXPECT_FALSE(Ring::Attach(owned.memory().first(owned.memory().size() - 1)).ok());
  EXPECT_FALSE(Ring::Attach(owned.memory().subspan(8)).ok());
  std::memset(owned.memory().data(), 0, owned.memory().size());
  EXPECT_FALSE(Ring::Attach(owned.memory()).ok());
}

// Random pushes and pops against a queue that cannot be wrong. `used` is counted as the header says: rounded to units,
// plus what is skipped at the end of the data.
void CompareWithDeque(std::uint64_t seed, RingPosition start) {
  SCOPED_TRACE(seed);
  Random random(seed);
  constexpr std::size_t kSlots = 16;
  constexpr std::size_t kUnits = 32;
  OwnedRing owned(kSlots, kUnits * 64, start);
  Ring& ring = owned.ring();
  struct Record {
    std::string text;
    std::size_t units;
  };
  std::deque<Record> model;
  std::size_t position = start.unit % kUnits;
  std::size_t used = 0;
  for (int step = 0; step < 5'000; ++step) {
    if (random.OneIn(2)) {
      const std::string text(1 + random.Below(random.OneIn(4) ? 1024 : 200), static_cast<char>('a' + random.Below(26)));
      const std::size_t needed = (text.size() + 63) / 64;
      const std::size_t units = position + needed > kUnits ? kUnits - position + needed : needed;
      const bool fits = model.size() < kSlots && used + units <= kUnits;
      ASSERT_EQ(TryPush(ring, text), fits) << step;
      if (fits) {
        model.push_back({text, units});
        position = (position + units) % kUnits;
        used += units;
      }
    } else if (!model.empty()) {
      ASSERT_EQ(Text(ring.Front()), model.front().text) << step;
      ring.Pop();
      used -= model.front().units;
      model.pop_front();
    } else {
      ASSERT_TRUE(ring.Front().empty()) << step;
    }
    ASSERT_EQ(ring.UsedBytes(), used * 64) << step;
  }
}

TEST(RingTest, AgreesWithADequeOverManyLaps) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    CompareWithDeque(seed, {});
}

TEST(RingTest, AgreesWithADequeWhileTheCountersWrap) {
  for (std::uint32_t before = 0; before < 20; ++before) {
    CompareWithDeque(100 + before, {.ticket = UINT32_MAX - 20 * before, .unit = UINT32_MAX - 50 * before});
  }
}

// Each producer writes records that name it, its count, and a filler that follows from both; sizes vary. The consumer
// checks that every record is whole and that each producer's come in order, none missing.
struct StressHeader {
  std::uint32_t producer;
  std::uint32_t count;
};
std::size_t StressBytes(StressHeader h) {
  return sizeof h + (h.producer * 31 + h.count * 17) % 150;
}
std::byte StressFiller(StressHeader h) {
  return static_cast<std::byte>((h.producer * 7 + h.count) & 0xFFU);
}

void Produce(Ring ring, std::uint32_t producer, std::uint32_t records) {
  for (std::uint32_t count = 0; count < records; ++count) {
    const StressHeader header{producer, count};
    std::optional<Ring::Reservation> reservation;
    while (!(reservation = ring.TryReserve(StressBytes(header))))
      std::this_thread::yield();
    std::memset(reservation->bytes.data(), static_cast<int>(StressFiller(header)), reservation->bytes.size());
    std::memcpy(reservation->bytes.data(), &header, sizeof header);
    ring.Publish(*reservation);
  }
}

TEST(RingTest, ManyProducersLoseDuplicateAndTearNothing) {
  constexpr std::uint32_t kProducers = 4;
  constexpr std::uint32_t kRecords = 5'000;
  OwnedRing owned(8, 1024, {.ticket = UINT32_MAX - 1'000, .unit = UINT32_MAX - 1'000});
  Ring& ring = owned.ring();
  std::vector<std::thread> producers;
  for (std::uint32_t p = 0; p < kProducers; ++p)
    producers.emplace_back(Produce, ring, p, kRecords);

  std::vector<std::uint32_t> next(kProducers, 0);
  std::uint32_t damaged = 0;
  for (std::uint32_t seen = 0; seen < kProducers * kRecords;) {
    const std::span<const std::byte> record = ring.Front();
    if (record.empty()) {
      std::this_thread::yield();
      continue;
    }
    StressHeader header{};
    std::memcpy(&header, record.data(), sizeof header);
    bool good = header.producer < kProducers && header.count == next[header.producer]++;
    good = good && record.size() == StressBytes(header);
    for (const std::byte b : record.subspan(sizeof header))
      good = good && b == StressFiller(header);
    damaged += good ? 0 : 1;
    ring.Pop();
    ++seen;
  }
  for (std::thread& t : producers)
    t.join();
  EXPECT_EQ(damaged, 0U);
  EXPECT_TRUE(ring.Front().empty());
  EXPECT_EQ(ring.UsedBytes(), 0U);
}

TEST(RingDeathTest, ADamagedSlotStopsTheConsumerInsteadOfReadingWild) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  OwnedRing owned(8, 1024);
  auto reservation = owned.ring().TryReserve(8);
  ASSERT_TRUE(reservation);
  reservation->offset_units = 1'000'000;
  owned.ring().Publish(*reservation);
  EXPECT_DEATH(owned.ring().Front(), "slot is damaged");
}

}  // namespace
}  // namespace tocsin
