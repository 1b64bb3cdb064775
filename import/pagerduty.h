// Private to import: PagerDuty's services, and its schedules of both kinds: v2 has layers in which turns go by time, v3 has
// events in which they go by shift.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import {

// `overrides`: those that stand in files of their own.
void ReadLayeredSchedule(const Item& item, const std::vector<Item>& overrides, Draft& draft);
void ReadShiftSchedule(const Item& item, Draft& draft);

// Its policy has been read. The route, urgency and support hours of it, its keys.
void ReadService(const Item& item, Draft& draft);
// Its services have been read.
void ReadMaintenance(const Item& item, Draft& draft);

// Entries {start, end, user} as `rendered_schedule_entries` has them.
std::vector<Entry> RenderedEntries(const Item& list, Draft& draft);
// The team that owns an object; unset when it has none, or the export has not.
TeamId OwnerOf(const Item& item, Draft& draft);

}  // namespace tocsin::import
