#include "engine/responder_merge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_flapping.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::size_t kParts = 200;

absl::Status CheckPart(const Turn& turn, const Group& whole, GroupId id) {
  if (id == whole.id) return Invalid("group G%d cannot be merged into itself", id.value());
  TOCSIN_ASSIGN(const Group* part, FindUnresolved(turn, id, std::nullopt));
  if (part->route.policy.set() && !whole.route.policy.set()) {
    return Precondition(
        "group G%d is paged by policy %s, and the route of G%d (%s) pages nobody: merge the other way round",
        id.value(), part->route.policy.value(), whole.id.value(), whole.route.id.value());
  }
  return absl::OkStatus();
}

void BecomePart(Turn& turn, Group& part, Group& whole) {
  const std::string into = absl::StrCat("merged into G", whole.id.value());
  StopEscalation(turn, SubjectOf(part.id), into);
  std::string text = absl::StrCat(into, " by ", turn.actor());
  if (part.state == Group::State::kAcknowledged)
    absl::StrAppend(&text, "; it was acknowledged by ", part.acknowledged_by);
  part.state = Group::State::kMerged;
  part.merged_into = whole.id;
  part.below_threshold = false;
  part.held_by.clear();
  part.snoozed = false;
  part.acknowledged_until = absl::Time();
  part.quiet_reason = into;
  NextGeneration(part);
  ForgetFlapping(turn, part);
  turn.Disarm(FlushTimer(part.id));
  turn.Disarm(AcknowledgeTimer(part.id));
  turn.Disarm({Timer::Kind::kIncidentCheck, part.id.value()});
  turn.Disarm({Timer::Kind::kHoldEdge, part.id.value()});
  turn.Note(Kind::kMerged, SubjectOf(part.id), text);
  turn.Note(
      Kind::kMerged, SubjectOf(whole.id),
      absl::StrFormat("G%d %s is a part of this group now, by %s", part.id.value(), Format(part.labels), turn.actor()));
  whole.merged.push_back(part.id);
  whole.peak = std::max(whole.peak, part.peak);
  whole.urgency = std::max(whole.urgency, part.urgency);
}

void Merge(Turn& turn, GroupId id, Group& whole) {
  Group& part = turn.Edit<Group>(id);
  // Being paged is not undone by a whole that waits for a threshold.
  if (!part.below_threshold) whole.below_threshold = false;
  const std::vector<GroupId> parts = std::exchange(part.merged, {});
  BecomePart(turn, part, whole);
  for (const GroupId each : parts) {
    Group& moved = turn.Edit<Group>(each);
    moved.merged_into = whole.id;
    moved.quiet_reason = part.quiet_reason;
    turn.Note(Kind::kMerged, SubjectOf(each), absl::StrCat("with G", id.value(), " ", part.quiet_reason));
    whole.merged.push_back(each);
  }
}

}  // namespace

absl::Status MergeGroupsBy(Turn& turn, const MergeGroups& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.into, std::nullopt));
  if (command.groups.empty()) return Invalid("say which groups are to be parts of G%d", command.into.value());
  std::size_t parts = before->merged.size();
  for (const GroupId id : command.groups) {
    TOCSIN_TRY(CheckPart(turn, *before, id));
    parts += 1 + turn.Find<Group>(id)->merged.size();
  }
  if (parts > kParts) return Exhausted("G%d would have %d parts, at most %d", command.into.value(), parts, kParts);
  Group& whole = turn.Edit<Group>(command.into);
  const bool was_held = whole.below_threshold;
  for (const GroupId id : command.groups) {
    if (turn.Find<Group>(id)->state == Group::State::kMerged) continue;  // named twice
    Merge(turn, id, whole);
  }
  if (was_held && !whole.below_threshold) whole.quiet_reason.clear();
  if (turn.AllShardsReported()) Refresh(turn, whole);
  if (!whole.below_threshold && !whole.flushed && turn.FindTimer(FlushTimer(whole.id)) == nullptr)
    FlushGroup(turn, whole.id);
  const std::string actor = turn.actor();
  ReviewGroup(turn, whole.key);
  turn.SetActor(actor);
  return absl::OkStatus();
}

void SplitOff(Turn& turn, GroupId id, std::string_view why) {
  Group& part = turn.Edit<Group>(id);
  const GroupId whole = part.merged_into;
  part.state = Group::State::kOpen;
  part.merged_into = GroupId();
  part.quiet_reason.clear();
  part.flushed = false;
  NextGeneration(part);
  turn.Note(Kind::kSplit, SubjectOf(id), absl::StrCat("a group of its own again: ", ToAbsl(why)));
  const GroupKey key = part.key;
  const LiveGroup live = turn.Live(key);
  Refresh(turn, part);
  part.peak = std::max(part.peak, live.highest);
  if (IsSuppressed(part)) part.quiet_reason = WhyHeldBack(live);
  if (const Group* before = turn.Find<Group>(whole)) {
    Group& rest = turn.Edit<Group>(before->id);
    std::erase(rest.merged, id);
    turn.Note(Kind::kSplit, SubjectOf(rest.id),
              absl::StrCat("G", id.value(), " is no part of this group any more: ", ToAbsl(why)));
    if (rest.state != Group::State::kResolved && turn.AllShardsReported()) Refresh(turn, rest);
  }
  if (part.firing + part.suppressed > 0) FlushGroup(turn, id);
  const std::string actor = turn.actor();
  ReviewGroup(turn, key);  // its alerts may have recovered while it was a part
  if (const Group* rest = turn.Find<Group>(whole)) ReviewGroup(turn, rest->key);
  turn.SetActor(actor);
}

absl::Status SplitGroupBy(Turn& turn, const SplitGroup& command) {
  const Group* part = turn.Find<Group>(command.group);
  if (part == nullptr) return NotFound("group G%d is not known (any more)", command.group.value());
  if (part->state != Group::State::kMerged) {
    return Precondition("group G%d %s: it is not a part of another group", command.group.value(), Describe(*part));
  }
  SplitOff(turn, command.group, absl::StrCat("split off by ", turn.actor()));
  return absl::OkStatus();
}

}  // namespace tocsin
