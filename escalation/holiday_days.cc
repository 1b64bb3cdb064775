#include "escalation/holiday_days.h"

#include <algorithm>

#include "absl/time/civil_time.h"

namespace tocsin {

HolidayDays::HolidayDays(const HolidayCalendar& calendar) {
  std::vector<WallTime> days;
  const auto add = [&](std::int64_t year, const Holiday& holiday) {
    const absl::CivilDay day(year, holiday.month, holiday.day);
    // The 29th of February is a holiday of leap years.
    if (day.month() == holiday.month) days.push_back(ToWallTime(absl::CivilSecond(day)));
  };
  for (const Holiday& holiday : calendar.days) {
    if (holiday.year != 0) {
      add(holiday.year, holiday);
      continue;
    }
    for (std::int64_t year = kFirstYear; year < kEndYear; ++year)
      add(year, holiday);
  }
  std::sort(days.begin(), days.end());
  days.erase(std::unique(days.begin(), days.end()), days.end());
  for (const WallTime day : days) {
    if (stretches_.empty()) {
      stretches_.push_back({day, day + kDaySeconds, 0});
    } else if (stretches_.back().end == day) {
      stretches_.back().end = day + kDaySeconds;
    } else {
      const Stretch& last = stretches_.back();
      stretches_.push_back({day, day + kDaySeconds, last.before_s + (last.end - last.start)});
    }
  }
}

std::vector<HolidayDays::Stretch>::const_iterator HolidayDays::After(WallTime reading) const {
  return std::upper_bound(stretches_.begin(), stretches_.end(), reading,
                          [](WallTime at, const Stretch& stretch) { return at < stretch.start; });
}

bool HolidayDays::Contains(WallTime reading) const {
  const auto after = After(reading);
  return after != stretches_.begin() && reading < (after - 1)->end;
}

std::optional<WallTime> HolidayDays::NextEdge(WallTime reading) const {
  const auto after = After(reading);
  if (after != stretches_.begin() && reading < (after - 1)->end) return (after - 1)->end;
  if (after == stretches_.end()) return std::nullopt;
  return after->start;
}

std::int64_t HolidayDays::SecondsUpTo(WallTime reading) const {
  const auto after = After(reading);
  if (after == stretches_.begin()) return 0;
  const Stretch& last = *(after - 1);
  return last.before_s + (std::min(reading, last.end) - last.start);
}

}  // namespace tocsin
