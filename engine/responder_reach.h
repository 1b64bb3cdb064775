// What is remembered of contact methods: every message to a person adds to it, and links that come back (model/reach.h).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

// Each of a message to a person; of one to a receiver, and of a contact method that is not declared any more, nothing is kept.
void ReachTried(Turn& turn, const Notification& row);
void ReachAccepted(Turn& turn, const Notification& row);
void ReachDelivered(Turn& turn, const Notification& row);
// For good. `undelivered`: after the provider had taken it.
void ReachFailed(Turn& turn, const Notification& row, bool undelivered);

const ContactReach* FindReach(const Turn& turn, const UserId& user, const ContactMethod& method);
// The row, made when it has none.
ContactReach& ReachFor(Turn& turn, const UserId& user, const ContactMethod& method);

absl::Status ConfirmContactBy(Turn& turn, const ConfirmContact& command);
// Of contact methods that `organisation` does not declare.
void ForgetGoneMethods(Turn& turn, const Organisation& organisation);

// Whether it is known that the method may not work: what was sent last has failed, or a self-test was not confirmed.
bool IsDoubtful(const ContactReach& reach);
// Whether no method of the person is free of doubt. A method of which nothing is known as yet is; a call counts neither way
// while it works, as it carries no link by which it could be confirmed.
bool MayNotBeReached(const Turn& turn, const User& user);
// "sms: what was sent last has failed: landline; email: the self-test of 2026-11-02 10:00 UTC was not confirmed".
std::string DoubtsAbout(const Turn& turn, const User& user);

}  // namespace tocsin
