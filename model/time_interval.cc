#include "model/time_interval.h"

#include <algorithm>
#include <cstdlib>

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {
namespace {

absl::Status CheckRanges(std::string_view field, const std::vector<NumberRange>& ranges, int low, int high) {
  if (ranges.size() > limits::kRecurringTimes) {
    return Invalid("%s: %d items, at most %d", field, ranges.size(), limits::kRecurringTimes);
  }
  for (const NumberRange& range : ranges) {
    if (range.first < low || range.last > high || range.first > range.last) {
      return Invalid("%s: %d:%d is no range between %d and %d", field, range.first, range.last, low, high);
    }
  }
  return absl::OkStatus();
}

// 1:-1 is the whole month; -3:2 is none.
absl::Status CheckDay(const NumberRange& range) {
  const auto fine = [](std::int32_t day) { return day != 0 && std::abs(day) <= 31; };
  const bool same_side = (range.first < 0) == (range.last < 0);
  if (fine(range.first) && fine(range.last) && (same_side ? range.first <= range.last : range.first > 0)) {
    return absl::OkStatus();
  }
  return Invalid("days_of_month: %d:%d is no range of days, 1 to 31 or -31 to -1 from the end", range.first,
                 range.last);
}

}  // namespace

absl::Status CheckRecurringTime(const RecurringTime& time) {
  constexpr std::int32_t kMinutesOfDay = 24 * 60;
  if (time.times.size() > limits::kRecurringTimes || time.days_of_month.size() > limits::kRecurringTimes) {
    return Invalid("more than %d items in a field", limits::kRecurringTimes);
  }
  for (const TimeRange& range : time.times) {
    if (range.start_minute < 0 || range.end_minute > kMinutesOfDay || range.start_minute >= range.end_minute) {
      return Invalid(
          "times: the end must come after the start on the same day; over midnight takes two: 22:00-24:00 and "
          "00:00-02:00");
    }
  }
  TOCSIN_TRY(CheckRanges("weekdays", time.weekdays, 0, 6));
  for (const NumberRange& range : time.days_of_month)
    TOCSIN_TRY(CheckDay(range));
  TOCSIN_TRY(CheckRanges("months", time.months, 1, 12));
  return CheckRanges("years", time.years, 1970, 2399);
}

}  // namespace tocsin
