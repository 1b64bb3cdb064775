// Why nobody is being paged about some alerts in a course of events: the rule, in words.
#pragma once

#include <string>

#include "replay/told.h"
#include "replay/world.h"

namespace tocsin::replay {

// `told` is of the same course as `state`. `world` is that of a replay; null for what was recorded.
std::string WhyNotPaging(const ResponderState& state, const Told& told, const World* world, const Episode& about);

// The unresolved groups that are about what `group`, of another course of events, is about: the one with its key, else those
// that list its alerts.
std::vector<GroupId> OpenGroupsLike(const ResponderState& state, const Told& told, const Group& group);

}  // namespace tocsin::replay
