#include "gateway/completions.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

GatewayMemory NewMemory() {
  absl::StatusOr<GatewayMemory> memory = GatewayMemory::Make(1, 0);
  EXPECT_TRUE(memory.ok()) << memory.status();
  return *std::move(memory);
}

TEST(CompletionsTest, ComeBackAsWrittenHoweverOftenTheyGoRound) {
  const GatewayMemory memory = NewMemory();
  CompletionWriter writer(memory);
  CompletionReader reader(memory);
  Random random(3);
  CompletionHead head;
  std::vector<Outcome> read;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const std::vector<Outcome> outcomes(random.Below(10'000), static_cast<Outcome>(i % kOutcomes));
    const auto count = static_cast<std::uint16_t>(outcomes.size());
    ASSERT_TRUE(writer.Write({.sequence = i + 1, .submission = i, .shard = 5, .outcomes = count}, outcomes));
    ASSERT_FALSE(reader.Read(head, read)) << "nothing is seen before Flush";
    writer.Flush();
    ASSERT_TRUE(reader.Read(head, read));
    ASSERT_EQ(head.sequence, i + 1);
    ASSERT_EQ(head.submission, i);
    ASSERT_EQ(head.shard, 5);
    ASSERT_EQ(read, outcomes);
  }
}

TEST(CompletionsTest, HaveNoRoomWhenNobodyReadsAndWaitForNobody) {
  const GatewayMemory memory = NewMemory();
  CompletionWriter writer(memory);
  std::size_t written = 0;
  while (writer.Write({.sequence = 1}, {}))
    ++written;
  EXPECT_EQ(written, kGatewayCompletionBytes / sizeof(CompletionHead));
}

TEST(CompletionsTest, AReaderThatCountsWhatCannotBeGetsNothing) {
  const GatewayMemory memory = NewMemory();
  CompletionWriter writer(memory);
  ASSERT_TRUE(writer.Write({.sequence = 1}, {}));
  for (const std::uint64_t read : {std::uint64_t{17}, std::uint64_t{1} << 40U}) {
    memory.control().completions_read.store(read);
    EXPECT_FALSE(writer.Write({.sequence = 2}, {})) << read;
  }
}

}  // namespace
}  // namespace tocsin
