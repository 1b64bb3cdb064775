// What an edit of the organisation does to its schedules. Pure.
//
// The past is closed: a schedule that is evaluated differently from now on leaves an edition of how it was, with the teams
// and holidays that it named. Of each layer whose meaning has changed, the version so far ends at an instant that the
// transition says (at once, at its next handoff ...), and the one that is declared takes over, with the start index that
// leaves the turn with whoever has it.
//
//   what is declared is equal          nothing happens
//   a layer is new                     it begins now, or when the first of the layers that change does
//   a layer is gone                    its versions end
//   its start lies in the future       the version so far goes on until then, and the declared order begins
//   its start_index has changed        the declared order counts: nobody's turn is kept
//   who has the turn is listed no more the next of the old order who is listed takes over
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "escalation/schedule_record.h"
#include "model/organisation.h"

namespace tocsin {

struct ScheduleEdit {
  // Editions that are over, and those in force. Those without id are new.
  std::vector<ScheduleEdition> editions;
  std::vector<ScheduleEditionId> removed;
  std::vector<std::string> lines;  // what happens, for people: "schedule db: layer weekly: ..."
};

// `after` takes the place of `before` at `now`, which is cut to the second. Both are checked. Fails when a schedule would have
// too many versions of layers under way, or is too large to be kept.
absl::StatusOr<ScheduleEdit> EditSchedules(const Organisation& before,
                                           const Organisation& after,
                                           const ScheduleRecord& record,
                                           absl::Time now,
                                           const ScheduleTransition& transition);

// `record` as it is after `edit`, whose editions it points into.
ScheduleRecord Edited(const ScheduleRecord& record, const ScheduleEdit& edit);

}  // namespace tocsin
