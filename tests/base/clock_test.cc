#include "base/clock.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr EngineTime kFirst(INT64_MIN);
constexpr EngineTime kLast(INT64_MAX - 1);

TEST(EngineTimeTest, AddsAndSubtractsDurations) {
  const EngineTime t(1'000);
  EXPECT_EQ(t + absl::Microseconds(2), EngineTime(3'000));
  EXPECT_EQ(t - absl::Microseconds(2), EngineTime(-1'000));
  EXPECT_EQ(EngineTime(5) - EngineTime(8), -absl::Nanoseconds(3));
}

TEST(EngineTimeTest, SaturatesInsteadOfWrapping) {
  EXPECT_EQ(kLast + absl::Hours(1), EngineTime::Infinite());
  EXPECT_EQ(EngineTime(0) + absl::InfiniteDuration(), EngineTime::Infinite());
  EXPECT_EQ(kFirst + absl::InfiniteDuration(), EngineTime::Infinite());
  EXPECT_EQ(EngineTime(-1) - absl::InfiniteDuration(), kFirst);
  EXPECT_EQ(kFirst - absl::Nanoseconds(1), kFirst);
  EXPECT_EQ(EngineTime(0) + absl::Hours(24 * 365 * 1000), EngineTime::Infinite());
}

TEST(EngineTimeTest, InfiniteStaysInfinite) {
  EXPECT_EQ(EngineTime::Infinite() - absl::Hours(1), EngineTime::Infinite());
  EXPECT_EQ(EngineTime::Infinite() - absl::InfiniteDuration(), EngineTime::Infinite());
  EXPECT_EQ(EngineTime::Infinite() - EngineTime(0), absl::InfiniteDuration());
  EXPECT_EQ(EngineTime(0) - EngineTime::Infinite(), -absl::InfiniteDuration());
  EXPECT_EQ(EngineTime::Infinite() - EngineTime::Infinite(), absl::ZeroDuration());
}

TEST(EngineTimeTest, DifferenceBeyondSixtyFourBitsIsExact) {
  EXPECT_EQ(kLast - kFirst, absl::Nanoseconds(INT64_MAX) + absl::Nanoseconds(INT64_MAX));
  EXPECT_EQ(kFirst - kLast, -(kLast - kFirst));
}

TEST(EngineTimeTest, ExpectedWallFollowsTheWallClock) {
  const Now now{absl::FromUnixSeconds(1'000), EngineTime(7'000'000'000)};
  EXPECT_EQ(ExpectedWall(now, EngineTime(10'000'000'000)), absl::FromUnixSeconds(1'003));
  EXPECT_EQ(ExpectedWall(now, EngineTime::Infinite()), absl::InfiniteFuture());
}

TEST(SystemClockTest, GoesOnFromTheResumePoint) {
  const EngineTime resume(123'456'789'000'000'000);
  const SystemClock clock(resume);
  const Now first = clock.Read();
  const Now second = clock.Read();
  EXPECT_GE(first.engine, resume);
  EXPECT_GE(second.engine, first.engine);
  EXPECT_GT(first.wall, absl::FromUnixSeconds(1'600'000'000));
}

}  // namespace
}  // namespace tocsin
