// What the people of a schedule are told without asking: that they come on call or go off, and its owner that a gap comes.
//
// Each schedule has a watch, the row that says what was told, and with it a timer of wall time for what is to be told next. It
// looks at the schedule as it is by then; whatever changes a schedule makes it look again. After downtime what holds is
// told, not what was missed.
#pragma once

#include "engine/responder_turn.h"

namespace tocsin {

// A watch for each schedule of the organisation that this turn goes by, and for no other. `again`: all of them look again.
void KeepWatches(Turn& turn, bool again);
// Its timer.
void WatchSchedule(Turn& turn, ScheduleWatchId id);
// Somebody changes the schedule in this turn. Whoever is on call at once by that is told so by a message of its own, not as
// of a handoff; the schedule and those that go by it are looked at again when the change holds.
void WatchAfterChange(Turn& turn, const ScheduleId& schedule);

}  // namespace tocsin
