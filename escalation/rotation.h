// Whose turn it is: rotations as arithmetic. Turn 0 begins at the rotation's start, turns before it are negative, and
// turns tile the time line. Nothing steps from the start: the cost of an answer does not depend on a rotation's age.
//
//   wall      turn k is [f(A + k*length), f(A + (k+1)*length)), A = the start; lengths are read off the wall clock, so
//             that a handoff at 09:00 stays at 09:00
//   elapsed   turn k is [f(A) + k*length, f(A) + (k+1)*length): turns keep their length and the local time moves
//   monthly   months are counted from A, never from the turn before, so that the 31st comes back after February
//   shifts    a turn is `length` restriction windows in a row, counted from the first that starts at or after A
//
// A turn whose local time does not exist has no length, and still takes its place in the order.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "escalation/seconds.h"
#include "escalation/week.h"
#include "escalation/zone_clock.h"
#include "model/schedule.h"

namespace tocsin {

// Hours, days and weeks on the wall clock.
struct WallTurns {
  WallTime anchor;
  std::int64_t length_s = 0;
  std::int64_t At(WallTime water) const { return FloorDiv(water - anchor, length_s); }
  WallTime Start(std::int64_t turn) const { return anchor + turn * length_s; }
};

// Hours, days and weeks of real time.
struct ElapsedTurns {
  Instant anchor;
  std::int64_t length_s = 0;
  std::int64_t At(Instant at) const { return FloorDiv(at - anchor, length_s); }
  Instant Start(std::int64_t turn) const { return anchor + turn * length_s; }
};

class MonthTurns {
 public:
  explicit MonthTurns(const Rotation& rotation);
  std::int64_t At(WallTime water) const;
  WallTime Start(std::int64_t turn) const;

 private:
  // The start of the nth multiple of `length_` months from the anchor. Ascending in n. Under kSkip, n has the day.
  WallTime Nth(std::int64_t n) const;

  std::int64_t length_;        // months
  std::int64_t anchor_month_;  // months since January of year 0
  int anchor_day_;
  std::int64_t second_of_day_;
  Rotation::MonthOverflow overflow_;
  // kSkip and a late day: which multiples in one cycle of the calendar (400 years) have the day, ascending, 0 among
  // them.
  std::vector<std::int32_t> existing_;
  std::int64_t cycle_ = 0;  // multiples in one such cycle
};

class ShiftTurns {
 public:
  // `week` is not empty and does not overlap.
  ShiftTurns(const Rotation& rotation, std::span<const WeekWindow> week);
  std::int64_t At(WallTime water) const { return FloorDiv(starts_.CountUpTo(water) - 1 - first_, length_); }
  WallTime Start(std::int64_t turn) const { return starts_.Start(first_ + turn * length_); }

 private:
  WeekStarts starts_;
  std::int64_t first_;  // number of the window that begins turn 0
  std::int64_t length_;
};

class Turns {
 public:
  // `rotation` is a checked one (escalation/schedule_check.h), `week` the layer's windows.
  Turns(const Rotation& rotation, std::span<const WeekWindow> week, const ZoneClock& zone);

  // The turn at `at`, when the wall clock's high water is `water`.
  std::int64_t At(Instant at, WallTime water) const;
  Instant Start(std::int64_t turn, const ZoneClock& zone) const;

 private:
  std::variant<WallTurns, ElapsedTurns, MonthTurns, ShiftTurns> turns_;
};

}  // namespace tocsin
