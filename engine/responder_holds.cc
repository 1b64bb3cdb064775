#include "engine/responder_holds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"
#include "engine/responder_mutes.h"
#include "engine/responder_silences.h"
#include "model/hold_words.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

TimerKey EdgeTimer(GroupId id) {
  return {Timer::Kind::kHoldEdge, id.value()};
}

std::string WhyInMaintenance(const Turn& turn, const ServiceId& service) {
  const auto windows = turn.state().windows_of.find(service);
  if (windows == turn.state().windows_of.end()) return "";
  for (const SilenceId id : windows->second) {
    const Silence* window = turn.Find<Silence>(id);
    if (window == nullptr || !IsInEffect(turn.state(), *window)) continue;
    return absl::StrCat(ToAbsl(kInMaintenance), "M", id.value(), " of service ", service.value(),
                        window->comment.empty() ? "" : ": ", OneLine(window->comment, 200));
  }
  return "";
}

std::string WhyDependent(const Turn& turn, const ServiceId& service) {
  for (const ServiceId& dependency : turn.index()->HoldersOf(service)) {
    const auto open = turn.state().open_of.find(dependency);
    if (open == turn.state().open_of.end()) continue;
    for (const GroupId id : open->second) {
      const Group* group = turn.Find<Group>(id);
      if (group == nullptr || !Breaks(*group)) continue;
      return absl::StrCat(ToAbsl(kHeldBack), "service ", service.value(), " depends on ", dependency.value(),
                          ", which is broken (G", id.value(), ")");
    }
  }
  return "";
}

std::string WhyHeld(const Turn& turn, const Group& group) {
  std::string why = WhyInMaintenance(turn, group.service);
  if (why.empty()) why = WhyMuted(turn, group.route);
  if (why.empty()) why = WhyDependent(turn, group.service);
  return why;
}

void ArmEdge(Turn& turn, const Group& group) {
  absl::Time next = absl::InfiniteFuture();
  for (const std::vector<TimeIntervalId>* names :
       {&group.route.mute_time_intervals, &group.route.active_time_intervals}) {
    for (const TimeIntervalId& name : *names) {
      const TimeIntervals* intervals = turn.index()->FindIntervals(name);
      if (intervals != nullptr) next = std::min(next, intervals->NextChange(turn.now().wall));
    }
  }
  if (next == absl::InfiniteFuture()) {
    turn.Disarm(EdgeTimer(group.id));
  } else {
    turn.ArmWall(EdgeTimer(group.id), next);
  }
}

}  // namespace

bool Breaks(const Group& group) {
  const bool handled = group.state != Group::State::kResolved && group.state != Group::State::kMerged;
  return handled && group.firing > 0 && group.highest == Severity::kCritical && group.route.policy.set() &&
         (group.held_by.empty() || group.held_by.starts_with(kHeldBack));
}

std::vector<GroupKey> OpenGroupsOf(const ResponderState& state, const ServiceId& service) {
  std::vector<GroupKey> keys;
  const auto open = state.open_of.find(service);
  if (open == state.open_of.end()) return keys;
  for (const GroupId id : open->second)
    keys.push_back(state.groups.at(id).key);
  return keys;
}

void ReviewHold(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || before->state == Group::State::kResolved || turn.index() == nullptr) return;
  if (before->state == Group::State::kMerged) return;  // the whole is held or not
  ArmEdge(turn, *before);
  std::string why = WhyHeld(turn, *before);
  if (why == before->held_by) return;
  if (why.empty() && !turn.AllShardsReported())
    return;  // nobody is paged on what may be over: it is reviewed again then
  Group& group = turn.Edit<Group>(id);
  const std::string was = std::exchange(group.held_by, std::move(why));
  if (!group.held_by.empty()) {
    group.quiet_reason = group.held_by;
    turn.Note(Kind::kSuppressed, SubjectOf(id), group.held_by);
    StopEscalation(turn, SubjectOf(id), group.held_by);
    return;
  }
  turn.Note(Kind::kUnsuppressed, SubjectOf(id), absl::StrCat("no longer ", was));
  if (IsSuppressed(group)) {
    group.quiet_reason = WhyHeldBack(turn.Live(group));
    return;
  }
  ResumeGroup(turn, id, absl::StrCat("no longer ", was));
  ReviewIncidentRules(turn, id);
}

void FollowHealth(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  if (!before.service.set() || turn.index()->HeldBackBy(before.service).empty()) return;
  const bool was = before.firing > 0 && before.highest == Severity::kCritical;
  const bool is = live.firing > 0 && live.highest == Severity::kCritical;
  if (was != is) RefreshCounts(turn, id);
}

}  // namespace tocsin
