#include "gateway/blocks.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

std::shared_ptr<const GatewayMemory> NewMemory() {
  absl::StatusOr<GatewayMemory> memory = GatewayMemory::Make(1, 7);
  EXPECT_TRUE(memory.ok()) << memory.status();
  return std::make_shared<const GatewayMemory>(*std::move(memory));
}

TEST(GatewayBlocksTest, HandsOutEachOnceUntilNoneIsLeft) {
  const std::shared_ptr<const GatewayMemory> memory = NewMemory();
  GatewayBlocks blocks(memory);
  const auto* const begin = reinterpret_cast<const char*>(memory->blocks().data());
  std::vector<std::shared_ptr<char>> taken;
  std::set<std::size_t> offsets;
  while (std::shared_ptr<char> block = blocks.Take()) {
    offsets.insert(static_cast<std::size_t>(block.get() - begin));
    taken.push_back(std::move(block));
  }
  EXPECT_EQ(taken.size(), kGatewayBlocks);
  EXPECT_EQ(offsets.size(), kGatewayBlocks) << "no two are the same";
  EXPECT_EQ(*offsets.begin(), 0U);
  EXPECT_EQ(*offsets.rbegin() + kGatewayBlockBytes, memory->blocks().size());
  for (const std::size_t offset : offsets)
    EXPECT_EQ(offset % kGatewayBlockBytes, 0U);

  const char* const freed = taken[3].get();
  std::shared_ptr<const void> another_owner = taken[3];
  taken[3] = nullptr;
  EXPECT_EQ(blocks.Take(), nullptr) << "somebody still has it";
  another_owner = nullptr;
  EXPECT_EQ(blocks.Take().get(), freed);
}

TEST(GatewayBlocksTest, LieNeitherInTheRingsNorInTheCompletions) {
  const absl::StatusOr<GatewayMemory> memory = GatewayMemory::Make(3, 7);
  ASSERT_TRUE(memory.ok());
  std::vector<std::span<const std::byte>> parts = {memory->completions(), memory->blocks()};
  for (std::uint32_t shard = 0; shard < 3; ++shard)
    parts.push_back(memory->ring(shard));
  for (std::size_t i = 1; i < parts.size(); ++i)
    EXPECT_EQ(parts[i].data(), parts[i - 1].data() + parts[i - 1].size());
  EXPECT_GE(reinterpret_cast<const char*>(parts.front().data()),
            reinterpret_cast<const char*>(&memory->control()) + sizeof(GatewayControl));
}

TEST(GatewayBlocksTest, AreGivenBackByOtherThreadsAndNeverHadByTwo) {
  GatewayBlocks blocks(NewMemory());
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  std::vector<std::thread> threads;
  std::atomic<int> spoilt{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, mark = static_cast<char>('a' + i)] {
      for (int round = 0; round < kRounds; ++round) {
        std::shared_ptr<char> block = blocks.Take();
        if (block == nullptr) continue;
        std::fill_n(block.get(), 64, mark);
        const auto look = [&spoilt, mark](const std::shared_ptr<char>& held) {
          if (std::count(held.get(), held.get() + 64, mark) != 64) ++spoilt;
        };
        if (round % 100 != 0) {
          look(block);
          continue;
        }
        std::thread last([look, block = std::move(block)]() mutable {
          look(block);
          block = nullptr;
        });
        last.join();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(spoilt, 0);
  std::vector<std::shared_ptr<char>> all;
  while (std::shared_ptr<char> block = blocks.Take())
    all.push_back(std::move(block));
  EXPECT_EQ(all.size(), kGatewayBlocks) << "all came back";
}

TEST(GatewayBlocksTest, KeepTheirMemoryUntilTheLastIsLetGo) {
  std::shared_ptr<const GatewayMemory> memory = NewMemory();
  const std::weak_ptr<const GatewayMemory> seen = memory;
  auto blocks = std::make_unique<GatewayBlocks>(std::exchange(memory, nullptr));
  std::shared_ptr<char> block = blocks->Take();
  ASSERT_NE(block, nullptr);
  blocks->Close();
  EXPECT_EQ(blocks->Take(), nullptr) << "it is closed";
  blocks = nullptr;
  ASSERT_FALSE(seen.expired());
  std::fill_n(block.get(), kGatewayBlockBytes, 'x');  // is mapped
  block = nullptr;
  EXPECT_TRUE(seen.expired());
}

TEST(GatewayBlocksTest, ThatAreLetGoAfterTheEndAreNotHandedOutAgain) {
  GatewayBlocks blocks(NewMemory());
  std::shared_ptr<char> block = blocks.Take();
  blocks.Close();
  block = nullptr;
  EXPECT_EQ(blocks.Take(), nullptr) << "the engine may still read it";
}

}  // namespace
}  // namespace tocsin
