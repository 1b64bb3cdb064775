// What all that happens to a group's episode rests on: the counts that decisions are made on, its escalation, its timers,
// and how the refusals of commands speak of it. The stories themselves are in responder_groups, responder_acknowledgement,
// responder_news, responder_flapping and responder_merge.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/responder_holds.h"
#include "engine/responder_turn.h"
#include "escalation/policy.h"

namespace tocsin {

inline TimerKey FlushTimer(GroupId id) {
  return {Timer::Kind::kGroupFlush, id.value()};
}
inline TimerKey AcknowledgeTimer(GroupId id) {
  return {Timer::Kind::kAcknowledgeTimeout, id.value()};
}
inline TimerKey StableTimer(GroupId id) {
  return {Timer::Kind::kStable, id.value()};
}

// A command or an acknowledgement that saw the state before this one is refused from now on.
void NextGeneration(Group& group);

// The counts that decisions are made on and messages tell, from what the shards say now.
void Refresh(const Turn& turn, Group& group);

// From here on the policy of the group's route is what it is now, whatever is applied later.
void PinPolicy(const Turn& turn, Group& group);
EscalationPolicy PolicyOf(const Turn& turn, const Group& group);

// Whether certain people have it, and nobody else is asked by itself.
bool IsGivenAway(const Turn& turn, const Group& group);
// Runs the group's policy for it, or asks those again whom it was given to. The group is not quiet any more.
void StartFor(Turn& turn, Group& group, std::string_view why, PolicyPosition from = {}, std::vector<UserId> also = {});

// Why nobody is paged on a route without a policy.
std::string WhyRoutePagesNobody(const Route& route);

// "2h30m" without what is below a second.
std::string Lasted(absl::Duration duration);

// A group that a command may act on: it is there, not resolved, not a part of another one, and in the state that the
// caller saw.
absl::StatusOr<const Group*> FindUnresolved(const Turn& turn, GroupId id, const std::optional<Generation>& seen);

}  // namespace tocsin
