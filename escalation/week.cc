#include "escalation/week.h"

#include <algorithm>

namespace tocsin {
namespace {

// 1970-01-01 was a Thursday.
constexpr WallTime kMonday = {-3 * kDaySeconds};

std::int64_t WeekOf(WallTime reading) {
  return FloorDiv(reading - kMonday, kWeekSeconds);
}
std::int32_t SecondOfWeek(WallTime reading) {
  return static_cast<std::int32_t>(FloorMod(reading - kMonday, kWeekSeconds));
}
WallTime Time(std::int64_t week, std::int32_t second) {
  return kMonday + (week * kWeekSeconds + second);
}

constexpr auto kWeek = static_cast<std::int32_t>(kWeekSeconds);
constexpr auto kDay = static_cast<std::int32_t>(kDaySeconds);

}  // namespace

std::vector<WeekWindow> WindowsOfWeek(std::span<const Restriction> restrictions) {
  std::vector<WeekWindow> windows;
  for (const Restriction& restriction : restrictions) {
    const WeekWindow window = {.start_s = restriction.start_minute * 60, .length_s = restriction.duration_minutes * 60};
    switch (restriction.type) {
      case Restriction::Type::kDaily:
        for (std::int32_t day = 0; day < 7; ++day) {
          windows.push_back({.start_s = day * kDay + window.start_s, .length_s = window.length_s});
        }
        break;
      case Restriction::Type::kWeekly:
        windows.push_back(
            {.start_s = (restriction.start_day_of_week - 1) * kDay + window.start_s, .length_s = window.length_s});
        break;
    }
  }
  std::sort(windows.begin(), windows.end(),
            [](const WeekWindow& a, const WeekWindow& b) { return a.start_s < b.start_s; });
  return windows;
}

bool Overlap(std::span<const WeekWindow> ascending) {
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    const bool last = i + 1 == ascending.size();
    const std::int32_t next = last ? ascending.front().start_s + kWeek : ascending[i + 1].start_s;
    if (ascending[i].start_s + ascending[i].length_s > next) return true;
  }
  return false;
}

WeekMask::WeekMask(std::span<const WeekWindow> ascending) {
  if (ascending.empty()) return;
  // Where the stretch of cover that is open at the present place of the walk ends, if one is. What runs over from the
  // week before, or just up to its end, is open at the beginning.
  std::optional<std::int32_t> open;
  for (const WeekWindow& window : ascending) {
    const std::int32_t over = window.start_s + window.length_s - kWeek;
    if (over >= 0) open = std::max(open.value_or(0), over);
  }
  inside_before_ = open.has_value();
  for (const WeekWindow& window : ascending) {
    const std::int32_t end = window.start_s + window.length_s;
    if (open && window.start_s <= *open) {
      open = std::max(*open, end);
      continue;
    }
    if (open) edges_.push_back(*open);
    edges_.push_back(window.start_s);
    open = end;
  }
  if (*open < kWeek) edges_.push_back(*open);
}

// Most weeks have a handful of edges: to count those before takes less time than to guess wrong once in a search.
std::size_t WeekMask::Passed(std::int32_t second) const {
  constexpr std::size_t kFew = 32;
  if (edges_.size() > kFew) {
    return static_cast<std::size_t>(std::upper_bound(edges_.begin(), edges_.end(), second) - edges_.begin());
  }
  std::size_t passed = 0;
  for (const std::int32_t edge : edges_)
    passed += static_cast<std::size_t>(edge <= second);
  return passed;
}

bool WeekMask::Inside(WallTime reading) const {
  if (edges_.empty()) return inside_before_;
  return inside_before_ != (Passed(SecondOfWeek(reading)) % 2 == 1);
}

WeekMask::Place WeekMask::At(WallTime reading) const {
  if (edges_.empty()) return {.inside = inside_before_, .next_edge = std::nullopt};
  const std::int64_t week = WeekOf(reading);
  const std::size_t passed = Passed(static_cast<std::int32_t>(reading - Time(week, 0)));
  return {.inside = inside_before_ != (passed % 2 == 1),
          .next_edge = passed == edges_.size() ? Time(week + 1, edges_.front()) : Time(week, edges_[passed])};
}

WeekStarts::WeekStarts(std::span<const WeekWindow> ascending) {
  for (const WeekWindow& window : ascending)
    starts_.push_back(window.start_s);
}

std::int64_t WeekStarts::CountUpTo(WallTime reading) const {
  const auto in_week = std::upper_bound(starts_.begin(), starts_.end(), SecondOfWeek(reading)) - starts_.begin();
  return WeekOf(reading) * static_cast<std::int64_t>(starts_.size()) + in_week;
}

WallTime WeekStarts::Start(std::int64_t number) const {
  const auto per_week = static_cast<std::int64_t>(starts_.size());
  return Time(FloorDiv(number, per_week), starts_[static_cast<std::size_t>(FloorMod(number, per_week))]);
}

}  // namespace tocsin
