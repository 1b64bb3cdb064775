// How configuration and command line spell recurring times: 22:00-24:00, monday:friday, 1:7, -3:-1, january:march, 2026.
// Pure functions; what ...Text writes Parse... reads back.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "model/time_interval.h"

namespace tocsin {

// 09:00-17:00; the end may be 24:00.
absl::StatusOr<TimeRange> ParseTimeRange(std::string_view text);
// monday:friday, sat, sunday. Sunday is the first day of the week: what runs over Saturday's end takes two.
absl::StatusOr<NumberRange> ParseWeekdays(std::string_view text);
// 5, 1:7, -3:-1, 15:-1.
absl::StatusOr<NumberRange> ParseDaysOfMonth(std::string_view text);
// january:march, may, 5, 10:12.
absl::StatusOr<NumberRange> ParseMonths(std::string_view text);
// 2026, 2026:2028.
absl::StatusOr<NumberRange> ParseYears(std::string_view text);

std::string TimeRangeText(const TimeRange& range);
std::string WeekdaysText(const NumberRange& range);
std::string MonthsText(const NumberRange& range);
// Of days and years.
std::string NumbersText(const NumberRange& range);
// All of it in one line: "monday:friday 09:00-17:00 Europe/Berlin"; "always" for an empty one.
std::string RecurringTimeText(const RecurringTime& time);

}  // namespace tocsin
