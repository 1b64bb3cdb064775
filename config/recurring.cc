#include "config/recurring.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/text.h"

namespace tocsin {
namespace {

constexpr std::string_view kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};

absl::StatusOr<std::int32_t> ParseNumber(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid("%s is not a number", JsonQuote(TruncateUtf8(text, 40)));
  }
  return number;
}

// FIRST or FIRST:LAST, each as `parse` reads it.
template <typename Parse>
absl::StatusOr<NumberRange> ParseRange(std::string_view text, const Parse& parse) {
  const std::size_t colon = text.find(':');
  NumberRange range;
  TOCSIN_ASSIGN(range.first, parse(Trim(text.substr(0, colon))));
  range.last = range.first;
  if (colon != std::string_view::npos) {
    TOCSIN_ASSIGN(range.last, parse(Trim(text.substr(colon + 1))));
  }
  return range;
}

absl::StatusOr<std::int32_t> ParseSundayFirst(std::string_view text) {
  TOCSIN_ASSIGN(const std::int32_t day, ParseWeekday(text));
  return day % 7;
}

absl::StatusOr<std::int32_t> ParseMonth(std::string_view text) {
  const std::string name = ToLower(text);
  const auto* found = std::ranges::find_if(
      kMonths, [&](std::string_view month) { return name == month || (name.size() == 3 && month.starts_with(name)); });
  if (found != std::end(kMonths)) return static_cast<std::int32_t>(found - kMonths) + 1;
  return ParseNumber(text);
}

// As a range, checked with the rest empty: the field's own rules, in its own words.
absl::StatusOr<NumberRange> Checked(absl::StatusOr<NumberRange> range, std::vector<NumberRange> RecurringTime::*field) {
  if (!range.ok()) return range;
  RecurringTime time;
  (time.*field).push_back(*range);
  TOCSIN_TRY(CheckRecurringTime(time));
  return range;
}

absl::StatusOr<std::int32_t> ParseMinute(std::string_view text) {
  constexpr std::int32_t kMinutesOfDay = 24 * 60;
  if (text == "24:00") return kMinutesOfDay;
  return ParseTimeOfDay(text);
}

std::string MinuteText(std::int32_t minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

template <typename Name>
std::string RangeText(const NumberRange& range, const Name& name) {
  return range.first == range.last ? name(range.first) : name(range.first) + ":" + name(range.last);
}

}  // namespace

absl::StatusOr<TimeRange> ParseTimeRange(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    return Invalid("%s is not a stretch of the day such as 09:00-17:00", JsonQuote(TruncateUtf8(text, 40)));
  }
  TimeRange range;
  TOCSIN_ASSIGN(range.start_minute, ParseMinute(Trim(text.substr(0, dash))));
  TOCSIN_ASSIGN(range.end_minute, ParseMinute(Trim(text.substr(dash + 1))));
  RecurringTime time;
  time.times.push_back(range);
  TOCSIN_TRY(CheckRecurringTime(time));
  return range;
}

absl::StatusOr<NumberRange> ParseWeekdays(std::string_view text) {
  return Checked(ParseRange(text, ParseSundayFirst), &RecurringTime::weekdays);
}
absl::StatusOr<NumberRange> ParseDaysOfMonth(std::string_view text) {
  return Checked(ParseRange(text, ParseNumber), &RecurringTime::days_of_month);
}
absl::StatusOr<NumberRange> ParseMonths(std::string_view text) {
  return Checked(ParseRange(text, ParseMonth), &RecurringTime::months);
}
absl::StatusOr<NumberRange> ParseYears(std::string_view text) {
  return Checked(ParseRange(text, ParseNumber), &RecurringTime::years);
}

std::string TimeRangeText(const TimeRange& range) {
  return MinuteText(range.start_minute) + "-" + MinuteText(range.end_minute);
}
std::string WeekdaysText(const NumberRange& range) {
  return RangeText(range, [](std::int32_t day) { return std::string(WeekdayName(day == 0 ? 7 : day)); });
}
std::string MonthsText(const NumberRange& range) {
  return RangeText(range, [](std::int32_t month) { return std::string(kMonths[month - 1]); });
}
std::string NumbersText(const NumberRange& range) {
  return RangeText(range, [](std::int32_t number) { return absl::StrFormat("%d", number); });
}

std::string RecurringTimeText(const RecurringTime& time) {
  std::string text;
  const auto add = [&](const auto& ranges, auto name, std::string_view prefix) {
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (!text.empty()) text += i == 0 ? " " : ",";
      if (i == 0) text += prefix;
      text += name(ranges[i]);
    }
  };
  add(time.weekdays, WeekdaysText, "");
  add(time.days_of_month, NumbersText, "day ");
  add(time.months, MonthsText, "");
  add(time.years, NumbersText, "");
  add(time.times, TimeRangeText, "");
  if (text.empty()) text = "always";
  return time.location.empty() ? text : text + " " + time.location;
}

}  // namespace tocsin
