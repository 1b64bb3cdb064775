// Messages that stay true: where a provider lets us rewrite what we sent (Slack), what people see of a group or an incident
// follows it: acknowledged by whom, how many alerts, resolved. At most one rewriting of a message is under way.
#pragma once

#include "engine/responder_turn.h"

namespace tocsin {

// A rewriting is no new message: no limit counts it, and it goes out about what is settled, too.
inline bool IsRewriting(const Notification& row) {
  return !row.rewrites.empty();
}

// `row`, which is new, takes the place of what its recipient was last told of the subject, when that can be done; a page
// always is a message of its own.
void TakePlace(const Turn& turn, Notification& row);

// At the end of a turn: rewrites the messages about what it has changed.
void RewriteMessages(Turn& turn);

}  // namespace tocsin
