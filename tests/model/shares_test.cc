#include "model/shares.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

using Queue = Shares::Queue;

constexpr Shares::Bounds kBounds{
    .batches = 100, .bytes = 10'000, .quick_batches = 8, .quick_bytes = 800, .quick_bytes_of_one = 300};

// As many batches as it is let in with.
std::vector<Shares::Share> TakeAll(Shares& shares, IntegrationIndex integration, std::size_t bytes) {
  std::vector<Shares::Share> taken;
  while (const std::optional<Shares::Share> share = shares.Take(integration, bytes))
    taken.push_back(*share);
  return taken;
}

TEST(SharesTest, OneAloneHasHalf) {
  Shares shares(kBounds);
  EXPECT_EQ(TakeAll(shares, 1, 100).size(), 50U) << "of the bytes";
  EXPECT_EQ(TakeAll(shares, 2, 0).size(), 25U) << "of the batches that the first one leaves";
}

TEST(SharesTest, HoweverManyAreGreedyAnotherIsLetIn) {
  Shares shares(kBounds);
  std::vector<std::size_t> had;
  for (IntegrationIndex greedy = 1; greedy <= 5; ++greedy)
    had.push_back(TakeAll(shares, greedy, 50).size());
  for (std::size_t i = 1; i < had.size(); ++i)
    EXPECT_LT(had[i], had[i - 1]);
  EXPECT_TRUE(shares.Take(6, 50));
  EXPECT_FALSE(shares.Take(1, 50)) << "who has more than is left gets no more";
}

TEST(SharesTest, WhatIsGivenBackIsThereAgain) {
  Shares shares(kBounds);
  for (int round = 0; round < 1000; ++round) {
    const std::vector<Shares::Share> taken = TakeAll(shares, 7, 100);
    ASSERT_EQ(taken.size(), 50U);
    for (const Shares::Share& share : taken)
      shares.Give(share);
  }
}

TEST(SharesTest, WhoHasLittleUnderWayGoesByTheQuickQueue) {
  Shares shares(kBounds);
  const auto first = shares.Take(1, 300);
  EXPECT_EQ(first->queue, Queue::kQuick);
  const auto second = shares.Take(1, 1);
  EXPECT_EQ(second->queue, Queue::kBulk);
  shares.Give(*first);
  const auto third = shares.Take(1, 1);
  EXPECT_EQ(third->queue, Queue::kBulk) << "it would overtake the second";
  shares.Give(*second);
  EXPECT_EQ(shares.Take(1, 1)->queue, Queue::kBulk) << "the third";
  EXPECT_EQ(shares.Take(2, 1)->queue, Queue::kQuick) << "another one's";
  shares.Give(*third);
}

TEST(SharesTest, TheQuickQueueIsForNoMoreThanItHasRoomFor) {
  Shares shares(kBounds);
  int quick = 0;
  std::vector<Shares::Share> taken;
  for (IntegrationIndex integration = 0; integration < 20; ++integration) {
    taken.push_back(*shares.Take(integration, 150));
    quick += taken.back().queue == Queue::kQuick ? 1 : 0;
  }
  EXPECT_EQ(quick, 5) << "800 bytes";
  for (const Shares::Share& share : taken)
    shares.Give(share);
  for (IntegrationIndex integration = 0; integration < 20; ++integration)
    taken.push_back(*shares.Take(integration, 1));
  EXPECT_EQ(std::count_if(taken.begin() + 20, taken.end(),
                          [](const Shares::Share& share) { return share.queue == Queue::kQuick; }),
            8)
      << "batches";
}

}  // namespace
}  // namespace tocsin
