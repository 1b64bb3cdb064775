// What holds back a whole group, whatever its alerts: maintenance of its service, the time intervals of its route, a broken
// service that its own depends on. (Silences, windows with matchers and inhibition hold back alerts: shards judge those.)
//
// While a group is held nobody is paged for it and no receiver told; it opens, grows, is acknowledged and resolves all the
// same. When nothing holds it any more, what still fires is paged then. Levels: it is asked again at each edge of an
// interval or a window, at each review of the group, and when it is flushed, and only the difference is acted on.
#pragma once

#include <string>
#include <vector>

#include "engine/responder_turn.h"

namespace tocsin {

// All of its alerts are held back one by one.
inline bool IsSuppressed(const Group& group) {
  return group.firing == 0 && group.suppressed > 0;
}
inline bool IsHeld(const Group& group) {
  return !group.held_by.empty() || IsSuppressed(group);
}

// By what its alerts are.
inline std::string WhyHeldBack(const LiveGroup& live) {
  return live.held_by.empty() ? "held back" : live.held_by;
}

// Compares what holds the group back now with what did, and holds it or lets it go on.
void ReviewHold(Turn& turn, GroupId id);
// The decided counts follow the shards' as far as services that depend on the group's own need it.
void FollowHealth(Turn& turn, GroupId id, const LiveGroup& live);

// Whether the group holds back services that depend on its own: something critical fires in it, and people hear of it, or
// would but for a dependency of its own. One that is silenced explains nothing: then nobody would be told at all.
bool Breaks(const Group& group);
// The groups to be asked again when this service's standing has changed.
std::vector<GroupKey> OpenGroupsOf(const ResponderState& state, const ServiceId& service);

}  // namespace tocsin
