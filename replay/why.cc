#include "replay/why.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tocsin::replay {
namespace {

const Group* FindGroup(const ResponderState& state, const Told& told, const Episode& about) {
  GroupId id;
  if (const auto current = state.current_group.find(GroupKey(about.key)); current != state.current_group.end()) {
    id = current->second;
  }
  for (const AlertKey& alert : about.alerts) {
    if (id.set()) break;
    id = told.HolderOf(alert).value_or(GroupId());
  }
  const auto found = state.groups.find(id);
  return found == state.groups.end() ? nullptr : &found->second;
}

std::string HeldBy(const ResponderState& state, const Group& group) {
  if (!group.held_by.empty()) return group.held_by;
  const auto live = state.live.find(group.key);
  if (live == state.live.end()) return "";
  for (const auto& [shard, report] : live->second) {
    if (report.firing == 0 && report.suppressed > 0 && !report.held_by.empty()) return report.held_by;
  }
  return "";
}

std::string WhyOf(const ResponderState& state, const Group& group) {
  if (group.state == Group::State::kResolved) return "it had been resolved by " + group.resolved_by;
  if (group.state == Group::State::kAcknowledged) return "it was acknowledged by " + group.acknowledged_by;
  if (const std::string held = HeldBy(state, group); !held.empty()) return "held back: " + held;
  if (!group.quiet_reason.empty()) return group.quiet_reason;
  if (!group.route.policy.set()) {
    return group.route.receiver.set() ? absl::StrCat("no policy: told to receiver ", group.route.receiver.value())
                                      : "no policy and no receiver: it leads nowhere";
  }
  if (!group.flushed) return absl::StrCat("waits for group_wait, ", absl::FormatDuration(group.route.group_wait));
  if (group.urgency == Urgency::kLow) return "of low urgency";
  return absl::StrCat("policy ", group.route.policy.value(), " had paged others or was waiting");
}

std::string WhyOf(const World& world, const Episode& about) {
  std::string why;
  for (const AlertKey& key : about.alerts) {
    const std::optional<AlertRecord> alert = world.ShardOf(key).Find(key);
    if (!alert) {
      why = "none of its alerts has come in";
    } else if (!alert->summary.firing) {
      why = absl::StrCat("its alerts had recovered: ", alert->resolved_reason);
    } else if (alert->hold.set()) {
      return "held back: " + alert->held_by;
    } else if (alert->groups.empty()) {
      return "no route takes its alerts";
    }
  }
  return why;
}

}  // namespace

std::string WhyNotPaging(const ResponderState& state, const Told& told, const World* world, const Episode& about) {
  if (about.subject.kind == SubjectKind::kIncident) return "there was no such incident";
  if (const Group* group = FindGroup(state, told, about)) {
    std::string why = WhyOf(state, *group);
    return why.starts_with("route ") ? why : absl::StrCat("route ", group->route.id.value(), ": ", why);
  }
  if (world != nullptr) {
    if (std::string why = WhyOf(*world, about); !why.empty()) return why;
  }
  return "there was no group with its alerts";
}

std::vector<GroupId> OpenGroupsLike(const ResponderState& state, const Told& told, const Group& group) {
  const auto current = state.current_group.find(group.key);
  if (current != state.current_group.end() && state.open_groups.contains(current->second)) return {current->second};
  std::vector<GroupId> groups;
  for (const AlertSummary& alert : group.exemplars) {
    const std::optional<GroupId> holder = told.HolderOf(alert.key);
    if (holder && state.open_groups.contains(*holder)) groups.push_back(*holder);
  }
  std::ranges::sort(groups);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

}  // namespace tocsin::replay
