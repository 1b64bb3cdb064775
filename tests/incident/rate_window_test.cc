#include "incident/rate_window.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

constexpr GroupKey kGroup(7);

EngineTime At(absl::Duration d) {
  return EngineTime() + d;
}

TEST(RateWindowTest, CountsWhatFiredWithinTheWindow) {
  RateWindows rates;
  rates.SetLongest(absl::Minutes(10));
  rates.Record(kGroup, At(absl::Minutes(0)), 5, 0);
  rates.Record(kGroup, At(absl::Minutes(4)), 8, 0);
  EXPECT_EQ(rates.Within(kGroup, At(absl::Minutes(4)), absl::Minutes(5)), 8U);
  EXPECT_EQ(rates.Within(kGroup, At(absl::Minutes(5)), absl::Minutes(5)), 3U)
      << "half-open: exactly 5 minutes ago is out";
  EXPECT_EQ(rates.Within(kGroup, At(absl::Minutes(9)), absl::Minutes(5)), 0U);
}

TEST(RateWindowTest, WhatIsNotKnownToBeRecentDoesNotCount) {
  RateWindows rates;
  rates.SetLongest(absl::Minutes(10));
  rates.Record(kGroup, At(absl::ZeroDuration()), 1000, 1000);
  EXPECT_EQ(rates.Within(kGroup, At(absl::ZeroDuration()), absl::Minutes(10)), 0U);
  rates.Record(kGroup, At(absl::Minutes(1)), 1003, 1000);
  EXPECT_EQ(rates.Within(kGroup, At(absl::Minutes(1)), absl::Minutes(10)), 3U);
}

TEST(RateWindowTest, SmallerTotalMeansThatTheTableBeganAnew) {
  RateWindows rates;
  rates.SetLongest(absl::Minutes(10));
  rates.Record(kGroup, At(absl::ZeroDuration()), 100, 0);
  rates.Record(kGroup, At(absl::Minutes(1)), 2, 0);
  EXPECT_EQ(rates.Within(kGroup, At(absl::Minutes(1)), absl::Minutes(10)), 2U);
}

TEST(RateWindowTest, WithoutRateRulesNothingIsKept) {
  RateWindows rates;
  rates.Record(kGroup, At(absl::ZeroDuration()), 100, 0);
  EXPECT_EQ(rates.Within(kGroup, At(absl::ZeroDuration()), absl::Minutes(10)), 0U);
}

// Against a list of every single alert. The window keeps samples a 64th apart, so the truth lies between the count of a
// slightly shorter window and that of the window itself.
TEST(RateWindowTest, AgreesWithAListOfAllAlerts) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    const absl::Duration longest = absl::Minutes(10);
    RateWindows rates;
    rates.SetLongest(longest);
    std::vector<EngineTime> fired;
    EngineTime now(1);
    for (int i = 0; i < 500; ++i) {
      now = now + absl::Milliseconds(random.Below(20'000));
      const std::uint64_t count = random.Below(5);
      fired.insert(fired.end(), count, now);
      rates.Record(kGroup, now, fired.size(), 0);
      const absl::Duration window = absl::Seconds(1 + random.Below(600));
      const auto within = [&](absl::Duration d) {
        return static_cast<std::uint64_t>(std::ranges::count_if(fired, [&](EngineTime at) { return now - at < d; }));
      };
      const std::uint64_t counted = rates.Within(kGroup, now, window);
      ASSERT_LE(counted, within(window)) << seed;
      ASSERT_GE(counted, within(window - longest / 64)) << seed;
    }
  }
}

}  // namespace
}  // namespace tocsin
