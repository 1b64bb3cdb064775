#include "base/random.h"

#include <array>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(RandomTest, FollowsSplitMix64) {
  // The reference implementation's output for seed 1234567.
  Random random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317U);
  EXPECT_EQ(random.Next(), 3203168211198807973U);
  EXPECT_EQ(random.Next(), 9817491932198370423U);
}

TEST(RandomTest, BelowReachesEveryValueAndNoOther) {
  Random random(3);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7'000; ++i) {
    const std::uint64_t drawn = random.Below(seen.size());
    ASSERT_LT(drawn, seen.size());
    ++seen[drawn];
  }
  for (const int count : seen)
    EXPECT_NEAR(count, 1'000, 200);
  EXPECT_EQ(random.Below(1), 0U);
}

TEST(RandomTest, BetweenIncludesBothEnds) {
  Random random(4);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t drawn = random.Between(-2, 2);
    ASSERT_GE(drawn, -2);
    ASSERT_LE(drawn, 2);
    low |= drawn == -2;
    high |= drawn == 2;
  }
  EXPECT_TRUE(low && high);
  EXPECT_EQ(random.Between(5, 5), 5);
}

TEST(RandomTest, BetweenTakesTheWholeRange) {
  Random random(5);
  bool negative = false;
  bool positive = false;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t drawn = random.Between(INT64_MIN, INT64_MAX);
    negative |= drawn < 0;
    positive |= drawn > 0;
    ASSERT_GE(random.Between(INT64_MAX - 1, INT64_MAX), INT64_MAX - 1);
  }
  EXPECT_TRUE(negative && positive);
}

TEST(RandomTest, SplitStreamsAreIndependentAndRepeatable) {
  Random a(6);
  Random b(6);
  Random split_a = a.Split();
  Random split_b = b.Split();
  EXPECT_EQ(split_a.Next(), split_b.Next());
  EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(split_a.Next(), a.Next());
}

}  // namespace
}  // namespace tocsin
