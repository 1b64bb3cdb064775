#include "engine/responder_schedule_effect.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "engine/message.h"
#include "engine/responder_schedules.h"
#include "escalation/schedule_use.h"

namespace tocsin {
namespace {

using State = ScheduleChange::State;

constexpr absl::Duration kLongestLook = absl::Hours(24 * 400);

struct OpenedGaps {
  ScheduleId schedule;
  std::string text;  // "nobody is on call any more from ... to ..., and in 3 more stretches"
};

// In `schedule` and those that go by it, as far as they do this about gaps.
std::vector<OpenedGaps> FindOpenedGaps(const Roster& before,
                                       const Roster& after,
                                       const ScheduleId& schedule,
                                       const ChangedStretch& stretch,
                                       Schedule::Gaps what) {
  std::vector<OpenedGaps> found;
  if (stretch.from >= stretch.until) return found;
  for (const ScheduleId& id : SchedulesThatGoBy(before.organisation(), schedule)) {
    const Schedule* each = before.organisation().Find(id);
    if (each == nullptr || each->gaps != what) continue;
    const absl::StatusOr<ScheduleEffect> effect = EffectOf(before, after, id, stretch.from, stretch.until);
    if (!effect.ok() || effect->gaps_opened.empty()) continue;
    const std::vector<Stint>& gaps = effect->gaps_opened;
    found.push_back(
        {id, absl::StrCat("nobody is on call any more from ", Instant(gaps.front().start), " to ",
                          Instant(gaps.front().end),
                          gaps.size() > 1 ? absl::StrCat(", and in ", gaps.size() - 1, " more stretches") : "")});
  }
  return found;
}

}  // namespace

bool MovesPeople(const ScheduleChange* before, const ScheduleChange& after) {
  return after.state == State::kInForce || (before != nullptr && before->state == State::kInForce);
}

ChangedStretch StretchOf(const ResponderState& state, const ScheduleChange& row, absl::Time now) {
  ChangedStretch stretch{std::max(row.change.start, absl::FromUnixSeconds(absl::ToUnixSeconds(now))), row.change.end};
  const auto old = state.schedule_changes.find(row.id);
  if (old != state.schedule_changes.end()) stretch.until = std::max(stretch.until, old->second.change.end);
  stretch.until = std::min(stretch.until, stretch.from + kLongestLook);
  return stretch;
}

absl::StatusOr<Roster> RosterWith(const ResponderState& state, const ScheduleChange& row) {
  ScheduleChange made = row;
  if (!made.id.set()) made.id = ScheduleChangeId(state.counters.next_id);  // after all that there are
  ScheduleRecord record = RecordOf(state);
  std::erase_if(record.changes, [&](const ScheduleChange* change) { return change->id == made.id; });
  record.changes.push_back(&made);
  std::ranges::sort(record.changes, {}, &ScheduleChange::id);
  return Roster::Compile(state.organisation, record);
}

std::vector<std::string> GapWarnings(const Roster& before,
                                     const Roster& after,
                                     const ScheduleId& schedule,
                                     const ChangedStretch& stretch) {
  std::vector<std::string> warnings;
  for (const OpenedGaps& opened : FindOpenedGaps(before, after, schedule, stretch, Schedule::Gaps::kWarn)) {
    warnings.push_back(absl::StrCat("schedule ", opened.schedule.value(), ": ", opened.text));
  }
  return warnings;
}

ScheduleEffect EffectOf(const Turn& turn, const ScheduleChange& row) {
  const ChangedStretch stretch = StretchOf(turn.state(), row, turn.now().wall);
  const absl::StatusOr<Roster> after = RosterWith(turn.state(), row);
  if (!after.ok() || stretch.from >= stretch.until) return {};
  return EffectOf(*turn.roster(), *after, row.schedule, stretch.from, stretch.until).value_or(ScheduleEffect());
}

absl::Status CheckGaps(const ResponderState& state, const Roster& roster, const ScheduleChange& row, absl::Time now) {
  const auto old = state.schedule_changes.find(row.id);
  if (!MovesPeople(old != state.schedule_changes.end() ? &old->second : nullptr, row)) return absl::OkStatus();
  const Organisation& organisation = roster.organisation();
  const bool refuses = std::ranges::any_of(SchedulesThatGoBy(organisation, row.schedule), [&](const ScheduleId& id) {
    return organisation.Find(id)->gaps == Schedule::Gaps::kRefuse;
  });
  if (!refuses) return absl::OkStatus();
  TOCSIN_ASSIGN(const Roster after, RosterWith(state, row));
  const std::vector<OpenedGaps> opened =
      FindOpenedGaps(roster, after, row.schedule, StretchOf(state, row, now), Schedule::Gaps::kRefuse);
  if (opened.empty()) return absl::OkStatus();
  return Precondition("schedule %s refuses gaps, and with this %s: put somebody else on call for that time first",
                      opened.front().schedule.value(), opened.front().text);
}

}  // namespace tocsin
