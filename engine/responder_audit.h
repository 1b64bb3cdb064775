// The auditor: no open group may be forgotten. What it checks does not rest on how the state came about.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/responder_turn.h"

namespace tocsin {

// What is wrong with an unresolved group, in words that say what was found; nullopt when all is well.
//   not handed to its policy yet:           its flush timer is armed
//   open, alerts firing, route has policy:  its escalation runs with a timer, or an active page has a timer or a message
//                                           on its way, or it is stated why nobody is paged
//   every message on its way has its timer; nothing runs for a group that is acknowledged or silenced
std::optional<std::string> FindFault(const Turn& turn, const Group& group);

// Checks the group and repairs it: arms what is missing, or starts the escalation again. Returns what was found.
std::optional<std::string> AuditGroup(Turn& turn, GroupId id);

// The same of an unresolved incident: its run has a timer, and so has every message on its way.
std::optional<std::string> AuditIncident(Turn& turn, IncidentId id);

// What was found, to the fallback user, by all of his methods; once an hour at most, over restarts, too: the log has all of it.
void TellOfFindings(Turn& turn, std::span<const std::string> findings);

// Nobody has been told of the open group, for longer than `tolerance`, although providers were tried again and again: who was
// tried last, by what, and what the provider said. nullopt: somebody was told, or it is too early to say.
std::optional<std::string> FindUnreached(const Turn& turn, const Group& group, absl::Duration tolerance);

}  // namespace tocsin
