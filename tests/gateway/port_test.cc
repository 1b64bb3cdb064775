// The engine's end alone, with a neighbour that writes wherever it likes. Meant for a sanitizer.
#include "gateway/port.h"

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kSeed = 99;

std::shared_ptr<GatewayPort> NewPort(std::uint32_t shards) {
  absl::StatusOr<std::shared_ptr<GatewayPort>> port = GatewayPort::Make(1, shards, kSeed);
  EXPECT_TRUE(port.ok()) << port.status();
  return *port;
}

GatewayMemory MapAgain(const GatewayPort& port) {
  absl::StatusOr<GatewayMemory> memory = GatewayMemory::Map(dup(port.memory_fd()));
  TOCSIN_CHECK(memory.ok(), "the memory maps twice");
  return *std::move(memory);
}

// Whole alerts, and repeats of what nobody has sent, some of them in `blocks`.
EventBatch RandomBatch(Random& random, std::span<std::byte> blocks = {}) {
  EventBatch batch(kSeed, static_cast<IntegrationIndex>(random.Below(4)));
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    AlertEvent event;
    event.labels = {
        {"alertname", std::string(1 + random.Below(40), 'a')},
        {"n",           std::to_string(random.Below(100))                                        }
    };
    event.annotations = {
        {"summary", std::string(random.Below(200), 's')}
    };
    EXPECT_TRUE(batch.Append(event).ok());
    if (!random.OneIn(3)) continue;
    static const std::string kCame(100, 'c');
    EventHeader header;
    header.key = {random.Next(), random.Next()};
    const std::uint64_t size = random.Below(kCame.size());
    if (blocks.empty() || random.OneIn(2)) {
      batch.AppendRepeat(header, {kCame.data(), size, nullptr});
    } else {
      char* const at = reinterpret_cast<char*>(blocks.data()) + random.Below(blocks.size() - size + 1);
      kCame.copy(at, size);
      batch.AppendRepeat(header, {at, size, nullptr});
    }
  }
  return batch;
}

// Reads all of it, as a shard would.
std::size_t ReadThrough(const GatewayRecord& record, GatewayPort& port) {
  std::string copy;
  std::size_t bytes = 0;
  const std::byte* at = record.events.data();
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const EventView event(at);
    if (event.header().form == EventHeader::Form::kRepeat) {
      for (const char c : RepeatedBytes(event, port.blocks(), copy))
        bytes += c == 'c' ? 1 : 2;  // touches each
      at += event.header().size;
      continue;
    }
    EXPECT_EQ(event.header().form, EventHeader::Form::kUnchecked);
    if (!port.MayBeRead(event)) {
      EXPECT_TRUE(port.broken());
      return bytes;
    }
    EventBatch again(kSeed, event.header().integration);
    EXPECT_TRUE(again.Append(event.ToEvent()).ok()) << "what is taken is what a batch may hold";
    bytes += event.text_bytes().size();
    at += event.header().size;
  }
  EXPECT_EQ(at, record.events.data() + record.events.size());
  return bytes;
}

GatewayPart PartOf(const EventBatch& batch,
                   std::uint32_t shard,
                   std::uint32_t shards,
                   std::span<const std::byte> blocks = {}) {
  std::vector<GatewayPart> parts(shards);
  Divide(batch, blocks, parts);
  return parts[shard];
}

