// The links that messages carry: engine/link.h, made for a message.
#pragma once

#include <string>

#include "engine/responder_turn.h"

namespace tocsin {

// What acknowledges `subject` for `user` with one press, in a message to `method`: it also says that the message has come.
// Empty without a key or a public address.
std::string LinkFor(const Turn& turn, const Subject& subject, const UserId& user, const ContactMethod& method);

}  // namespace tocsin
