// The engine's end alone, with a neighbour that writes wherever it likes. Meant for a sanitizer.
#include "gateway/port.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

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

// Whole alerts, and repeats of what nobody has sent.
EventBatch RandomBatch(Random& random) {
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
    batch.AppendRepeat(header, {kCame.data(), random.Below(kCame.size()), nullptr});
  }
  return batch;
}

// Reads all of it, as a shard would.
std::size_t ReadThrough(const GatewayRecord& record) {
  std::size_t bytes = 0;
  const std::byte* at = record.events.data();
  for (std::uint32_t i = 0; i < record.count; ++i) {
    const EventView event(at);
    if (event.header().form == EventHeader::Form::kRepeat) {
      for (const char c : RepeatedBytes(event))
        bytes += c == 'c' ? 1 : 2;  // touches each
      at += event.header().size;
      continue;
    }
    EventBatch again(kSeed, event.header().integration);
    EXPECT_TRUE(again.Append(event.ToEvent()).ok()) << "what is taken is what a batch may hold";
    bytes += event.text_bytes().size();
    at += event.header().size;
  }
  EXPECT_EQ(at, record.events.data() + record.events.size());
  return bytes;
}

std::vector<std::uint32_t> PartOf(const EventBatch& batch, std::uint32_t shard, std::uint32_t shards) {
  std::vector<std::uint32_t> mine;
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    if (batch.at(i).header().key.low % shards == shard) mine.push_back(i);
  }
  return mine;
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
      const EventBatch batch = RandomBatch(random);
      const auto shard = static_cast<std::uint32_t>(random.Below(shards));
      const std::span<std::byte> bytes = memory.ring(shard);
      absl::StatusOr<Ring> ring = Ring::Attach(bytes);
      if (!ring.ok()) break;
      PublishRecord(*ring, static_cast<std::uint32_t>(random.Next()), random.OneIn(2), batch,
                    PartOf(batch, random.OneIn(20) ? 0 : shard, shards));
      constexpr std::size_t kSlots = 3 * 64;
      constexpr std::size_t kData = kSlots + kGatewayRingSlots * 16;
      const std::size_t places[] = {random.Below(kSlots), kSlots + random.Below(32 * 16), kData + random.Below(8192)};
      if (random.OneIn(4)) bytes[places[random.Below(3)]] = static_cast<std::byte>(random.Next());
      if (random.OneIn(20)) memory.control().bells[shard].wakeup.Notify();
      if (random.OneIn(50)) memory.control().shard_count = static_cast<std::uint32_t>(random.Next());
      while (const std::optional<GatewayRecord> record = port->Take(shard)) {
        read += ReadThrough(*record);
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

TEST(GatewayPortTest, WhatIsPublishedToAnotherShardBreaksIt) {
  const std::shared_ptr<GatewayPort> port = NewPort(2);
  const GatewayMemory memory = MapAgain(*port);
  Random random(1);
  EventBatch batch = RandomBatch(random);
  while (PartOf(batch, 0, 2).empty())
    batch = RandomBatch(random);
  Ring ring = *Ring::Attach(memory.ring(1));
  ASSERT_TRUE(PublishRecord(ring, 1, false, batch, PartOf(batch, 0, 2)));
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
