// How long, and how much of it at night and on weekends, on somebody's own wall clock.
#pragma once

#include "escalation/holiday_days.h"
#include "escalation/roster.h"
#include "escalation/seconds.h"
#include "escalation/zone_clock.h"

namespace tocsin {

// Whether the clock shows a time between 22:00 and 06:00.
bool IsNight(const ZoneClock& clock, Instant at);

// The duty of somebody living by `clock` who is on call in [start, end). Read off what the clock really shows, so an
// hour that is lived twice counts twice. The cost grows with the offset changes in the range, not with its length.
// `holidays`: the person's own; nullptr for none.
Duty DutyIn(const ZoneClock& clock, const HolidayDays* holidays, Instant start, Instant end);

}  // namespace tocsin
