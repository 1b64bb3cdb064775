#include "escalation/recurrence_rule.h"

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using Rule = RecurrenceRule;
using Frequency = Rule::Frequency;

constexpr std::array<std::string_view, 7> kDays = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
constexpr std::size_t kLongestRule = 2000;
constexpr std::size_t kMostItems = 400;

absl::StatusOr<int> ParseNumber(std::string_view part, std::string_view text, int low, int high, bool may_be_negative) {
  int number = 0;
  const bool fits = absl::SimpleAtoi(ToAbsl(text), &number) && number >= (may_be_negative ? -high : low) &&
                    number <= high && (number != 0 || low == 0);
  if (fits) return number;
  return Invalid("%s=%s: must be %d to %d%s", part, text, low, high,
                 may_be_negative ? ", or negative: from the end" : "");
}

struct Numbers {
  std::string_view part;
  int low = 1;
  int high = 1;
  bool may_be_negative = false;
  std::vector<int> Rule::*to;
};
constexpr Numbers kNumbers[] = {
    {"BYMONTH",    1, 12,  false, &Rule::by_month       },
    {"BYWEEKNO",   1, 53,  true,  &Rule::by_week_number },
    {"BYYEARDAY",  1, 366, true,  &Rule::by_year_day    },
    {"BYMONTHDAY", 1, 31,  true,  &Rule::by_month_day   },
    {"BYHOUR",     0, 23,  false, &Rule::by_hour        },
    {"BYMINUTE",   0, 59,  false, &Rule::by_minute      },
    {"BYSETPOS",   1, 366, true,  &Rule::by_set_position},
};

absl::StatusOr<int> ParseDay(std::string_view part, std::string_view text) {
  const auto found = std::find(kDays.begin(), kDays.end(), text);
  if (found == kDays.end()) return Invalid("%s=%s: must be MO, TU, WE, TH, FR, SA or SU", part, text);
  return static_cast<int>(found - kDays.begin()) + 1;
}

absl::StatusOr<Rule::DayOfWeek> ParseDayOfWeek(std::string_view text) {
  if (text.size() < 2) return Invalid("BYDAY=%s: must be as MO, or 2MO, or -1FR", text);
  Rule::DayOfWeek day;
  const absl::StatusOr<int> parsed = ParseDay("BYDAY", text.substr(text.size() - 2));
  if (!parsed.ok()) return Invalid("BYDAY=%s: must be MO, TU, WE, TH, FR, SA or SU, or with a number as 2MO", text);
  day.day = *parsed;
  std::string_view ordinal = text.substr(0, text.size() - 2);
  if (ordinal.empty()) return day;
  TOCSIN_ASSIGN(day.ordinal, ParseNumber("BYDAY", ordinal, 1, 53, true));
  return day;
}

// 20261231, 20261231T235959 or 20261231T235959Z
absl::Status ParseUntil(std::string_view text, Rule& rule) {
  const absl::Status wrong = Invalid("UNTIL=%s: must be as 20261231T170000Z, 20261231T170000 or 20261231", text);
  std::string_view digits = text;
  rule.until_is_utc = digits.ends_with('Z');
  if (rule.until_is_utc) digits.remove_suffix(1);
  const bool has_time = digits.size() == 15 && digits[8] == 'T';
  if (!has_time && (digits.size() != 8 || rule.until_is_utc)) return wrong;
  const auto number = [&](std::size_t from, std::size_t length, int low, int high) {
    const std::string_view part = digits.substr(from, length);
    int value = -1;
    if (!std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; })) return -1;
    return absl::SimpleAtoi(ToAbsl(part), &value) && value >= low && value <= high ? value : -1;
  };
  const int year = number(0, 4, 1, 9999);
  const int month = number(4, 2, 1, 12);
  const int day = number(6, 2, 1, 31);
  const int hour = has_time ? number(9, 2, 0, 23) : 23;
  const int minute = has_time ? number(11, 2, 0, 59) : 59;
  const int second = has_time ? number(13, 2, 0, 59) : 59;
  if (std::min({year, month, day, hour, minute, second}) < 0) return wrong;
  rule.until = absl::CivilSecond(year, month, day, hour, minute, second);
  return rule.until->day() == day ? absl::OkStatus() : wrong;
}

absl::Status ParseFrequency(std::string_view text, Rule& rule) {
  if (text == "DAILY") {
    rule.frequency = Frequency::kDaily;
  } else if (text == "WEEKLY") {
    rule.frequency = Frequency::kWeekly;
  } else if (text == "MONTHLY") {
    rule.frequency = Frequency::kMonthly;
  } else if (text == "YEARLY") {
    rule.frequency = Frequency::kYearly;
  } else if (text == "HOURLY") {
    return Invalid("FREQ=HOURLY: use a rotation of type hourly instead");
  } else {
    return Invalid("FREQ=%s: must be DAILY, WEEKLY, MONTHLY or YEARLY", text);
  }
  return absl::OkStatus();
}

