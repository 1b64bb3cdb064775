// The secrets of what is kept, sealed and opened: of organisations, of the versions of them, and of the messages that are pinned to a contact
// method. Without a vault (null) everything is as it comes.
#pragma once

#include <string>
#include <vector>

#include "config/vault.h"
#include "model/organisation.h"

namespace tocsin {

// With its secrets as they are. Those that this vault cannot open stay sealed; `closed` names them.
Organisation Opened(const Organisation& organisation, const Vault* vault, std::vector<std::string>* closed = nullptr);
// With its secrets sealed by the newest key. Where `present`, which may be null, has the same secret so sealed, it is the same text:
// what says the same is the same.
Organisation Sealed(const Organisation& organisation, const Organisation* present, const Vault* vault);
// Whether Sealed would change nothing.
bool IsSealed(const Organisation& organisation, const Vault& vault);

// The places to which secrets are bound.
std::string PlaceOfMethod(const UserId& user, const ReceiverId& receiver, const ContactMethodId& method);
std::string PlaceOfSigning(const IntegrationId& integration);

}  // namespace tocsin
