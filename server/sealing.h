// How the server keeps its secrets on the disk: config/vault.h.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "config/vault.h"
#include "model/response.h"
#include "server/flags.h"

namespace tocsin {

// Seals what a former version left open in the views of a store that is there: before it is opened. Null: there is no store yet.
absl::StatusOr<std::unique_ptr<Vault>> OpenVaultOf(const ServeOptions& options);
// Of a store that has just been made.
absl::StatusOr<std::unique_ptr<Vault>> MakeVault(const ServeOptions& options);

// With the secret of its contact method opened. DataLoss: it cannot be.
absl::StatusOr<Notification> OpenedFor(const Vault& vault, const Notification& notification);

// For the notifier; says in the log which secrets cannot be opened.
OrganisationPtr OpenedForUse(const Vault& vault, const OrganisationPtr& organisation);

}  // namespace tocsin