absl::Status ParseList(std::string_view part, std::string_view text, Rule& rule) {
  const std::vector<std::string> items = absl::StrSplit(ToAbsl(text), ',');
  if (items.size() > kMostItems)
    return Invalid("%s: has %d values, at most %d are possible", part, items.size(), kMostItems);
  if (part == "BYDAY") {
    for (const std::string& item : items) {
      TOCSIN_ASSIGN(const Rule::DayOfWeek day, ParseDayOfWeek(item));
      rule.by_day.push_back(day);
    }
    return absl::OkStatus();
  }
  for (const Numbers& numbers : kNumbers) {
    if (numbers.part != part) continue;
    std::vector<int>& to = rule.*numbers.to;
    for (const std::string& item : items) {
      TOCSIN_ASSIGN(const int number, ParseNumber(part, item, numbers.low, numbers.high, numbers.may_be_negative));
      to.push_back(number);
    }
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
    return absl::OkStatus();
  }
  return Invalid("%s is no part of a rule that shifts can follow", part);
}

absl::Status ParsePart(std::string_view part, std::string_view text, Rule& rule) {
  if (part == "FREQ") return ParseFrequency(text, rule);
  if (part == "UNTIL") return ParseUntil(text, rule);
  if (part == "INTERVAL") {
    TOCSIN_ASSIGN(rule.interval, ParseNumber(part, text, 1, 10'000, false));
    return absl::OkStatus();
  }
  if (part == "COUNT") {
    TOCSIN_ASSIGN(rule.count, ParseNumber(part, text, 1, 1'000'000, false));
    return absl::OkStatus();
  }
  if (part == "WKST") {
    TOCSIN_ASSIGN(rule.week_start, ParseDay(part, text));
    return absl::OkStatus();
  }
  if (part == "BYSECOND")
    return text == "0" ? absl::OkStatus() : Invalid("BYSECOND=%s: shifts begin at whole minutes", text);
  return ParseList(part, text, rule);
}

// What RFC 5545 forbids, and what would mean nothing.
absl::Status CheckTogether(const Rule& rule) {
  const bool ordinals = std::ranges::any_of(rule.by_day, [](const Rule::DayOfWeek& day) { return day.ordinal != 0; });
  const bool yearly = rule.frequency == Frequency::kYearly;
  if (rule.count && rule.until) return Invalid("COUNT and UNTIL: a rule ends by one of them");
  if (ordinals && !yearly && rule.frequency != Frequency::kMonthly) {
    return Invalid("BYDAY with a number (2MO) needs FREQ=MONTHLY or FREQ=YEARLY");
  }
  if (ordinals && !rule.by_week_number.empty()) return Invalid("BYDAY with a number (2MO) does not go with BYWEEKNO");
  if (!rule.by_week_number.empty() && !yearly) return Invalid("BYWEEKNO needs FREQ=YEARLY");
  if (!rule.by_year_day.empty() && !yearly) return Invalid("BYYEARDAY needs FREQ=YEARLY");
  if (!rule.by_month_day.empty() && rule.frequency == Frequency::kWeekly) {
    return Invalid("BYMONTHDAY does not go with FREQ=WEEKLY");
  }
  const bool others = !rule.by_month.empty() || !rule.by_week_number.empty() || !rule.by_year_day.empty() ||
                      !rule.by_month_day.empty() || !rule.by_day.empty() || !rule.by_hour.empty() ||
                      !rule.by_minute.empty();
  if (!rule.by_set_position.empty() && !others) return Invalid("BYSETPOS chooses among what another BY part yields");
  return absl::OkStatus();
}

bool Holds(const std::vector<int>& numbers, int number) {
  return std::binary_search(numbers.begin(), numbers.end(), number);
}

int WeekdayOf(absl::CivilDay day) {
  return static_cast<int>(absl::GetWeekday(day)) + 1;
}

int DaysInMonth(absl::CivilDay day) {
  const absl::CivilMonth month(day);
  return static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month));
}

int DaysInYear(absl::CivilDay day) {
  const absl::CivilYear year(day);
  return static_cast<int>(absl::CivilDay(year + 1) - absl::CivilDay(year));
}

