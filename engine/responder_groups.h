// Groups: the life of an episode, from what the shards report and what people do.
//
//            ┌─── higher severity, time-out or snooze over, given back ───┐
//   (opens) open ──────────────── acknowledged ──────────────▶ acknowledged ──┐
//      ▲     ├── silenced ◀──▶ unsilenced: the escalation starts again        │
//      │     ├── merged ◀──▶ split off: the escalation starts again           │
//      │     └──────────────── recovered, or resolved by a person ────────────┴──▶ resolved
//      └──────────────────────── fires again within reopen_window ─────────────────────┘
//
// A group that fires again later is a new one with a new id. One that comes and goes is held (responder_flapping.h); one
// that is below its route's threshold is open and told to nobody as yet (responder_news.h).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/responder_turn.h"

namespace tocsin {

// Compares what the shards say now with what was decided, and decides anew. Needs an organisation.
void ReviewGroup(Turn& turn, GroupKey key);
// Every group that the shards hold, and every unresolved one of which they say nothing: it has recovered.
std::vector<GroupKey> AllKeys(const ResponderState& state);
// By what the shards say of them.
std::vector<GroupKey> MostSevereFirst(const Turn& turn, const std::vector<GroupKey>& keys);

// group_wait or group_interval is over: to the policy once, to the receiver as its log says.
void FlushGroup(Turn& turn, GroupId id);
// Nothing holds it back any more: what still fires is paged now.
void ResumeGroup(Turn& turn, GroupId id, std::string_view why);
// The counts that decisions are made on and messages tell become those of the shards.
void RefreshCounts(Turn& turn, GroupId id);
// Something that does not wait: flushes a group that is still waiting, and tells the receiver of another one at once.
void BreakWait(Turn& turn, GroupId id, std::string_view why);
// Resolved, whoever or whatever did it: with all its parts, and told to those who were told of it. `held`: nobody was to
// hear of it when it recovered.
void CloseGroup(Turn& turn, Group& group, std::string_view by, bool held);
// Its escalation has run out of steps.
void GroupExhausted(Turn& turn, GroupId id);

// Commands of people. Refusals say what the present state is.
absl::Status ResolveGroupBy(Turn& turn, const ResolveGroup& command);
absl::Status EscalateGroupBy(Turn& turn, const EscalateGroup& command);

// The auditor's repair: whatever became of the escalation, it begins again.
void RestartEscalation(Turn& turn, GroupId id, std::string_view why);

// The urgency of pages about a group of this severity on this route.
Urgency UrgencyOf(const Route& route, Severity severity);

// "is open", "was acknowledged by user:alice at ... (generation 2)".
std::string Describe(const Group& group);

// The name of a person behind an actor: "user:alice" and "link:alice" are alice; nobody behind others.
UserId PersonBehind(std::string_view actor);

}  // namespace tocsin
