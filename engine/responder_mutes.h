// Whether a route is muted by its time intervals.
#pragma once

#include <string>

#include "engine/responder_turn.h"

namespace tocsin {

// "muted by route root/0 inside of time interval nights"; empty: it is not. An interval that is gone from the organisation
// mutes nothing: when in doubt, page.
std::string WhyMuted(const Turn& turn, const Route& route);

}  // namespace tocsin