TEST(GatewayPortTest, ReadsNothingButWellFormedRecordsWhateverLiesInItsMemory) {
  SetLogLevel("error");
  std::size_t read = 0;
  int broken = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    const std::uint32_t shards = random.OneIn(2) ? 1 : 2;
    const std::shared_ptr<GatewayPort> port = NewPort(shards);
    const GatewayMemory memory = MapAgain(*port);
    for (int round = 0; round < 30 && !port->broken(); ++round) {
      const EventBatch batch = RandomBatch(random, memory.blocks());
      const auto shard = static_cast<std::uint32_t>(random.Below(shards));
      const std::span<std::byte> bytes = memory.ring(shard);
      absl::StatusOr<Ring> ring = Ring::Attach(bytes);
      if (!ring.ok()) break;
      PublishRecord(*ring, static_cast<std::uint32_t>(random.Next()), random.OneIn(2), batch,
                    PartOf(batch, random.OneIn(20) ? 0 : shard, shards, memory.blocks()), memory.blocks());
      constexpr std::size_t kSlots = 3 * 64;
      constexpr std::size_t kData = kSlots + kGatewayRingSlots * 16;
      const std::size_t places[] = {random.Below(kSlots), kSlots + random.Below(32 * 16), kData + random.Below(8192)};
      if (random.OneIn(4)) bytes[places[random.Below(3)]] = static_cast<std::byte>(random.Next());
      if (random.OneIn(20)) memory.control().bells[shard].wakeup.Notify();
      if (random.OneIn(50)) memory.control().shard_count = static_cast<std::uint32_t>(random.Next());
      while (const std::optional<GatewayRecord> record = port->Take(shard)) {
        read += ReadThrough(*record, *port);
        const std::vector<Outcome> outcomes(record->wants_outcomes ? record->count : 0);
        port->Complete(
            {.sequence = 1, .submission = record->submission, .outcomes = static_cast<std::uint16_t>(outcomes.size())},
            outcomes);
      }
      port->Flush();
    }
    broken += port->broken() ? 1 : 0;
  }
  EXPECT_GT(read, 10'000U);
  EXPECT_GT(broken, 80) << "of repeats nothing but the size is looked at";
}

// A repeat whose bytes lie in the blocks, as a gateway publishes it; the word that says where may be another one when it is read.
class BlocksOfPortTest : public testing::Test {
 protected:
  static constexpr std::size_t kAll = kGatewayBlocks * kGatewayBlockBytes;
  static constexpr std::uint64_t kInBlocks = std::uint64_t{1} << 63U;
  static std::uint64_t Word(std::uint64_t offset, std::uint64_t size) { return kInBlocks | offset << 32U | size; }

  void SetUp() override {
    SetLogLevel("error");
    port_ = NewPort(1);
    memory_.emplace(MapAgain(*port_));
  }
  char* At(std::size_t offset) { return reinterpret_cast<char*>(memory_->blocks().data()) + offset; }
  void Publish(std::size_t offset, std::size_t size) {
    EventBatch batch(kSeed, 0);
    batch.AppendRepeat(EventHeader{}, {At(offset), size, nullptr});
    Ring ring = *Ring::Attach(memory_->ring(0));
    const GatewayPart all = PartOf(batch, 0, 1, memory_->blocks());
    ASSERT_TRUE(PublishRecord(ring, 1, false, batch, all, memory_->blocks()));
  }
  // Of the first record that was published.
  std::uint64_t& WordInRing() {
    constexpr std::size_t kData = 3 * 64 + kGatewayRingSlots * 16;
    std::byte* const word = memory_->ring(0).data() + kData + sizeof(GatewayRecordHead) + sizeof(EventHeader);
    return *static_cast<std::uint64_t*>(static_cast<void*>(word));
  }
  std::string Read(const GatewayRecord& record) {
    std::string copy;
    return std::string(RepeatedBytes(EventView(record.events.data()), port_->blocks(), copy));
  }

  std::shared_ptr<GatewayPort> port_;
  std::optional<GatewayMemory> memory_;
};

TEST_F(BlocksOfPortTest, ARepeatThatLiesThereGoesAsAPlace) {
  std::string("what came").copy(At(4711), 9);
  Publish(4711, 9);
  EXPECT_EQ(WordInRing(), Word(4711, 9));
  const std::optional<GatewayRecord> record = port_->Take(0);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->events.size(), sizeof(EventHeader) + 8) << "and nothing of it is copied";
  EXPECT_EQ(Read(*record), "what came");
}

