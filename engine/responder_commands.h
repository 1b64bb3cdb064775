// Commands: who asks for what, answered once for each request id.
#pragma once

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// The answer that was given to this request before; nullopt: it is new.
std::optional<CommandResult> AnsweredBefore(const ResponderState& state, const Command& command);

// Whether its id can be remembered.
absl::Status CheckRequest(const Command& command);

// Every kind but ApplyOrganisation, which swaps what turns are made of. A refusal leaves the turn without a trace.
CommandResult Execute(Turn& turn, const Command& command);

}  // namespace tocsin
