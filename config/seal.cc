#include "config/seal.h"

#include <unordered_map>

#include "base/status.h"
#include "config/secrets.h"

namespace tocsin {

Organisation Opened(const Organisation& organisation, const Vault* vault, std::vector<std::string>* closed) {
  Organisation opened = organisation;
  if (vault == nullptr) return opened;
  ForEachSecret(opened, [&](const std::string& place, std::string& secret) {
    absl::StatusOr<std::string> plain = vault->Unseal(secret, place);
    if (plain.ok()) {
      secret = *std::move(plain);
    } else if (closed != nullptr) {
      closed->push_back(Message(plain.status()));
    }
  });
  return opened;
}

Organisation Sealed(const Organisation& organisation, const Organisation* present, const Vault* vault) {
  Organisation sealed = organisation;
  if (vault == nullptr) return sealed;
  std::unordered_map<std::string, std::string> kept;  // by place
  if (present != nullptr) {
    Organisation copy = *present;
    ForEachSecret(copy, [&](const std::string& place, std::string& secret) {
      if (vault->IsCurrent(secret)) kept.try_emplace(place, secret);
    });
  }
  ForEachSecret(sealed, [&](const std::string& place, std::string& secret) {
    const absl::StatusOr<std::string> plain = vault->Unseal(secret, place);
    if (secret.empty() || !plain.ok()) return;  // one that cannot be opened stays what it is
    const auto found = kept.find(place);
    const absl::StatusOr<std::string> before =
        found == kept.end() ? absl::NotFoundError("") : vault->Unseal(found->second, place);
    secret = before.ok() && *before == *plain ? found->second : vault->Seal(*plain, place);
  });
  return sealed;
}

bool IsSealed(const Organisation& organisation, const Vault& vault) {
  Organisation copy = organisation;
  bool all = true;
  ForEachSecret(copy, [&](const std::string& place, std::string& secret) {
    const bool can_be = vault.Unseal(secret, place).ok();
    if (!secret.empty() && can_be && !vault.IsCurrent(secret)) all = false;
  });
  return all;
}

std::string PlaceOfMethod(const UserId& user, const ReceiverId& receiver, const ContactMethodId& method) {
  if (user.set()) return absl::StrFormat("users[%s].contact_methods[%s].secret", user.value(), method.value());
  return absl::StrFormat("receivers[%s].targets[%s].secret", receiver.value(), method.value());
}

std::string PlaceOfSigning(const IntegrationId& integration) {
  return absl::StrFormat("integrations[%s].signing_secret", integration.value());
}

}  // namespace tocsin
