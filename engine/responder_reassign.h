// People who are asked by name: in place of whoever is being paged, or besides.
#pragma once

#include "absl/status/status.h"

#include "engine/responder_turn.h"

namespace tocsin {

absl::Status ReassignGroupBy(Turn& turn, const ReassignGroup& command);
absl::Status AddRespondersBy(Turn& turn, const AddResponders& command);

// Pages them about `subject`, each until the person has answered for himself. NotFound when nobody is behind the targets.
absl::Status PageBesides(Turn& turn, const Subject& subject, const std::vector<Target>& targets, std::string_view why);

// Runs a policy of one step that pages these people and stays with them.
void GiveTo(Turn& turn, Group& group, const std::vector<Target>& targets, std::string_view why);

}  // namespace tocsin
