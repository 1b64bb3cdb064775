// Who goes by a schedule: policies whose steps name it, and other schedules whose layers do. Pure.
#pragma once

#include <map>
#include <set>

#include "model/organisation.h"

namespace tocsin {

// Schedules that steps of policies name, each with the first policy that has nothing else to go by; no policy: none is so.
std::map<ScheduleId, PolicyId> SchedulesInUse(const Organisation& organisation);

// Whether one of them names it.
bool IsInUse(const Organisation& organisation, const ScheduleId& schedule);

// The schedule itself, and every one that has it in a layer, be it through another one.
std::set<ScheduleId> SchedulesThatGoBy(const Organisation& organisation, const ScheduleId& schedule);

// Whether a step of the policy names one of `schedules`, or a policy of which a step does.
bool GoesByAny(const Organisation& organisation, const EscalationPolicy& policy, const std::set<ScheduleId>& schedules);

}  // namespace tocsin
