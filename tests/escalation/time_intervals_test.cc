// Recurring times against a naive reading of their definition, over years, zones and changes of the clock.
#include "escalation/time_intervals.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

constexpr const char* kZones[] = {"",           "Europe/Berlin",       "America/New_York", "Asia/Kolkata",
                                  "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Apia",     "Africa/Casablanca"};

// As Alertmanager's documentation says it, field by field, on a civil time.
bool NaiveInside(const RecurringTime& time, absl::Time at) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!time.location.empty()) {
    EXPECT_TRUE(absl::LoadTimeZone(time.location, &zone));
  }
  const absl::CivilSecond civil = absl::ToCivilSecond(at, zone);
  const absl::CivilDay day(civil);
  const auto in = [](const std::vector<NumberRange>& ranges, int number) {
    bool inside = ranges.empty();
    for (const NumberRange& range : ranges)
      for (int i = range.first; i <= range.last; ++i)
        inside = inside || i == number;
    return inside;
  };
  bool hour = time.times.empty();
  for (const TimeRange& range : time.times) {
    const absl::CivilSecond midnight(day);
    hour = hour || (civil >= midnight + range.start_minute * 60 && civil < midnight + range.end_minute * 60);
  }
  constexpr absl::Weekday kWeekdays[] = {absl::Weekday::sunday,    absl::Weekday::monday,   absl::Weekday::tuesday,
                                         absl::Weekday::wednesday, absl::Weekday::thursday, absl::Weekday::friday,
                                         absl::Weekday::saturday};
  const int weekday =
      static_cast<int>(std::find(std::begin(kWeekdays), std::end(kWeekdays), absl::GetWeekday(day)) - kWeekdays);
  const absl::CivilDay first(absl::CivilMonth(day) + 0);
  const absl::CivilDay last = absl::CivilDay(absl::CivilMonth(day) + 1) - 1;
  bool date = time.days_of_month.empty();
  for (const NumberRange& range : time.days_of_month) {
    const absl::CivilDay begin = range.first > 0 ? first + (range.first - 1) : last + (range.first + 1);
    const absl::CivilDay end = range.last > 0 ? first + (range.last - 1) : last + (range.last + 1);
    date = date || (begin <= day && day <= end);
  }
  return hour && in(time.weekdays, weekday) && date && in(time.months, civil.month()) &&
         in(time.years, static_cast<int>(civil.year()));
}

bool NaiveInside(const std::vector<RecurringTime>& times, absl::Time at) {
  return std::ranges::any_of(times, [&](const RecurringTime& time) { return NaiveInside(time, at); });
}

NumberRange AnyRange(Random& random, int low, int high) {
  const auto a = static_cast<std::int32_t>(random.Between(low, high));
  const auto b = static_cast<std::int32_t>(random.Between(low, high));
  return {std::min(a, b), std::max(a, b)};
}

RecurringTime AnyTime(Random& random) {
  RecurringTime time;
  for (std::uint64_t i = random.Below(3); i > 0; --i) {
    NumberRange range = AnyRange(random, 0, 1439);
    if (random.OneIn(4)) range.first = 0;
    if (random.OneIn(4)) range.last = 1439;
    if (random.OneIn(2)) range = {range.first / 30 * 30, range.last / 30 * 30 + 29};
    time.times.push_back({range.first, range.last + 1});
  }
  if (random.OneIn(2)) time.weekdays.push_back(AnyRange(random, 0, 6));
  if (random.OneIn(4)) time.weekdays.push_back(AnyRange(random, 0, 6));
  for (std::uint64_t i = random.OneIn(2) ? 0 : 1 + random.Below(2); i > 0; --i) {
    switch (random.Below(3)) {
      case 0: time.days_of_month.push_back(AnyRange(random, 1, 31)); break;
      case 1: time.days_of_month.push_back(AnyRange(random, -31, -1)); break;
      default:
        time.days_of_month.push_back(
            {static_cast<std::int32_t>(random.Between(1, 31)), -static_cast<std::int32_t>(random.Between(1, 31))});
    }
  }
  if (random.OneIn(3)) time.months.push_back(AnyRange(random, 1, 12));
  if (random.OneIn(4)) time.years.push_back(AnyRange(random, 2020, 2030));
  time.location = kZones[random.Below(std::size(kZones))];
  return time;
}

std::vector<RecurringTime> AnyTimes(Random& random) {
  std::vector<RecurringTime> times;
  for (std::uint64_t i = 1 + random.Below(3); i > 0; --i)
    times.push_back(AnyTime(random));
  return times;
}

absl::Time AnyInstant(Random& random) {
  const absl::Time start = absl::FromCivil(absl::CivilDay(2019, 12, 1), absl::UTCTimeZone());
  const absl::Time minute = start + absl::Minutes(random.Below(12ULL * 366 * 24 * 60));
  // Edges are on whole minutes: half of the instants lie on one or just before.
  return minute + absl::Seconds(random.OneIn(3)   ? 0
                                : random.OneIn(2) ? -1
                                                  : static_cast<std::int64_t>(random.Below(60)));
}

