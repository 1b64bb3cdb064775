#include "escalation/fairness.h"

#include <algorithm>

namespace tocsin {
namespace {

constexpr std::int64_t kNightEnd = 6 * kHourSeconds;
constexpr std::int64_t kNightStart = 22 * kHourSeconds;

// Night seconds from the wall clock's epoch, a midnight, to `reading`. Negative before it.
std::int64_t NightUpTo(WallTime reading) {
  const std::int64_t second = FloorMod(reading.seconds, kDaySeconds);
  const std::int64_t today = std::min(second, kNightEnd) + std::max<std::int64_t>(second - kNightStart, 0);
  return FloorDiv(reading.seconds, kDaySeconds) * (kNightEnd + kDaySeconds - kNightStart) + today;
}

// Weekend seconds from a fixed Monday to `reading`.
std::int64_t WeekendUpTo(WallTime reading) {
  const std::int64_t since_monday = reading.seconds + 3 * kDaySeconds;  // the epoch is a Thursday
  const std::int64_t second = FloorMod(since_monday, kWeekSeconds);
  return FloorDiv(since_monday, kWeekSeconds) * 2 * kDaySeconds + std::max<std::int64_t>(second - 5 * kDaySeconds, 0);
}

}  // namespace

bool IsNight(const ZoneClock& clock, Instant at) {
  const std::int64_t second = FloorMod(clock.Reading(at).seconds, kDaySeconds);
  return second < kNightEnd || second >= kNightStart;
}

Duty DutyIn(const ZoneClock& clock, const HolidayDays* holidays, Instant start, Instant end) {
  Duty duty;
  duty.total = absl::Seconds(end - start);
  while (start < end) {
    // Within one offset the wall clock runs as time does.
    const Instant stop = std::min(end, clock.NextTransition(start));
    const WallTime from = clock.Reading(start);
    const WallTime to = from + (stop - start);
    duty.night += absl::Seconds(NightUpTo(to) - NightUpTo(from));
    duty.weekend += absl::Seconds(WeekendUpTo(to) - WeekendUpTo(from));
    if (holidays != nullptr) duty.holiday += absl::Seconds(holidays->SecondsUpTo(to) - holidays->SecondsUpTo(from));
    start = stop;
  }
  return duty;
}

}  // namespace tocsin
