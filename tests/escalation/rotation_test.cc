#include "escalation/rotation.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using Type = Rotation::Type;
using Overflow = Rotation::MonthOverflow;

TEST(RotationTest, HandsOffAtTheSameLocalTimeAcrossChangesOfClocks) {
  struct Row {
    const char* what;
    const char* zone;
    Type type;
    Rotation::Count count;
    const char* start;
    std::int64_t turn;
    const char* begins;
    std::int64_t hours;  // until the next turn begins
  };
  constexpr auto kWall = Rotation::Count::kWall;
  constexpr auto kElapsed = Rotation::Count::kElapsed;
  constexpr const char* kNewYork = "America/New_York";
  using enum Rotation::Type;
  const Row rows[] = {
      {"a week that springs", kNewYork,       kWeekly,  kWall,    "2024-03-04T09:00", 0,     "2024-03-04T14:00Z", 167},
      {"a week that falls",   kNewYork,       kWeekly,  kWall,    "2024-10-28T09:00", 0,     "2024-10-28T13:00Z", 169},
      {"the same, elapsed",   kNewYork,       kWeekly,  kElapsed, "2024-10-28T09:00", 1,     "2024-11-04T13:00Z", 168},
      {"in the gap",          kNewYork,       kHourly,  kWall,    "2024-03-10T00:00", 2,     "2024-03-10T07:00Z", 0  },
      {"repeated hour",       kNewYork,       kHourly,  kWall,    "2024-11-03T00:00", 1,     "2024-11-03T05:00Z", 2  },
      {"the skipped day",     "Pacific/Apia", kDaily,   kWall,    "2011-12-28T00:00", 2,     "2011-12-30T10:00Z", 0  },
      {"a century old",       "Europe/Paris", kDaily,   kWall,    "1924-06-01T08:00", 36525, "2024-06-01T06:00Z", 24 },
      {"before the start",    "Europe/Paris", kDaily,   kWall,    "2024-06-01T08:00", -1,    "2024-05-31T06:00Z", 24 },
      {"a leap month",        "UTC",          kMonthly, kWall,    "2024-01-15T00:00", 1,     "2024-02-15T00:00Z", 696},
  };
  for (const Row& row : rows) {
    const ZoneClock clock = *ZoneClock::Load(row.zone);
    const Rotation rotation = {.type = row.type, .start = Civil(row.start), .count = row.count};
    const Turns turns(rotation, {}, clock);
    const Instant begins = turns.Start(row.turn, clock);
    const Instant ends = turns.Start(row.turn + 1, clock);
    EXPECT_EQ(ToTime(begins), At(row.begins)) << row.what;
    EXPECT_EQ(ends - begins, row.hours * kHourSeconds) << row.what;
    // At gives the turn back, unless it has no length.
    if (ends > begins) {
      EXPECT_EQ(turns.At(begins, clock.HighWater(begins)), row.turn) << row.what;
      EXPECT_EQ(turns.At(ends - 1, clock.HighWater(ends - 1)), row.turn) << row.what;
    }
    EXPECT_NE(turns.At(begins - 1, clock.HighWater(begins - 1)), row.turn) << row.what;
  }
}

// The days on which turns 0, 1, 2 ... begin, in UTC.
std::vector<std::string> MonthlyStarts(const char* start,
                                       std::int32_t months,
                                       Overflow overflow,
                                       std::int64_t turns_wanted) {
  const Rotation rotation = {
      .type = Type::kMonthly, .length = months, .start = Civil(start), .month_overflow = overflow};
  const MonthTurns turns(rotation);
  std::vector<std::string> days;
  for (std::int64_t turn = 0; turn < turns_wanted; ++turn) {
    const WallTime begins = turns.Start(turn);
    days.push_back(absl::FormatTime("%Y-%m-%d", absl::FromUnixSeconds(begins.seconds), absl::UTCTimeZone()));
    EXPECT_EQ(turns.At(begins), turn) << days.back();
    EXPECT_EQ(turns.At(begins - 1), turn - 1) << days.back();
  }
  return days;
}

