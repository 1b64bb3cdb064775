// Silences: made, replaced and ended by people; each start and end is a wall timer, at which the shards get a new set.
//
// Maintenance windows are silences that were planned: by people, or in the organisation's YAML, with which they are made,
// changed and ended when it is applied. One that comes round has an edge at each beginning and end of its intervals; one of
// a service has no matchers: its groups are reviewed at the edges (engine/responder_holds.h).
#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// Whether its edges so far leave it in effect: by its timer and row, not by the clock, so that one that has ended does not
// come back when the wall clock jumps back, and one that has begun holds until its end.
bool IsInEffect(const ResponderState& state, const Silence& silence);
// Those in effect, in order of id.
std::vector<Silence> SilencesInEffect(const ResponderState& state);

absl::StatusOr<SilenceId> CreateSilenceBy(Turn& turn, const CreateSilence& command);
absl::Status ExpireSilenceBy(Turn& turn, const ExpireSilence& command);
// The organisation has been applied: its windows are made, changed and ended.
void ApplyDeclaredMaintenance(Turn& turn);
// Its start or end has come, or that of one of its intervals.
void SilenceEdge(Turn& turn, SilenceId id);

}  // namespace tocsin
