#include "engine/responder_episode.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/exemplars.h"
#include "engine/responder_escalations.h"
#include "engine/responder_fired.h"
#include "engine/responder_groups.h"

namespace tocsin {

void NextGeneration(Group& group) {
  group.generation = Generation(group.generation.value() + 1);
}

void Refresh(const Turn& turn, Group& group) {
  const LiveGroup live = turn.Live(group);
  if (live.any == nullptr) return;
  group.firing = live.firing;
  group.suppressed = live.suppressed;
  group.highest = live.highest;
  group.fired_total = live.fired_total;
  group.resolved_total = live.resolved_total;
  group.fired = FiredNow(turn, group);
  group.most_firing = std::max(group.most_firing, live.firing);
  // What has just recovered is still what the group was about.
  if (live.firing > 0) group.exemplars = CutForRow(turn.LiveExemplars(group));
}

void PinPolicy(const Turn& turn, Group& group) {
  group.policy.reset();
  if (group.route.policy.set()) group.policy = PolicyFor(turn, group.route.policy);
}

EscalationPolicy PolicyOf(const Turn& turn, const Group& group) {
  if (group.policy) return *group.policy;
  // Opened before groups kept it.
  const Escalation* begun = turn.Find<Escalation>(group.escalation);
  return begun != nullptr ? begun->policy : PolicyFor(turn, group.route.policy);
}

bool IsGivenAway(const Turn& turn, const Group& group) {
  const Escalation* last = turn.Find<Escalation>(group.escalation);
  return last != nullptr && last->stays;
}

void StartFor(Turn& turn, Group& group, std::string_view why, PolicyPosition from, std::vector<UserId> also) {
  EscalationStart start;
  start.subject = SubjectOf(group.id);
  start.stays = IsGivenAway(turn, group);
  start.policy = start.stays ? turn.Find<Escalation>(group.escalation)->policy : PolicyOf(turn, group);
  start.urgency = group.urgency;
  start.why = why;
  if (!start.stays) start.from = from;
  start.also = std::move(also);
  group.quiet_reason.clear();
  StartEscalation(turn, std::move(start));
}

std::string WhyRoutePagesNobody(const Route& route) {
  return route.receiver.set() ? absl::StrCat("route ", route.id.value(), " has no policy: it only tells receiver ",
                                             route.receiver.value())
                              : absl::StrCat("route ", route.id.value(), " has neither policy nor receiver");
}

std::string Lasted(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Seconds(1)));
}

absl::StatusOr<const Group*> FindUnresolved(const Turn& turn, GroupId id, const std::optional<Generation>& seen) {
  const Group* group = turn.Find<Group>(id);
  if (group == nullptr) {
    return NotFound("group G%d is not known, or was resolved more than %s ago", id.value(),
                    absl::FormatDuration(turn.options().keep_closed));
  }
  if (seen && *seen != group->generation) {
    return Precondition("group G%d %s, you saw generation %d: look again", id.value(), Describe(*group), seen->value());
  }
  if (group->state == Group::State::kResolved) {
    const absl::Duration window = group->route.reopen_window;
    const std::string soon = window > absl::ZeroDuration() ? absl::StrCat(" within ", absl::FormatDuration(window),
                                                                          " of that, it is opened again, and later")
                                                           : "";
    return Precondition("group G%d %s: nothing is left to be done; if it fires again%s, it is a new group", id.value(),
                        Describe(*group), soon);
  }
  if (group->state == Group::State::kMerged) {
    return Precondition("group G%d is a part of G%d: say G%d, or split G%d off first", id.value(),
                        group->merged_into.value(), group->merged_into.value(), id.value());
  }
  return group;
}

}  // namespace tocsin
