// The days of a calendar of holidays, on a wall clock. Immutable; every answer is a binary search.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "escalation/seconds.h"
#include "model/schedule.h"

namespace tocsin {

class HolidayDays {
 public:
  explicit HolidayDays(const HolidayCalendar& calendar);

  bool Contains(WallTime reading) const;
  // The first reading after `reading` at which Contains changes; nullopt when it never does.
  std::optional<WallTime> NextEdge(WallTime reading) const;
  // Seconds of holidays from the first year of schedules to `reading`.
  std::int64_t SecondsUpTo(WallTime reading) const;

 private:
  struct Stretch {
    WallTime start;
    WallTime end;
    std::int64_t before_s = 0;  // of all earlier stretches
  };
  std::vector<Stretch>::const_iterator After(WallTime reading) const;  // the first that starts later

  std::vector<Stretch> stretches_;  // ascending, never touching
};

}  // namespace tocsin
