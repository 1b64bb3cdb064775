// What there is about schedules beside what is declared: how they were before they were edited, and what people have changed
// since. Only pointers: to the responder's rows.
#pragma once

#include <vector>

#include "model/schedule_edition.h"

namespace tocsin {

struct ScheduleRecord {
  std::vector<const ScheduleEdition*> editions;  // of all schedules; of one, at most one in force
  std::vector<const ScheduleChange*> changes;    // ascending by id

  // nullptr: evaluated as declared.
  const ScheduleEdition* InForce(const ScheduleId& schedule) const;
  // Those of a schedule that are over, the oldest first.
  std::vector<const ScheduleEdition*> Former(const ScheduleId& schedule) const;
};

// The schedule as it is evaluated from its last edit on: what is declared, with the layers of the edition in force and what
// people have changed. Overrides of people apply after all that are declared, in the order in which they were made.
Schedule EffectiveSchedule(const Schedule& declared, const ScheduleRecord& record);

// The override that a change comes to; only for one that is in force.
Override OverrideOf(const ScheduleChange& change);

}  // namespace tocsin
