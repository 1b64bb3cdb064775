// When a group flaps: how often it has changed between firing and not firing lately. Pure; the changes are kept in the
// group's row and pass on to the group that comes after it, so that neither a restart nor a new number hides them.
#pragma once

#include <vector>

#include "base/clock.h"
#include "model/organisation.h"

namespace tocsin {

// Adds a change at `now` and forgets those that are older than the rule's window: never more are kept than the rule asks
// for. With the rule switched off nothing is kept.
void RecordFlap(std::vector<EngineTime>& changes, const FlappingRule& rule, EngineTime now);

// So many changes lie in (now - window, now].
bool Flaps(const std::vector<EngineTime>& changes, const FlappingRule& rule, EngineTime now);

}  // namespace tocsin
