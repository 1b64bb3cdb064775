// Times that come round: hours of the day, days of the week and of the month, months, years, on a zone's wall clock. As
// Alertmanager's time intervals (specs/wire-compat.md 1.12); escalation/time_intervals.h says whether an instant is inside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "model/ids.h"

namespace tocsin {

// Minutes of the day; the end is not in it. 00:00 is 0, 24:00 is 1440; start < end.
struct TimeRange {
  std::int32_t start_minute = 0;
  std::int32_t end_minute = 1440;
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

// Both ends are in it.
struct NumberRange {
  std::int32_t first = 0;
  std::int32_t last = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// An instant is inside when each field that is not empty has an item that it is inside of.
struct RecurringTime {
  std::vector<TimeRange> times;
  std::vector<NumberRange> weekdays;       // 0 is Sunday, 6 Saturday
  std::vector<NumberRange> days_of_month;  // 1 to 31; -1 is the last day, -31 the earliest; cut to the month's days
  std::vector<NumberRange> months;         // 1 to 12
  std::vector<NumberRange> years;
  std::string location;  // an IANA zone; empty: UTC
  friend bool operator==(const RecurringTime&, const RecurringTime&) = default;
};

// Inside any of them.
struct TimeInterval {
  TimeIntervalId id;
  std::vector<RecurringTime> time_intervals;
  friend bool operator==(const TimeInterval&, const TimeInterval&) = default;
};

// Whether the fields are what they are said to be; the zone is for those to judge who know zones. The message names the
// field.
absl::Status CheckRecurringTime(const RecurringTime& time);

}  // namespace tocsin