// Whether `day` is the ordinal-th of its weekday within [first, end).
bool IsOrdinal(absl::CivilDay day, absl::CivilDay first, absl::CivilDay end, int ordinal) {
  const auto before = static_cast<int>((day - first) / 7);
  const auto after = static_cast<int>((end - day - 1) / 7);
  return ordinal > 0 ? before + 1 == ordinal : after + 1 == -ordinal;
}

// The days and times that one period offers.
class Expansion {
 public:
  Expansion(const Rule& rule, absl::CivilMinute start) : rule_(rule), start_(start) {
    if (rule.by_hour.empty()) hours_ = {start.hour()};
    if (rule.by_minute.empty()) minutes_ = {start.minute()};
    const bool names_days =
        !rule.by_week_number.empty() || !rule.by_year_day.empty() || !rule.by_month_day.empty() || !rule.by_day.empty();
    if (names_days) return;
    // What the rule leaves open is as the start has it.
    const absl::CivilDay day(start);
    if (rule.frequency == Frequency::kYearly && rule.by_month.empty()) month_ = start.month();
    if (rule.frequency == Frequency::kYearly || rule.frequency == Frequency::kMonthly) month_day_ = start.day();
    if (rule.frequency == Frequency::kWeekly) weekday_ = WeekdayOf(day);
  }

  // The first day of period number `n`; period 0 holds the start.
  absl::CivilDay FirstDay(std::int64_t n) const {
    const std::int64_t steps = n * rule_.interval;
    const absl::CivilDay day(start_);
    switch (rule_.frequency) {
      case Frequency::kDaily: return day + steps;
      case Frequency::kWeekly: return day - FloorMod(WeekdayOf(day) - rule_.week_start, 7) + 7 * steps;
      case Frequency::kMonthly: return absl::CivilDay(absl::CivilMonth(start_) + steps);
      case Frequency::kYearly: return absl::CivilDay(absl::CivilYear(start_) + steps);
    }
    return day;
  }

  // What the period that begins on `first` yields, ascending.
  std::vector<WallTime> Period(absl::CivilDay first) const {
    std::vector<WallTime> found;
    const absl::CivilDay end = EndOf(first);
    for (absl::CivilDay day = first; day < end; ++day) {
      if (!Fits(day)) continue;
      for (const int hour : rule_.by_hour.empty() ? hours_ : rule_.by_hour) {
        for (const int minute : rule_.by_minute.empty() ? minutes_ : rule_.by_minute) {
          found.push_back(ToWallTime(absl::CivilSecond(day.year(), day.month(), day.day(), hour, minute)));
        }
      }
    }
    return rule_.by_set_position.empty() ? found : Chosen(found);
  }

 private:
  absl::CivilDay EndOf(absl::CivilDay first) const {
    switch (rule_.frequency) {
      case Frequency::kDaily: return first + 1;
      case Frequency::kWeekly: return first + 7;
      case Frequency::kMonthly: return absl::CivilDay(absl::CivilMonth(first) + 1);
      case Frequency::kYearly: break;
    }
    return absl::CivilDay(absl::CivilYear(first) + 1);
  }

  bool Fits(absl::CivilDay day) const {
    if (!rule_.by_month.empty() && !Holds(rule_.by_month, day.month())) return false;
    if (month_ && day.month() != *month_) return false;
    if (month_day_ && day.day() != *month_day_) return false;
    if (weekday_ && WeekdayOf(day) != *weekday_) return false;
    if (!rule_.by_month_day.empty() && !Holds(rule_.by_month_day, day.day()) &&
        !Holds(rule_.by_month_day, day.day() - DaysInMonth(day) - 1)) {
      return false;
    }
    if (!rule_.by_year_day.empty() && !Holds(rule_.by_year_day, absl::GetYearDay(day)) &&
        !Holds(rule_.by_year_day, absl::GetYearDay(day) - DaysInYear(day) - 1)) {
      return false;
    }
    return FitsWeek(day) && FitsDayOfWeek(day);
  }

  // Week 1 of a year is the first that has at least four of its days. BYWEEKNO picks days of the year that the period is:
  // days of week 1 that lie in December belong to no period's week 1.
  bool FitsWeek(absl::CivilDay day) const {
    if (rule_.by_week_number.empty()) return true;
    const absl::CivilDay monday = day - FloorMod(WeekdayOf(day) - rule_.week_start, 7);
    const absl::CivilDay first_week = FirstWeek(day.year());
    const absl::CivilDay next_first = FirstWeek(day.year() + 1);
    const auto weeks = static_cast<int>((next_first - first_week) / 7);
    // A day before week 1 is in the last week of the year before, one after the last week in week 1 of the next.
    if (monday < first_week) {
      const auto last = static_cast<int>((first_week - FirstWeek(day.year() - 1)) / 7);
      return Holds(rule_.by_week_number, last) || Holds(rule_.by_week_number, -1);
    }
    if (monday >= next_first) return Holds(rule_.by_week_number, 1);
    const auto number = static_cast<int>((monday - first_week) / 7) + 1;
    return Holds(rule_.by_week_number, number) || Holds(rule_.by_week_number, number - weeks - 1);
  }

