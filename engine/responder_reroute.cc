#include "engine/responder_reroute.h"

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_holds.h"
#include "engine/responder_urgency.h"

namespace tocsin {
namespace {

std::string PolicyWords(const Group& group) {
  return group.route.policy.set() ? absl::StrCat("policy ", group.route.policy.value()) : "no policy";
}

}  // namespace

absl::Status RerouteGroupBy(Turn& turn, const RerouteGroup& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.group, command.generation));
  if (turn.index() == nullptr) return Precondition("no configuration has been applied: nothing to route by");
  const Route* route = turn.index()->FindRoute(before->route.id);
  if (command.policy.set() && turn.organisation()->Find(command.policy) == nullptr) {
    return NotFound("policy \"%s\" does not exist", command.policy.value());
  }
  if (route == nullptr && !command.policy.set()) {
    return Precondition("group G%d cannot be rerouted by itself: its route %s is gone; name the policy to hand it to",
                        command.group.value(), before->route.id.value());
  }
  const std::string was = PolicyWords(*before);
  const std::string why = absl::StrCat("rerouted by ", turn.actor());
  StopEscalation(turn, SubjectOf(command.group), why, /*besides=*/false);
  Group& group = turn.Edit<Group>(command.group);
  if (route != nullptr) group.route = *route;
  group.route.children.clear();
  if (command.policy.set()) group.route.policy = command.policy;
  PinPolicy(turn, group);
  group.escalation = EscalationId();
  group.urgency = UrgencyNow(turn, group);
  NextGeneration(group);
  // Whoever has it has it no longer than before.
  if (const Timer* end = turn.FindTimer(AcknowledgeTimer(group.id))) {
    turn.Arm(AcknowledgeTimer(group.id), EngineTime(end->due), group.generation);
  }
  turn.Note(
      TimelineEntry::Kind::kRerouted, SubjectOf(group.id),
      absl::StrCat(
          why, ": route ", group.route.id.value(),
          route == nullptr ? " (gone)" : absl::StrCat(" as of rules version ", turn.state().counters.rules.value()),
          ", ", PolicyWords(group), PolicyWords(group) == was ? " anew" : absl::StrCat(" instead of ", was)));
  ReviewHold(turn, command.group);
  const Group& now = *turn.Find<Group>(command.group);
  if (now.state == Group::State::kOpen && now.flushed && !IsHeld(now)) RestartEscalation(turn, command.group, why);
  return absl::OkStatus();
}

}  // namespace tocsin
