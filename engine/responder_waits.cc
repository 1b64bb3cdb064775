#include "engine/responder_waits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tocsin {
namespace {

const PolicyStep& NextStep(const Escalation& row) {
  return row.policy.steps[static_cast<std::size_t>(row.next_step)];
}

std::uint64_t FiredWithin(const Turn& turn, const Escalation& row, absl::Duration window) {
  std::uint64_t fired = 0;
  for (const GroupKey key : KeysOf(turn, row))
    fired += turn.rates().Within(key, turn.now().engine, window);
  return fired;
}

// An interval that is gone from the organisation limits nothing: when in doubt, page.
std::optional<StepWait> OutsideHours(const Turn& turn, const PolicyStep& step) {
  absl::Time opens = absl::InfiniteFuture();
  for (const TimeIntervalId& name : step.only_during) {
    const TimeIntervals* intervals = turn.index() != nullptr ? turn.index()->FindIntervals(name) : nullptr;
    if (intervals == nullptr || intervals->Contains(turn.now().wall)) return std::nullopt;
    opens = std::min(opens, intervals->NextChange(turn.now().wall));
  }
  if (step.only_during.empty()) return std::nullopt;
  const std::string hours = absl::StrJoin(
      step.only_during, ", ", [](std::string* out, const TimeIntervalId& name) { out->append(name.value()); });
  if (step.outside == PolicyStep::Outside::kSkip) {
    return StepWait{StepWait::Kind::kSkip, {}, absl::StrCat("it is outside of ", hours)};
  }
  return StepWait{StepWait::Kind::kHours, opens, absl::StrCat("waits for ", hours)};
}

// When others are on call in one of the step's schedules, gaps passed over.
absl::Time NextTurn(const Turn& turn, const PolicyStep& step) {
  absl::Time next = absl::InfiniteFuture();
  for (const Target& target : step.targets) {
    const auto* schedule = std::get_if<ScheduleTarget>(&target);
    if (schedule == nullptr || turn.roster() == nullptr) continue;
    const auto turn_at = turn.roster()->TurnAt({schedule->schedule, ScheduleTarget::Turn::kNext}, turn.now().wall);
    if (turn_at) next = std::min(next, *turn_at);
  }
  return next;
}

}  // namespace

// The groups that an escalation is about.
std::vector<GroupKey> KeysOf(const Turn& turn, const Escalation& row) {
  std::vector<GroupId> groups;
  if (row.subject.kind == SubjectKind::kGroup) groups.emplace_back(row.subject.id);
  if (row.subject.kind == SubjectKind::kIncident) {
    if (const Incident* incident = turn.Find<Incident>(IncidentId(row.subject.id))) groups = incident->groups;
  }
  std::vector<GroupKey> keys;
  for (const GroupId id : groups) {
    const Group* group = turn.Find<Group>(id);
    if (group == nullptr) continue;
    keys.push_back(group->key);
    for (const GroupId part : group->merged)
      if (const Group* merged = turn.Find<Group>(part)) keys.push_back(merged->key);
  }
  return keys;
}

// The first handoff of the step's schedules.
absl::Time NextHandoff(const Turn& turn, const PolicyStep& step) {
  absl::Time next = absl::InfiniteFuture();
  for (const Target& target : step.targets) {
    const auto* schedule = std::get_if<ScheduleTarget>(&target);
    if (schedule == nullptr || turn.roster() == nullptr) continue;
    if (const auto change = turn.roster()->NextChange(schedule->schedule, turn.now().wall)) {
      next = std::min(next, *change);
    }
  }
  return next;
}

bool MeetsRate(const Turn& turn, const Escalation& row) {
  const Threshold& rate = NextStep(row).min_rate;
  return rate.count == 0 || FiredWithin(turn, row, rate.window) >= rate.count;
}

std::optional<StepWait> WaitOf(const Turn& turn, const Escalation& row, bool shift_came) {
  const PolicyStep& step = NextStep(row);
  if (std::optional<StepWait> outside = OutsideHours(turn, step)) return outside;
  if (!MeetsRate(turn, row)) {
    return StepWait{
        StepWait::Kind::kRate,
        {},
        absl::StrFormat("waits for %d alerts within %s, %d have begun to fire", step.min_rate.count,
                        absl::FormatDuration(step.min_rate.window), FiredWithin(turn, row, step.min_rate.window))};
  }
  const bool next_shift = row.urgency == Urgency::kLow && row.last_step < 0 && row.pass == 0 &&
                          row.policy.low_urgency == EscalationPolicy::LowUrgency::kNextShift;
  if (!next_shift || shift_came || row.stays) return std::nullopt;
  const absl::Time handoff = NextTurn(turn, step);
  if (handoff == absl::InfiniteFuture()) return std::nullopt;
  return StepWait{StepWait::Kind::kHours, handoff, "low urgency waits for whoever comes on call next"};
}

}  // namespace tocsin