TEST(RotationTest, MonthsAreCountedFromTheStartSoThatTheThirtyFirstComesBack) {
  using testing::ElementsAre;
  const char* start = "2023-01-31T10:00";
  EXPECT_THAT(MonthlyStarts(start, 1, Overflow::kClamp, 5),
              ElementsAre("2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"));
  EXPECT_THAT(MonthlyStarts(start, 1, Overflow::kOverflow, 5),
              ElementsAre("2023-01-31", "2023-03-03", "2023-03-31", "2023-05-01", "2023-05-31"));
  EXPECT_THAT(MonthlyStarts(start, 1, Overflow::kSkip, 5),
              ElementsAre("2023-01-31", "2023-03-31", "2023-05-31", "2023-07-31", "2023-08-31"));
  EXPECT_THAT(MonthlyStarts("2024-02-29T00:00", 12, Overflow::kClamp, 5),
              ElementsAre("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"));
  EXPECT_THAT(MonthlyStarts("2024-02-29T00:00", 12, Overflow::kSkip, 4),
              ElementsAre("2024-02-29", "2028-02-29", "2032-02-29", "2036-02-29"));
  EXPECT_THAT(MonthlyStarts("2096-02-29T00:00", 12, Overflow::kSkip, 2), ElementsAre("2096-02-29", "2104-02-29"));
}

TEST(RotationTest, EveryInstantLiesInTheTurnThatBeganLast) {
  // Monthly turns of every kind and day, both ways from the start.
  for (int day = 1; day <= 31; ++day) {
    for (const Overflow overflow : {Overflow::kClamp, Overflow::kOverflow, Overflow::kSkip}) {
      for (const std::int32_t months : {1, 2, 5, 12}) {
        const Rotation rotation = {.type = Type::kMonthly,
                                   .length = months,
                                   .start = absl::CivilMinute(2024, 1, day, 23, 30),
                                   .month_overflow = overflow};
        const MonthTurns turns(rotation);
        for (std::int64_t turn = -60; turn < 60; ++turn) {
          const WallTime begins = turns.Start(turn);
          const WallTime ends = turns.Start(turn + 1);
          ASSERT_LT(begins, ends);
          for (const WallTime at : {begins, begins + (ends - begins) / 2, ends - 1})
            ASSERT_EQ(turns.At(at), turn);
        }
      }
    }
  }
}

TEST(RotationTest, AShiftIsAWindowAndTheWeekendTakesNoTurn) {
  const ZoneClock clock = *ZoneClock::Load("America/New_York");
  std::vector<Restriction> weekdays;
  for (std::int32_t day = 1; day <= 5; ++day) {
    weekdays.push_back({.type = Restriction::Type::kWeekly,
                        .start_minute = 9 * 60,
                        .start_day_of_week = day,
                        .duration_minutes = 8 * 60});
  }
  const Rotation rotation = {.type = Type::kShifts, .length = 1, .start = Civil("2024-03-07T12:00")};
  const Turns turns(rotation, WindowsOfWeek(weekdays), clock);
  // Thursday's window had begun, so turn 0 is Friday's; the clocks change on Sunday.
  EXPECT_EQ(ToTime(turns.Start(0, clock)), At("2024-03-08T14:00Z"));
  EXPECT_EQ(ToTime(turns.Start(1, clock)), At("2024-03-11T13:00Z"));
  EXPECT_EQ(ToTime(turns.Start(-1, clock)), At("2024-03-07T14:00Z"));
  const Instant sunday = ToInstant(At("2024-03-10T12:00Z"));
  EXPECT_EQ(turns.At(sunday, clock.HighWater(sunday)), 0);
}

}  // namespace
}  // namespace tocsin
