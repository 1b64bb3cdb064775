// Groups that come and go: paged once, as flapping, and held until they are stable.
//
//   opens, recovers, opens ... so many changes within the window ──▶ flapping ── no change for stable_for ──▶ as it then is:
//                                                                     │    ▲                                 firing, or
//                                                                     └────┘ a change pages nobody            resolved
//
// A flapping group stays open while nothing of it fires, so its page is escalated and acknowledged like any other. Kept
// quiet by a silence and then over, it is over: nobody has to be spared from what nobody hears of.
#pragma once

#include "engine/responder_turn.h"

namespace tocsin {

// It has just opened, again: counts the change, and whether the group flaps from now on.
void ReviewFlapping(Turn& turn, Group& group);
// Whether it is held although nothing of it fires.
bool HoldsWhileQuiet(const Group& group);
// A flapping group has begun to fire, or stopped.
void FlapOnce(Turn& turn, GroupId id);
// Its timer: no change for long enough.
void BecameStable(Turn& turn, GroupId id);
// It ends for another reason.
void ForgetFlapping(Turn& turn, Group& group);

}  // namespace tocsin
