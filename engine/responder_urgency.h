// How urgent a group is, by its route, its severity and its service's support hours; and its raising.
#pragma once

#include <string_view>

#include "engine/responder_turn.h"

namespace tocsin {

// Now. An interval that is gone from the organisation limits nothing: when in doubt, high.
Urgency UrgencyNow(const Turn& turn, const Group& group);

// Looks again when the hours of its service begin or end; for a service without any there is nothing to look at.
void FollowSupportHours(Turn& turn, const Group& group);
// They have begun, perhaps: what waited in low urgency is asked about as though it had begun now. Their end lowers nothing.
void ReviewSupportHours(Turn& turn, GroupId id);

}  // namespace tocsin
