// Private to import: Grafana OnCall's shifts as layers. A shift is a calendar event that recurs, or a list of groups that take
// such events in turns: each group has all events of one period, whatever days of it they are on.
#pragma once

#include <string>
#include <vector>

#include "import/draft.h"
#include "import/item.h"
#include "import/layers.h"

namespace tocsin::import {

// Adds the layers of one shift; none when nobody of it is known.
void AddShift(const Item& shift, LayerIds& ids, Draft& draft, Schedule& schedule);

// An override: these people instead of everybody. Where several overlap, all of them are on.
void AddOverrides(const std::vector<Item>& shifts, Draft& draft, Schedule& schedule);

}  // namespace tocsin::import
