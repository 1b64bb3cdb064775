// Each ring, and the table of submissions, in every order of its steps; small, so that all of it goes round more than once.
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/ring.h"
#include "base/spsc_ring.h"
#include "model/submissions.h"
#include "tests/interleavings/explorer.h"

namespace tocsin {
namespace {

void ExpectSound(const ExploreResult& result, std::uint64_t schedules) {
  EXPECT_EQ(result.failure, "") << "in schedule " << result.schedules;
  EXPECT_GE(result.schedules, schedules) << "they are not all tried";
}

// A value that lies in a ring's cell: whoever reads it has to be in order with whoever wrote it.
struct Watched {
  explicit Watched(std::uint64_t number) : value(number) { WatchMemory(this, sizeof *this); }
  Watched(Watched&& other) noexcept {
    WatchMemory(this, sizeof *this);
    value = other.value;
    other.value = 0;
  }
  Watched& operator=(Watched&&) = delete;
  ~Watched() { value = 0; }
  std::uint64_t value = 0;
};

TEST(InterleavingsTest, SpscRingCarriesEveryValueInOrder) {
  constexpr std::uint64_t kValues = 4;
  ExpectSound(Explore(3,
                      [] {
                        const auto ring = std::make_shared<SpscRing<Watched>>(2);
                        const auto pushed = std::make_shared<std::uint64_t>(0);
                        const auto popped = std::make_shared<std::uint64_t>(0);
                        const auto pop = [=] {
                          const std::optional<Watched> value = ring->TryPop();
                          if (value && value->value != ++*popped) Fail("out of order");
                        };
                        return Play{
                            {[=] {
                               for (std::uint64_t i = 0; i < kValues + 2 && *pushed < kValues; ++i)
                                 *pushed += ring->TryPush(Watched(*pushed + 1)) ? 1U : 0U;
                             },                                                    [=] {
                               for (std::uint64_t i = 0; i < kValues + 2; ++i)
                                 pop();
                             }},
                            [=]() -> std::string {
                              for (std::uint64_t i = 0; i < 2; ++i)
                                pop();
                              return *popped == *pushed ? "" : "a value is lost";
                             }
                        };
                      }),
              1000);
}

// The memory of a ring with two slots or more and four units, close to where its counters run over.
struct SmallRing {
  static constexpr std::size_t kData = 4 * RingLayout::kUnitBytes;
  static constexpr RingPosition kStart{.ticket = 0xFFFF'FFFE, .unit = 0xFFFF'FFFD};
  explicit SmallRing(std::size_t slot_count)
      : slots(slot_count),
        size(RingLayout::BytesNeeded(slots, kData)),
        memory(new (std::align_val_t{64}) std::byte[size]) {}
  ~SmallRing() { ::operator delete[](memory, std::align_val_t{64}); }
  SmallRing(const SmallRing&) = delete;
  SmallRing& operator=(const SmallRing&) = delete;
  std::span<std::byte> bytes() const { return {memory, size}; }
  // Not the head and the tail, which are atomic; nor what a guarded reader reads at its own risk.
  void WatchData() const { WatchMemory(memory + size - kData, kData); }
  void WatchSlots() const { WatchMemory(memory + size - kData - 64, 64); }
  const std::size_t slots;
  const std::size_t size;
  std::byte* const memory;
};

// A record is a number, in each of its units.
std::uint64_t& Word(std::byte* unit) {
  return *static_cast<std::uint64_t*>(static_cast<void*>(unit));
}
std::uint64_t Word(const std::byte* unit) {
  return *static_cast<const std::uint64_t*>(static_cast<const void*>(unit));
}
bool TryPush(Ring& ring, std::uint64_t number, std::size_t units) {
  const std::optional<Ring::Reservation> reservation = ring.TryReserve(units * RingLayout::kUnitBytes);
  if (!reservation) return false;
  for (std::size_t unit = 0; unit < units; ++unit)
    Word(reservation->bytes.data() + unit * RingLayout::kUnitBytes) = number;
  ring.Publish(*reservation);
  return true;
}

// What a consumer has seen of two producers, 10, 11, ... and 20, 21, ...: each one's in order.
struct Seen {
  std::uint64_t last[3] = {0, 9, 19};
  std::size_t count = 0;
  void Note(std::span<const std::byte> record) {
    const std::uint64_t number = Word(record.data());
    for (std::size_t at = 0; at < record.size(); at += RingLayout::kUnitBytes) {
      if (Word(record.data() + at) != number) return Fail("a record is torn");
    }
    if (number / 10 < 1 || number / 10 > 2 || number != ++last[number / 10]) return Fail("out of order");
    ++count;
  }
};

// Two producers of two records each, of one and of two units, and a consumer.
template <typename Take>
Play TwoProducers(const std::shared_ptr<SmallRing>& memory, const std::shared_ptr<Seen>& seen, Take take) {
  const auto pushed = std::make_shared<std::array<std::size_t, 3>>();
  const auto produce = [=](std::uint64_t who) {
    Ring ring = *Ring::Attach(memory->bytes());
    for (std::uint64_t i = 0; i < 2 && TryPush(ring, who * 10 + i, who); ++i)
      ++(*pushed)[who];
  };
  return {
      {[=] { produce(1); }, [=] { produce(2); },
       [=] {
         for (int i = 0; i < 4; ++i)
           take();
       }},
      [=]() -> std::string {
        while (take()) {
        }
        return seen->count == (*pushed)[1] + (*pushed)[2] ? "" : "a record is lost";
       }
  };
}

TEST(InterleavingsTest, RingGivesWholeRecordsOfTwoProducersEachInOrder) {
  ExpectSound(Explore(2,
                      [] {
                        const auto memory = std::make_shared<SmallRing>(2);
                        const auto seen = std::make_shared<Seen>();
                        const auto ring = std::make_shared<Ring>(
                            Ring::Create(memory->bytes(), memory->slots, SmallRing::kData, SmallRing::kStart));
                        memory->WatchData();
                        memory->WatchSlots();
                        return TwoProducers(memory, seen, [ring, seen] {
                          const std::span<const std::byte> record = ring->Front();
                          if (record.empty()) return false;
                          seen->Note(record);
                          ring->Pop();
                          return true;
                        });
                      }),
              1000);
}

// With more slots than units it is the units that run out: a producer that has seen the tail long ago must not take a ring that has been
// filled, read from and filled again for one with room.
TEST(InterleavingsTest, RingIsFullForAProducerThatSleptWhileItWentRound) {
  ExpectSound(Explore(2,
                      [] {
                        const auto memory = std::make_shared<SmallRing>(8);
                        const auto seen = std::make_shared<Seen>();
                        const auto ring = std::make_shared<Ring>(
                            Ring::Create(memory->bytes(), memory->slots, SmallRing::kData, SmallRing::kStart));
                        memory->WatchData();
                        const auto push = [memory](std::uint64_t from, std::uint64_t to) {
                          Ring producer = *Ring::Attach(memory->bytes());
                          for (std::uint64_t number = from; number <= to && TryPush(producer, number, 1); ++number) {
                          }
                        };
                        const auto take = [ring, seen] {
                          const std::span<const std::byte> record = ring->Front();
                          if (record.empty()) return false;
                          seen->Note(record);
                          ring->Pop();
                          return true;
                        };
                        return Play{
                            {[=] { push(10, 10); }, [=] { push(20, 24); }, [=] { take(); }},
                            [=]() -> std::string {
                              while (take()) {
                              }
                              return ring->UsedBytes() == 0 ? "" : "a record is lost";
                             }
                        };
                      }),
              1000);
}

TEST(InterleavingsTest, GuardedRingTakesTheSame) {
  ExpectSound(Explore(2,
                      [] {
                        const auto memory = std::make_shared<SmallRing>(2);
                        const auto seen = std::make_shared<Seen>();
                        const auto ring = std::make_shared<GuardedRing>(memory->bytes(), memory->slots,
                                                                        SmallRing::kData, SmallRing::kStart);
                        return TwoProducers(memory, seen, [ring, seen] {
                          std::span<const std::byte> record;
                          switch (ring->Take(record)) {
                            case GuardedRing::Taken::kBroken: Fail("broken by honest producers"); return false;
                            case GuardedRing::Taken::kNothing: return false;
                            case GuardedRing::Taken::kRecord: break;
                          }
                          seen->Note(record);
                          return true;
                        });
                      }),
              1000);
}

TEST(InterleavingsTest, ASubmissionIsNobodyElsesAndIsToldOnce) {
  ExpectSound(Explore(2,
                      [] {
                        struct World {
                          Histogram seconds{Histogram::Seconds()};
                          Submissions submissions{
                              {.batches = 3, .bytes = 0, .quick_batches = 1, .quick_bytes = 0, .quick_bytes_of_one = 0},
                              seconds
                          };
                          const EventBatch nothing[3] = {
                              {0, 0},
                              {0, 1},
                              {0, 2}
                          };
                          int told[3] = {};
                          bool taken[3] = {};
                        };
                        const auto world = std::make_shared<World>();
                        const auto submit = [world](std::size_t who) {
                          const auto slot =
                              world->submissions.Take(world->nothing[who], 2, 0, EngineTime(),
                                                      [world, who](const Receipt&) { ++world->told[who]; });
                          world->taken[who] = slot.has_value();
                          if (!slot) return;
                          world->submissions.Complete(slot->slot, 1, EngineTime());
                          world->submissions.Complete(slot->slot, 1, EngineTime());
                        };
                        return Play{
                            {[=] { submit(0); },  [=] { submit(1); }, [=] { submit(2); }},
                            [=]() -> std::string {
                              for (std::size_t who = 0; who < 3; ++who) {
                                if (world->told[who] != (world->taken[who] ? 1 : 0)) return "told otherwise than once";
                              }
                              return world->taken[0] || world->taken[1] || world->taken[2] ? "" : "nobody got a place";
                             }
                        };
                      }),
              1000);
}

// The explorer itself: it finds what is wrong.
TEST(InterleavingsTest, FindsAnUpdateThatIsLostAndAValueThatIsNotReleased) {
  const auto lost = Explore(1, [] {
    const auto count = std::make_shared<std::atomic<int>>(0);
    const auto add = [count] { count->store(count->load() + 1); };
    return Play{
        {add,                                                              add},
        [count] { return std::string(*count == 2 ? "" : "lost");                                                                }
    };
  });
  EXPECT_EQ(lost.failure, "lost");
  const auto unordered = Explore(1, [] {
    struct Box {
      std::uint64_t value = 0;
      alignas(64) std::atomic<bool> there{false};
    };
    const auto box = std::make_shared<Box>();
    WatchMemory(&box->value, sizeof box->value);
    return Play{
        {[box] {
           box->value = 1;
           box->there.store(true, std::memory_order_relaxed);
         }, [box] {
           if (box->there.load(std::memory_order_acquire) && box->value != 1) Fail("not seen");
         }},
        nullptr
    };
  });
  EXPECT_EQ(unordered.failure, "a race: two accesses without an order between them");
}

}  // namespace
}  // namespace tocsin
