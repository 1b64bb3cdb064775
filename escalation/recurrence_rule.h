// Recurrence rules: the RRULE of RFC 5545, 3.3.10, as far as shifts need them: daily, weekly, monthly and yearly, with all
// BY parts that mean anything to whole minutes. What a rule yields are readings of a wall clock; where they lie in time is
// the zone's business (escalation/zone_clock.h).
//
// As the usual libraries do, and unlike the letter of the RFC, the start itself is an occurrence only if the rule yields it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "escalation/seconds.h"

namespace tocsin {

struct RecurrenceRule {
  enum class Frequency : std::uint8_t {
    kDaily,
    kWeekly,
    kMonthly,
    kYearly
  };
  struct DayOfWeek {
    int day = 1;      // ISO, Monday 1
    int ordinal = 0;  // the 2nd or, negative, last but one of the month or year; 0: each
    friend bool operator==(const DayOfWeek&, const DayOfWeek&) = default;
  };
  Frequency frequency = Frequency::kDaily;
  int interval = 1;
  std::optional<std::int64_t> count;
  std::optional<absl::CivilSecond> until;  // the last reading that may be; as it is written
  bool until_is_utc = false;
  int week_start = 1;
  std::vector<int> by_month;
  std::vector<int> by_week_number;
  std::vector<int> by_year_day;
  std::vector<int> by_month_day;
  std::vector<DayOfWeek> by_day;
  std::vector<int> by_hour;
  std::vector<int> by_minute;
  std::vector<int> by_set_position;

  // Every `interval` days or weeks the same, for ever: closed arithmetic is enough.
  bool IsPeriodic() const;
};

// "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", in any case and order, with or without "RRULE:". Errors name the part that is wrong
// and say what may stand there.
absl::StatusOr<RecurrenceRule> ParseRecurrenceRule(std::string_view text);

// What the rule yields at or after `start` and until `last` (inclusive), ascending, at most `limit` of them. The work is
// bounded by the days between `start` and `last`. COUNT is kept, UNTIL is the caller's, who knows the zone.
std::vector<WallTime> Expand(const RecurrenceRule& rule, absl::CivilMinute start, WallTime last, std::size_t limit);

}  // namespace tocsin
