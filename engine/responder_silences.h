// Silences: made, replaced and ended by people; each start and end is a wall timer, at which the shards get a new set.
#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// Those whose start has come and whose end has not, in order of id.
std::vector<Silence> SilencesInEffect(const ResponderState& state);

absl::StatusOr<SilenceId> CreateSilenceBy(Turn& turn, const CreateSilence& command);
absl::Status ExpireSilenceBy(Turn& turn, const ExpireSilence& command);
// Its start or end has come.
void SilenceEdge(Turn& turn, SilenceId id);

}  // namespace tocsin
