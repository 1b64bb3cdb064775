#include "escalation/schedule_effect.h"

#include <algorithm>

#include "base/status.h"

namespace tocsin {
namespace {

void Append(std::vector<Stint>& to, absl::Time start, absl::Time end) {
  if (!to.empty() && to.back().end == start) {
    to.back().end = end;
  } else {
    to.push_back({start, end});
  }
}

}  // namespace

absl::StatusOr<ScheduleEffect> EffectOf(
    const Roster& before, const Roster& after, const ScheduleId& schedule, absl::Time since, absl::Time until) {
  TOCSIN_ASSIGN(const std::vector<Shift> old_shifts, before.FinalSchedule(schedule, since, until));
  TOCSIN_ASSIGN(const std::vector<Shift> new_shifts, after.FinalSchedule(schedule, since, until));
  ScheduleEffect effect;
  // Both tile the same stretch.
  auto was = old_shifts.begin();
  auto is = new_shifts.begin();
  absl::Time at = since;
  while (was != old_shifts.end() && is != new_shifts.end()) {
    const absl::Time end = std::min(was->end, is->end);
    for (const UserId& user : is->users)
      if (!std::ranges::binary_search(was->users, user)) Append(effect.put_on[user], at, end);
    for (const UserId& user : was->users)
      if (!std::ranges::binary_search(is->users, user)) Append(effect.taken_off[user], at, end);
    if (is->users.empty() && !was->users.empty()) Append(effect.gaps_opened, at, end);
    at = end;
    if (was->end == end) ++was;
    if (is->end == end) ++is;
  }
  return effect;
}

}  // namespace tocsin