TEST_F(BlocksOfPortTest, WhatIsReadIsACopyThatNobodyChanges) {
  std::string("first").copy(At(0), 5);
  Publish(0, 5);
  const std::optional<GatewayRecord> record = port_->Take(0);
  ASSERT_TRUE(record);
  std::string copy;
  const std::string_view read = RepeatedBytes(EventView(record->events.data()), port_->blocks(), copy);
  std::string("later").copy(At(0), 5);
  EXPECT_EQ(read, "first");
  EXPECT_EQ(Read(*record), "later") << "only whoever reads again sees it";
}

TEST_F(BlocksOfPortTest, NothingOutsideThemIsReadWhateverAPlaceSays) {
  const struct {
    std::string_view name;
    std::uint64_t word;
    bool is_taken;
  } cases[] = {
      {"nothing, at the beginning", Word(0,                               0),                                            true},
      {"nothing, at the end",                           Word(kAll,                                           0),                                                     true},
      {"the most there may be",                       Word(0,                                                           limits::kEventBytes),                              true},
      {"the last bytes",       Word(kAll - 7,7),true},
      {"one byte beyond the end",        Word(kAll - 7,                                                              8),                                                                                                           false},
      {"overlapping the end",   Word(kAll - 1,                   limits::kEventBytes), false},
      {"behind the end",                           Word(kAll,                                           1),                                                                         false},
      {"nothing, behind the end",                      Word(kAll + 1,                                                          0),                                                                                        false},
      {"as far as can be said",                         Word(0x7fff'ffff,              1),false},
      {"more than an event may have",Word(0,limits::kEventBytes + 1),false},
      {"as much as can be said",     Word(0, 0xffff'ffff),                               false},
      {"all ones",                           ~std::uint64_t{0},                                   false                                                                                 },
      {"in no block and yet at a place",                      std::uint64_t{1} << 32U,                                                          false                                                                                                                                                             },
      {"behind it, where nothing is",               8,                                              false                                                            },
  };
  for (const auto& [name, word, is_taken] : cases) {
    SCOPED_TRACE(name);
    SetUp();
    Publish(100, 50);
    WordInRing() = word;
    const std::optional<GatewayRecord> record = port_->Take(0);
    EXPECT_EQ(record.has_value(), is_taken);
    EXPECT_EQ(port_->broken(), !is_taken);
    if (record) {
      EXPECT_EQ(Read(*record).size(), word & 0xffff'ffff);
    }
  }
}

TEST_F(BlocksOfPortTest, BytesThatOnlyTouchThemAreCopied) {
  EventBatch batch(kSeed, 0);
  const std::string elsewhere(30, 'e');
  batch.AppendRepeat(EventHeader{}, {elsewhere.data(), elsewhere.size(), nullptr});
  batch.AppendRepeat(EventHeader{}, {At(0) - 8, 16, nullptr});     // begins in the completions
  batch.AppendRepeat(EventHeader{}, {At(kAll - 8), 16, nullptr});  // ends in a ring
  EXPECT_EQ(PartOf(batch, 0, 1, memory_->blocks()).bytes,
            sizeof(GatewayRecordHead) + 3 * (sizeof(EventHeader) + 8) + 32 + 16 + 16);
}

TEST(GatewayPortTest, WhatIsPublishedToAnotherShardBreaksIt) {
  const std::shared_ptr<GatewayPort> port = NewPort(2);
  const GatewayMemory memory = MapAgain(*port);
  Random random(1);
  EventBatch batch = RandomBatch(random);
  while (PartOf(batch, 0, 2).events.empty())
    batch = RandomBatch(random);
  Ring ring = *Ring::Attach(memory.ring(1));
  ASSERT_TRUE(PublishRecord(ring, 1, false, batch, PartOf(batch, 0, 2), {}));
  EXPECT_FALSE(port->Take(1).has_value());
  EXPECT_TRUE(port->broken());
}

TEST(GatewayPortTest, ItsMemoryCannotBeCutShort) {
  const std::shared_ptr<GatewayPort> port = NewPort(1);
  EXPECT_NE(ftruncate(port->memory_fd(), 0), 0);
  EXPECT_NE(ftruncate(port->memory_fd(), off_t{1} << 40U), 0);
}

}  // namespace
}  // namespace tocsin
