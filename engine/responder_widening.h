// Steps whose people may not be reached: somebody besides is paged at once, since somebody must act.
#pragma once

#include <vector>

#include "engine/responder_turn.h"
#include "escalation/policy.h"
#include "escalation/roster.h"

namespace tocsin {

// The step at `at` has paged `paged`. When all their contact methods are in doubt, it pages besides the first of these that there are: one
// of `others`, who are behind the same step and were not chosen; who comes next in its schedules; the people of a later step.
// Writes down why. Only where the organisation's self-tests find out what is in doubt, and for high urgency.
void Widen(Turn& turn,
           Escalation& row,
           PolicyPosition at,
           const std::vector<Person>& paged,
           const std::vector<Person>& others);

}  // namespace tocsin
