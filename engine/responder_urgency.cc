#include "engine/responder_urgency.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "engine/responder_groups.h"
#include "engine/responder_holds.h"

namespace tocsin {
namespace {

TimerKey HoursTimer(GroupId id) {
  return {Timer::Kind::kSupportHours, id.value()};
}

// nullptr: the service has no such hours.
const SupportHours* HoursOf(const Turn& turn, const Group& group) {
  return turn.index() != nullptr ? turn.index()->FindSupportHours(group.service) : nullptr;
}

bool IsInside(const Turn& turn, const SupportHours& hours) {
  return std::ranges::any_of(hours.time_intervals, [&](const TimeIntervalId& name) {
    const TimeIntervals* intervals = turn.index()->FindIntervals(name);
    return intervals == nullptr || intervals->Contains(turn.now().wall);
  });
}

}  // namespace

Urgency UrgencyNow(const Turn& turn, const Group& group) {
  const Urgency urgency = UrgencyOf(group.route, group.peak);
  const SupportHours* hours = HoursOf(turn, group);
  if (hours == nullptr) return urgency;
  return IsInside(turn, *hours) ? hours->during.value_or(urgency) : std::min(urgency, hours->outside);
}

void FollowSupportHours(Turn& turn, const Group& group) {
  const SupportHours* hours = HoursOf(turn, group);
  absl::Time next = absl::InfiniteFuture();
  for (const TimeIntervalId& name : hours != nullptr ? hours->time_intervals : std::vector<TimeIntervalId>()) {
    if (const TimeIntervals* intervals = turn.index()->FindIntervals(name)) {
      next = std::min(next, intervals->NextChange(turn.now().wall));
    }
  }
  if (next == absl::InfiniteFuture()) {
    turn.Disarm(HoursTimer(group.id));
  } else {
    turn.ArmWall(HoursTimer(group.id), next);
  }
}

void ReviewSupportHours(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || turn.index() == nullptr) return;
  const bool has_hours = HoursOf(turn, *before) != nullptr;
  const bool is_followed = turn.FindTimer(HoursTimer(id)) != nullptr;
  if (is_followed == has_hours && !turn.IsOutOfDate(HoursTimer(id))) return;
  FollowSupportHours(turn, *before);
  if (!has_hours) return;
  if (UrgencyNow(turn, *before) <= before->urgency) return;
  Group& group = turn.Edit<Group>(id);
  group.urgency = UrgencyNow(turn, group);
  const std::string why = absl::StrCat("the support hours of service ", group.service.value(), " have begun");
  turn.Note(TimelineEntry::Kind::kUrgencyRaised, SubjectOf(id), absl::StrCat("high urgency from now on: ", why));
  if (group.state == Group::State::kOpen && group.flushed && !IsHeld(group)) RestartEscalation(turn, id, why);
}

}  // namespace tocsin
