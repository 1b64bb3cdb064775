// Access tokens, and the audit log: an entry for each change that somebody made, in the same journal entry as the change.
#pragma once

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// Requires a well-formed hash. Whether whoever asks may give these rights away is judged before (api/).
absl::StatusOr<TokenId> CreateTokenBy(Turn& turn, const CreateToken& command);
absl::Status RevokeTokenBy(Turn& turn, const RevokeToken& command);

// What the doors judge callers by.
AccessPtr AccessOf(const ResponderState& state);

// Writes down that `command` has been done; nothing for what changed nothing, and for what no person or program of theirs
// asked. Call it when everything else of the turn is done.
void RecordCommand(Turn& turn, const Command& command, const CommandResult& result);

}  // namespace tocsin
