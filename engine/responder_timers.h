// What each kind of timer does when it is due.
#pragma once

#include "engine/responder_turn.h"

namespace tocsin {

// Looks at the subject again and acts, or drops the timer because the subject has moved on. Either way the timer is gone,
// unless what it did armed it again.
void FireTimer(Turn& turn, const Timer& timer);

}  // namespace tocsin
