// Incidents: opened by a rule about a group, or by a person; later groups join; acknowledged, resolved, and escalated by a
// policy of their own. Conditions and states are pure values in incident/.
//
// An incident that a rule opened is resolved by the rule when all its groups are; one that a person opened only gets a
// note then, and is resolved by a person.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// Evaluates the rules that have not fired in this episode, and arms the next instant at which one could come true.
void ReviewIncidentRules(Turn& turn, GroupId id);
// The group is about to resolve without an incident: which thresholds were not met, by the values last decided on.
void NoteThresholds(Turn& turn, GroupId id);
// It has resolved: what that means for its incidents.
void GroupResolved(Turn& turn, GroupId id);

// Resolved, by something else than a command.
void CloseIncident(Turn& turn, IncidentId id, std::string_view by);

absl::StatusOr<IncidentId> OpenIncidentBy(Turn& turn, const OpenIncident& command);
absl::Status AcknowledgeIncidentBy(Turn& turn, const AcknowledgeIncident& command);
absl::Status ResolveIncidentBy(Turn& turn, const ResolveIncident& command);

}  // namespace tocsin
