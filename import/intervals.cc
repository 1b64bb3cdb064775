#include "import/intervals.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_format.h"

#include "base/limits.h"

namespace tocsin::import {
namespace {

constexpr std::int32_t kDay = 1440;

// Minutes of one day, and the days (Sunday is 0) on which they are: a window across midnight is a piece on either side of it.
using Pieces = std::map<std::pair<std::int32_t, std::int32_t>, std::set<std::int32_t>>;

void Cut(const Restriction& window, std::int32_t first_day, Pieces& pieces) {
  std::int32_t day = first_day % 7;
  std::int32_t from = window.start_minute;
  for (std::int32_t left = window.duration_minutes; left > 0; ++day, from = 0) {
    const std::int32_t to = std::min(kDay, from + left);
    pieces[{from, to}].insert(day % 7);
    left -= to - from;
  }
}

std::vector<NumberRange> RunsOf(const std::set<std::int32_t>& days) {
  std::vector<NumberRange> runs;
  if (days.size() == 7) return runs;
  for (const std::int32_t day : days) {
    if (!runs.empty() && runs.back().last == day - 1) {
      runs.back().last = day;
    } else {
      runs.push_back({day, day});
    }
  }
  return runs;
}

std::optional<TimeIntervalId> Put(const Item& item, std::string_view name, TimeInterval interval, Draft& draft) {
  std::vector<TimeInterval>& all = draft.organisation().time_intervals;
  const auto same = std::ranges::find(all, interval.time_intervals, &TimeInterval::time_intervals);
  if (same != all.end()) return same->id;
  if (all.size() >= limits::kTimeIntervals || interval.time_intervals.size() > limits::kRecurringTimes) {
    item.Problem(
        absl::StrFormat("with it there are more than %d time intervals, or %d windows in one: import it in parts",
                        limits::kTimeIntervals, limits::kRecurringTimes));
    return std::nullopt;
  }
  interval.id = TimeIntervalId(draft.intervals.Claim(name));
  all.push_back(interval);
  return interval.id;
}

}  // namespace

std::optional<TimeIntervalId> HoursOf(const Item& item,
                                      std::string_view name,
                                      std::span<const Restriction> windows,
                                      const std::string& zone,
                                      Draft& draft) {
  Pieces pieces;
  for (const Restriction& window : windows) {
    if (window.type == Restriction::Type::kWeekly) {
      Cut(window, window.start_day_of_week, pieces);
    } else {
      for (std::int32_t day = 0; day < 7; ++day)
        Cut(window, day, pieces);
    }
  }
  TimeInterval interval;
  for (const auto& [minutes, days] : pieces) {
    RecurringTime& time = interval.time_intervals.emplace_back();
    time.times = {
        {minutes.first, minutes.second}
    };
    time.weekdays = RunsOf(days);
    time.location = zone;
  }
  return Put(item, name, std::move(interval), draft);
}

std::optional<TimeIntervalId> Always(const Item& item, Draft& draft) {
  TimeInterval interval;
  interval.time_intervals.emplace_back().times = {
      {0, kDay}
  };
  return Put(item, "always", std::move(interval), draft);
}

}  // namespace tocsin::import
