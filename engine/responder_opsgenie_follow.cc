// How alerts of the Opsgenie API follow our groups and routes.
#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/strings.h"
#include "engine/responder_changes.h"
#include "engine/responder_groups.h"
#include "engine/responder_opsgenie.h"

namespace tocsin {
namespace {

constexpr std::size_t kRowsAtOnce = 64;
constexpr std::size_t kRoutedAtOnce = 256;
// What came so short a time before its group was resolved may not have reached it yet: its own sender decides about it.
constexpr absl::Duration kOnItsWay = absl::Seconds(10);

TimerKey FollowTimer(std::uint64_t subject) {
  return {Timer::Kind::kFollow, subject};
}

std::string NameOfActor(std::string_view actor) {
  const UserId person = PersonBehind(actor);
  return person.set() ? person.value() : std::string(actor);
}

std::vector<GroupKey> KeysOf(const Turn& turn, const Group& group) {
  std::vector<GroupKey> keys = {group.key};
  for (const GroupId id : group.merged) {
    if (const Group* part = turn.Find<Group>(id)) keys.push_back(part->key);
  }
  return keys;
}

bool Turns(const Group* before, const Group& after) {
  if (before == nullptr) return false;
  return before->state != after.state || before->snoozed != after.snoozed ||
         before->acknowledged_until != after.acknowledged_until;
}

// Makes the row what the group is. False: there is nothing to do.
bool Follow(OpsgenieAlert& row, const Group& group, const Now& now) {
  const std::string acknowledged_by = NameOfActor(group.acknowledged_by);
  if (group.state == Group::State::kAcknowledged) {
    const bool owned = row.acknowledged && !row.by_group;
    const bool snoozes = group.snoozed && (!row.snoozed || row.snoozed_until != group.acknowledged_until);
    if (row.created_at > group.acknowledged_at || group.acknowledged_by == "source") return false;
    if (row.acknowledged && !snoozes) return false;
    row.by_group = !owned;
    if (!row.acknowledged) {
      row.acknowledged_at = group.acknowledged_at;
      row.acknowledged_by = acknowledged_by;
      row.owner = acknowledged_by;
    }
    row.acknowledged = true;
    row.snoozed = group.snoozed;
    row.snoozed_until = group.snoozed ? group.acknowledged_until : absl::Time();
    LogOf(row, now.wall, acknowledged_by,
          absl::StrCat(group.snoozed ? "snoozed" : "acknowledged", " by ", acknowledged_by, " in tocsin (G",
                       group.id.value(), ")"));
    return true;
  }
  if (group.state == Group::State::kOpen) {
    if (!row.by_group) return false;
    row.acknowledged = row.snoozed = row.by_group = false;
    row.snoozed_until = absl::Time();
    LogOf(row, now.wall, "tocsin", absl::StrCat("no longer acknowledged in tocsin (G", group.id.value(), ")"));
    return true;
  }
  if (group.state != Group::State::kResolved || row.occurred + kOnItsWay > group.resolved_engine) return false;
  row.closed = true;
  row.closed_at = group.resolved_at;
  row.closed_by = NameOfActor(group.resolved_by);
  row.snoozed = row.by_group = false;
  LogOf(row, now.wall, row.closed_by,
        absl::StrCat("closed by ", row.closed_by, " in tocsin (G", group.id.value(), ")"));
  return true;
}

}  // namespace

std::vector<GroupKey> GroupsOf(const Turn& turn, const Labels& labels) {
  if (turn.router() == nullptr) return {};
  std::vector<LabelView> views;
  views.reserve(labels.size());
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  std::vector<std::uint32_t> nodes;
  turn.router()->Match(views, nodes);
  std::vector<GroupKey> keys;
  std::vector<LabelView> out(views.size());
  for (const std::uint32_t number : nodes) {
    const Router::Node& node = turn.router()->node(number);
    if (node.leads_somewhere) keys.push_back(turn.router()->KeyOf(node, turn.router()->GroupLabels(node, views, out)));
  }
  return keys;
}

void FollowGroups(Turn& turn) {
  if (turn.state().opsgenie_in.empty()) return;
  for (const GroupId id : turn.Edited<Group>()) {
    const Group& after = *turn.Find<Group>(id);
    const auto before = turn.state().groups.find(id);
    if (!Turns(before == turn.state().groups.end() ? nullptr : &before->second, after)) continue;
    const bool any =
        std::ranges::any_of(KeysOf(turn, after), [&](GroupKey key) { return turn.state().opsgenie_in.contains(key); });
    if (any) turn.Arm(FollowTimer(id.value()), turn.now().engine);
  }
}

void FollowGroup(Turn& turn, GroupId id) {
  const Group* group = turn.Find<Group>(id);
  std::size_t changed = 0;
  for (const GroupKey key : KeysOf(turn, *group)) {
    const auto in = turn.state().opsgenie_in.find(key);
    if (in == turn.state().opsgenie_in.end()) continue;
    for (const OpsgenieAlertId alert : in->second) {
      const OpsgenieAlert* before = turn.Find<OpsgenieAlert>(alert);
      if (before == nullptr || before->closed) continue;
      OpsgenieAlert after = *before;
      if (!Follow(after, *group, turn.now())) continue;
      if (changed == kRowsAtOnce) {
        turn.Arm(FollowTimer(id.value()), turn.now().engine);
        return;
      }
      after.updated_at = turn.now().wall;
      if (after.closed) {
        ExpectOutlived(turn, Row(OpsgenieAlert()).index(),
                       after.closed_at + absl::Hours(24 * limits::kOpsgenieClosedDays));
      }
      turn.Edit<OpsgenieAlert>(alert) = std::move(after);
      ++changed;
    }
  }
}

void FollowRoutes(Turn& turn, OpsgenieAlertId from) {
  std::size_t looked_at = 0;
  const auto& alerts = turn.state().opsgenie_alerts;
  for (auto at = alerts.upper_bound(from); at != alerts.end(); ++at) {
    if (at->second.closed) continue;
    if (looked_at++ == kRoutedAtOnce) {
      turn.Arm(FollowTimer(0), turn.now().engine, Generation(std::prev(at)->first.value()));
      return;
    }
    std::vector<GroupKey> groups = GroupsOf(turn, at->second.labels);
    if (groups != at->second.groups) turn.Edit<OpsgenieAlert>(at->first).groups = std::move(groups);
  }
}

}  // namespace tocsin