TEST(TimeIntervalsOracleTest, AMillionInstantsAgreeWithTheNaiveReading) {
  constexpr int kSets = 10'000;
  constexpr int kInstantsPerSet = 100;
  Random random(1);
  int inside = 0;
  for (int set = 0; set < kSets; ++set) {
    const std::vector<RecurringTime> times = AnyTimes(random);
    const absl::StatusOr<TimeIntervals> intervals = TimeIntervals::Compile(times);
    ASSERT_TRUE(intervals.ok()) << intervals.status();
    for (int i = 0; i < kInstantsPerSet; ++i) {
      const absl::Time at = AnyInstant(random);
      const bool expected = NaiveInside(times, at);
      ASSERT_EQ(intervals->Contains(at), expected) << "set " << set << " at " << at;
      inside += expected ? 1 : 0;
    }
  }
  EXPECT_GT(inside, 100'000);
  EXPECT_LT(inside, 900'000);
}

// Half-hourly edges: whoever looks every half hour misses none, so this finds the change by brute force.
TEST(TimeIntervalsOracleTest, TheNextChangeIsTheFirstInstantAtWhichAMinuteByMinuteLookFindsOne) {
  Random random(2);
  int changes = 0;
  for (int round = 0; round < 3'000; ++round) {
    const std::vector<RecurringTime> times = AnyTimes(random);
    const TimeIntervals intervals = TimeIntervals::Compile(times).value();
    const absl::Time at = absl::FromUnixSeconds(absl::ToUnixSeconds(AnyInstant(random)) / 60 * 60);
    const absl::Time next = intervals.NextChange(at);
    ASSERT_GT(next, at);
    ASSERT_LE(next, at + TimeIntervals::kLookAhead);
    const bool before = intervals.Contains(at);
    const absl::Time looked_to = std::min(next, at + absl::Hours(36));
    for (absl::Time t = at; t < looked_to; t += absl::Minutes(1))
      ASSERT_EQ(intervals.Contains(t), before) << "round " << round << " from " << at << ": changes at " << t;
    if (next == at + TimeIntervals::kLookAhead) continue;
    ++changes;
    ASSERT_NE(intervals.Contains(next), before) << next;
    ASSERT_EQ(intervals.Contains(next - absl::Seconds(1)), before) << next;
  }
  EXPECT_GT(changes, 2'000);
}

TEST(TimeIntervalsTest, NothingIsInsideOfNoneAndEverythingInsideOfAnEmptyOne) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_FALSE(TimeIntervals().Contains(now));
  EXPECT_EQ(TimeIntervals().NextChange(now), now + TimeIntervals::kLookAhead);
  const std::vector<RecurringTime> always(1);
  EXPECT_TRUE(TimeIntervals::Compile(always)->Contains(now));
}

TEST(TimeIntervalsTest, TheEndIsNotInItAndMidnightIsTheEndOfTheDay) {
  std::vector<RecurringTime> evening(1);
  evening[0].times = {
      {22 * 60, 24 * 60}
  };
  evening[0].location = "Europe/Berlin";
  const TimeIntervals intervals = TimeIntervals::Compile(evening).value();
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  const absl::Time ten = absl::FromCivil(absl::CivilHour(2026, 1, 10, 22), berlin);
  EXPECT_FALSE(intervals.Contains(ten - absl::Seconds(1)));
  EXPECT_TRUE(intervals.Contains(ten));
  EXPECT_EQ(intervals.NextChange(ten), ten + absl::Hours(2));
  EXPECT_FALSE(intervals.Contains(ten + absl::Hours(2)));
  EXPECT_EQ(intervals.NextChange(ten - absl::Hours(1)), ten);
}

TEST(TimeIntervalsTest, WhatMeansNothingIsRefusedByTheNameOfItsField) {
  struct Case {
    RecurringTime time;
    const char* message;
  };
  RecurringTime backwards, nowhere, day_zero, december, sunday_last, wrapped;
  backwards.times = {
      {120, 60}
  };
  nowhere.location = "Europe/Atlantis";
  day_zero.days_of_month = {
      {0, 3}
  };
  wrapped.days_of_month = {
      {-3, 2}
  };
  december.months = {
      {12, 13}
  };
  sunday_last.weekdays = {
      {6, 0}
  };
  const Case cases[] = {
      {backwards,   "times"        },
      {nowhere,     "Atlantis"     },
      {day_zero,    "days_of_month"},
      {wrapped,     "days_of_month"},
      {december,    "months"       },
      {sunday_last, "weekdays"     },
  };
  for (const Case& c : cases) {
    const auto compiled = TimeIntervals::Compile(std::span(&c.time, 1));
    ASSERT_FALSE(compiled.ok()) << c.message;
    EXPECT_NE(compiled.status().message().find(c.message), std::string::npos) << compiled.status();
  }
}

}  // namespace
}  // namespace tocsin
