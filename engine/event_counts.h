// How many events a group had lately, for a route that pages only from so many on. Pure.
//
// The counts are kept in the group's row: a handful of grains of a sixteenth of the window each. What came in one grain is
// counted as having come at its first instant, so a count is never kept longer than its window.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// Adds `count` events at `now` and forgets those that have left the window.
void RecordEvents(std::vector<EventCount>& counts, const Threshold& threshold, EngineTime now, std::uint64_t count);

// Events in (now - window, now].
std::uint64_t EventsWithin(const std::vector<EventCount>& counts, absl::Duration window, EngineTime now);

}  // namespace tocsin
