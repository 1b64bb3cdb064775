// What recurs with the week on a wall clock: the union of a layer's restriction windows, and the starts of its shifts.
// Values; every answer is a binary search in one week and whole weeks of arithmetic, whatever the distance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "escalation/seconds.h"
#include "model/schedule.h"

namespace tocsin {

// One occurrence in the week that begins on Monday 00:00; may run over the week's end.
struct WeekWindow {
  std::int32_t start_s = 0;
  std::int32_t length_s = 0;
  friend bool operator==(const WeekWindow&, const WeekWindow&) = default;
};

// The windows of one week: a daily restriction has seven. Ascending by start.
std::vector<WeekWindow> WindowsOfWeek(std::span<const Restriction> restrictions);

// Whether any two windows share an instant, those around the week's end included.
bool Overlap(std::span<const WeekWindow> ascending);

// A set of wall-clock times: inside at least one window. Without windows: always.
class WeekMask {
 public:
  WeekMask() = default;
  explicit WeekMask(std::span<const WeekWindow> ascending);

  bool Inside(WallTime reading) const;
  // The first time after `reading` at which Inside changes; nullopt when it never does.
  std::optional<WallTime> NextEdge(WallTime reading) const { return At(reading).next_edge; }
  // Both.
  struct Place {
    bool inside = true;
    std::optional<WallTime> next_edge;
  };
  Place At(WallTime reading) const;

 private:
  // How many edges of a week lie at or before `second` of it.
  std::size_t Passed(std::int32_t second) const;

  bool inside_before_ = true;        // just before Monday 00:00
  std::vector<std::int32_t> edges_;  // seconds of the week, ascending; Inside changes at each
};

// Numbers the window starts of all weeks in order: number 0 is the first one of the week of 1969-12-29.
class WeekStarts {
 public:
  // `ascending` is not empty.
  explicit WeekStarts(std::span<const WeekWindow> ascending);

  // How many starts lie at or before `reading`, counted from number 0; negative before it.
  std::int64_t CountUpTo(WallTime reading) const;
  WallTime Start(std::int64_t number) const;

 private:
  std::vector<std::int32_t> starts_;  // seconds of the week, ascending
};

}  // namespace tocsin
