// Private to import: layers as sources describe them, where several describe them alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/draft.h"
#include "import/item.h"
#include "model/organisation.h"

namespace tocsin::import {

// One layer with one participant after the other; empty lists are slots in which nobody is on.
Participant Nobody();
Participant One(Target target);

// A turn of so many seconds of the wall clock: weeks, days or hours. Turns that are shorter than a day and do not divide it
// are counted in elapsed time, since no clock could show their handoffs; whether the source does so too cannot be known
// without what it renders. A length that is no whole number of hours is a loss.
Rotation TurnOf(const Item& item, std::int64_t seconds, absl::CivilMinute start);

// The wall clock of `zone` at `time`.
absl::CivilMinute LocalMinute(absl::Time time, const std::string& zone);
absl::TimeZone ZoneNamed(const std::string& zone);

// A layer id within its schedule.
class LayerIds {
 public:
  LayerId Claim(std::string_view name);

 private:
  IdBook book_{"layer"};
};

// [start, end) of an override or a shift in whole minutes; nullopt, and a problem or a loss, when nothing is left of it.
struct Stretch {
  absl::Time start;
  absl::Time end;
};
std::optional<Stretch> StretchOf(const Item& item,
                                 std::string_view start,
                                 std::string_view end,
                                 const absl::TimeZone& zone = absl::UTCTimeZone());

// With [since, until) from the first entry to the last: what the source would say beyond is not known. Nothing without entries.
void Render(Draft& draft, const ScheduleId& schedule, std::string said_by, std::vector<Entry> entries);

// How many of two that overlap there are among the schedule's overrides of the same layers from `first` on.
std::size_t Overlaps(const Schedule& schedule);

}  // namespace tocsin::import
