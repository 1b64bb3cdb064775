#include "engine/responder_flapping.h"

#include "absl/strings/str_cat.h"

#include "engine/flapping.h"
#include "engine/message.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

}  // namespace

void ReviewFlapping(Turn& turn, Group& group) {
  const FlappingRule& rule = group.route.flapping;
  if (!group.route.policy.set()) return;
  RecordFlap(group.changes, rule, turn.now().engine);
  if (!Flaps(group.changes, rule, turn.now().engine)) return;
  group.flapping = true;
  group.flapping_since = turn.now().wall;
  group.flaps = static_cast<std::uint32_t>(group.changes.size());
  turn.Arm(StableTimer(group.id), turn.now().engine + rule.stable_for);
  turn.Note(
      Kind::kFlapping, SubjectOf(group.id),
      absl::StrFormat("flaps: %d changes between firing and not firing within %s (route %s: %d); its policy runs once, "
                      "and further changes page nobody until it has not changed for %s",
                      group.flaps, absl::FormatDuration(rule.window), group.route.id.value(), rule.changes,
                      absl::FormatDuration(rule.stable_for)));
}

bool HoldsWhileQuiet(const Group& group) {
  return group.flapping && !IsSuppressed(group);
}

void FlapOnce(Turn& turn, GroupId id) {
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  ++group.flaps;
  turn.Arm(StableTimer(id), turn.now().engine + group.route.flapping.stable_for);
}

void BecameStable(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || !before->flapping || before->state == Group::State::kResolved) return;
  if (!turn.AllShardsReported()) {  // whether it fires is not known as yet
    turn.Arm(StableTimer(id), turn.now().engine + absl::Seconds(10));
    return;
  }
  Group& group = turn.Edit<Group>(id);
  const bool over = group.firing == 0 && group.suppressed == 0;
  turn.Note(Kind::kStable, SubjectOf(id),
            absl::StrFormat("stable for %s after %d changes since %s: %s",
                            absl::FormatDuration(group.route.flapping.stable_for), group.flaps,
                            Instant(group.flapping_since), over ? "nothing fires" : "it goes on firing"));
  ForgetFlapping(turn, group);
  if (over) {
    NoteThresholds(turn, id);
    CloseGroup(turn, group, "alerts recovered and stayed so after flapping", IsHeld(group));
    return;
  }
  // Whoever did not answer for something that comes and goes may do so for something that stays.
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  const bool unanswered = escalation != nullptr && escalation->state == Escalation::State::kExhausted;
  if (unanswered && group.state == Group::State::kOpen && !IsHeld(group)) {
    StartFor(turn, group, "it goes on firing after it had flapped");
  }
}

void ForgetFlapping(Turn& turn, Group& group) {
  group.flapping = false;
  group.changes.clear();
  turn.Disarm(StableTimer(group.id));
}

}  // namespace tocsin