  absl::CivilDay FirstWeek(absl::civil_year_t year) const {
    const absl::CivilDay first(year, 1, 1);
    const auto into = static_cast<int>(FloorMod(WeekdayOf(first) - rule_.week_start, 7));
    return into <= 3 ? first - into : first + (7 - into);
  }

  bool FitsDayOfWeek(absl::CivilDay day) const {
    if (rule_.by_day.empty()) return true;
    const bool in_month = rule_.frequency == Frequency::kMonthly || !rule_.by_month.empty();
    const absl::CivilDay first =
        in_month ? absl::CivilDay(absl::CivilMonth(day)) : absl::CivilDay(absl::CivilYear(day));
    const absl::CivilDay end =
        in_month ? absl::CivilDay(absl::CivilMonth(day) + 1) : absl::CivilDay(absl::CivilYear(day) + 1);
    return std::ranges::any_of(rule_.by_day, [&](const Rule::DayOfWeek& wanted) {
      return wanted.day == WeekdayOf(day) && (wanted.ordinal == 0 || IsOrdinal(day, first, end, wanted.ordinal));
    });
  }

  std::vector<WallTime> Chosen(const std::vector<WallTime>& from) const {
    std::vector<WallTime> chosen;
    const auto size = static_cast<int>(from.size());
    for (int i = 0; i < size; ++i) {
      if (Holds(rule_.by_set_position, i + 1) || Holds(rule_.by_set_position, i - size)) {
        chosen.push_back(from[static_cast<std::size_t>(i)]);
      }
    }
    return chosen;
  }

  const Rule& rule_;
  absl::CivilMinute start_;
  std::vector<int> hours_;
  std::vector<int> minutes_;
  std::optional<int> month_;
  std::optional<int> month_day_;
  std::optional<int> weekday_;
};

}  // namespace

bool RecurrenceRule::IsPeriodic() const {
  const bool plain_days = std::ranges::all_of(by_day, [](const DayOfWeek& day) { return day.ordinal == 0; });
  const bool filters = !by_month.empty() || !by_month_day.empty() || !by_set_position.empty();
  return (frequency == Frequency::kWeekly && plain_days && !filters) ||
         (frequency == Frequency::kDaily && by_day.empty() && !filters);
}

absl::StatusOr<RecurrenceRule> ParseRecurrenceRule(std::string_view text) {
  if (text.size() > kLongestRule)
    return Invalid("the rule has %d bytes, at most %d are possible", text.size(), kLongestRule);
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(text));
  std::string_view rest = upper;
  if (rest.starts_with("RRULE:")) rest.remove_prefix(6);
  RecurrenceRule rule;
  std::vector<std::string> seen;
  for (const std::string& piece : std::vector<std::string>(absl::StrSplit(ToAbsl(rest), ';', absl::SkipEmpty()))) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string::npos) return Invalid("%s: a rule's parts are NAME=VALUE, with ; between them", piece);
    const std::string name = piece.substr(0, equals);
    if (std::ranges::find(seen, name) != seen.end()) return Invalid("%s stands there twice", name);
    seen.push_back(name);
    TOCSIN_TRY(ParsePart(name, piece.substr(equals + 1), rule));
  }
  if (std::ranges::find(seen, "FREQ") == seen.end()) return Invalid("the rule has no FREQ, such as FREQ=WEEKLY");
  TOCSIN_TRY(CheckTogether(rule));
  return rule;
}

std::vector<WallTime> Expand(const RecurrenceRule& rule, absl::CivilMinute start, WallTime last, std::size_t limit) {
  std::vector<WallTime> out;
  const Expansion expansion(rule, start);
  const WallTime first = ToWallTime(absl::CivilSecond(start));
  if (rule.count) limit = std::min(limit, static_cast<std::size_t>(*rule.count));
  for (std::int64_t n = 0; out.size() < limit; ++n) {
    const absl::CivilDay begin = expansion.FirstDay(n);
    if (ToWallTime(absl::CivilSecond(begin)) > last) return out;
    for (const WallTime each : expansion.Period(begin)) {
      if (each < first) continue;
      if (each > last || out.size() == limit) return out;
      out.push_back(each);
    }
  }
  return out;
}

}  // namespace tocsin
