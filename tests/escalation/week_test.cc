#include "escalation/week.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

constexpr std::int32_t kDayMinutes = 1440;

Restriction Daily(std::int32_t start, std::int32_t minutes) {
  return {.type = Restriction::Type::kDaily, .start_minute = start, .duration_minutes = minutes};
}
Restriction Weekly(std::int32_t day, std::int32_t start, std::int32_t minutes) {
  return {
      .type = Restriction::Type::kWeekly, .start_minute = start, .start_day_of_week = day, .duration_minutes = minutes};
}
// 2024-01-01 was a Monday.
WallTime Monday(std::int64_t minutes) {
  return ToWallTime(absl::CivilSecond(2024)) + minutes * 60;
}

TEST(WeekTest, RandomMasksAreWhatMinuteByMinutePaintingGives) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    std::vector<Restriction> restrictions;
    const auto minute = [&](std::int64_t low, std::int64_t high) {
      // Coarse steps, so that windows often touch each other and the week's end.
      return static_cast<std::int32_t>(random.Between(low, high) / 240 * 240);
    };
    for (std::int64_t n = random.Between(1, 4); n > 0; --n) {
      if (random.OneIn(3)) {
        restrictions.push_back(Daily(minute(0, 1439), std::max(1, minute(1, kDayMinutes))));
      } else {
        restrictions.push_back(Weekly(static_cast<std::int32_t>(random.Between(1, 7)), minute(0, 1439),
                                      std::max(1, minute(1, 7 * kDayMinutes))));
      }
    }
    std::vector<bool> painted(7 * kDayMinutes);
    for (const Restriction& r : restrictions) {
      for (std::int32_t day = 0; day < 7; ++day) {
        if (r.type == Restriction::Type::kWeekly && day != r.start_day_of_week - 1) continue;
        for (std::int32_t m = 0; m < r.duration_minutes; ++m) {
          painted[static_cast<std::size_t>((day * kDayMinutes + r.start_minute + m) % (7 * kDayMinutes))] = true;
        }
      }
    }
    const WeekMask mask(WindowsOfWeek(restrictions));
    for (std::size_t m = 0; m < painted.size(); ++m) {
      const WallTime at = Monday(static_cast<std::int64_t>(m));
      ASSERT_EQ(mask.Inside(at), painted[m]) << "seed " << seed << " minute " << m;
      if (m % 30 != 0) continue;
      std::int64_t next = 1;
      while (next <= 7 * kDayMinutes && painted[(m + static_cast<std::size_t>(next)) % painted.size()] == painted[m])
        ++next;
      const auto edge = mask.NextEdge(at);
      ASSERT_EQ(edge.has_value(), next <= 7 * kDayMinutes) << "seed " << seed << " minute " << m;
      if (!edge) continue;
      ASSERT_EQ(*edge - at, next * 60) << "seed " << seed << " minute " << m;
    }
  }
}

TEST(WeekTest, WithoutWindowsItIsAlwaysInside) {
  const WeekMask mask;
  EXPECT_TRUE(mask.Inside(Monday(0)));
  EXPECT_EQ(mask.NextEdge(Monday(0)), std::nullopt);
}

TEST(WeekTest, WindowsAroundTheWholeWeekHaveNoEdges) {
  const auto expect_always = [](const std::vector<Restriction>& restrictions) {
    const WeekMask mask(WindowsOfWeek(restrictions));
    EXPECT_TRUE(mask.Inside(Monday(0)));
    EXPECT_EQ(mask.NextEdge(Monday(0)), std::nullopt);
  };
  expect_always({Daily(600, kDayMinutes)});
  expect_always({Weekly(3, 100, 7 * kDayMinutes)});
  expect_always({Weekly(1, 0, 5 * kDayMinutes), Weekly(6, 0, 2 * kDayMinutes)});
}

TEST(WeekTest, StartsAreCountedAcrossWeeksBothWays) {
  const std::vector<Restriction> restrictions = {Weekly(1, 540, 60), Weekly(5, 1020, 3 * kDayMinutes)};
  const WeekStarts starts(WindowsOfWeek(restrictions));
  // Before and after the epoch alike.
  for (const std::int64_t week : {-3000LL, -1LL, 0LL, 1LL, 3000LL}) {
    const WallTime monday = Monday(week * 7 * kDayMinutes);
    const std::int64_t before = starts.CountUpTo(monday);
    EXPECT_EQ(starts.CountUpTo(monday + (540 * 60 - 1)), before);
    EXPECT_EQ(starts.CountUpTo(monday + 540 * 60), before + 1);
    EXPECT_EQ(starts.Start(before), monday + 540 * 60);
    EXPECT_EQ(starts.Start(before + 1), monday + (4 * kDayMinutes + 1020) * 60);
    EXPECT_EQ(starts.Start(before - 1), monday + (-3 * kDayMinutes + 1020) * 60);
  }
}

TEST(WeekTest, WindowsOverlapAcrossTheEndOfTheWeekToo) {
  EXPECT_FALSE(Overlap(WindowsOfWeek(std::vector{Weekly(7, 720, 720), Weekly(1, 0, 60)})));
  EXPECT_TRUE(Overlap(WindowsOfWeek(std::vector{Weekly(7, 720, 721), Weekly(1, 0, 60)})));
  EXPECT_FALSE(Overlap(WindowsOfWeek(std::vector{Daily(0, kDayMinutes)})));
  EXPECT_TRUE(Overlap(WindowsOfWeek(std::vector{Daily(0, 60), Weekly(4, 30, 60)})));
}

}  // namespace
}  // namespace tocsin
