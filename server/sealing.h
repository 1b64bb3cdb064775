// How the server keeps its secrets on the disk: config/vault.h.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "config/vault.h"
#include "engine/pipeline.h"
#include "model/response.h"
#include "server/flags.h"

namespace tocsin {

// The keys of a store that has been opened, made where there are none. `is_used`: it has been there before. `is_open`: a former version has
// kept its secrets as they are, and SealStore is to be called, with the store closed.
absl::StatusOr<std::unique_ptr<Vault>> OpenVault(const ServeOptions& options, bool is_used, bool& is_open);
// Seals what lies open in the views.
absl::Status SealStore(const Vault& vault, const ServeOptions& options);

// Applies what is in force once more where its secrets are not sealed by the newest key.
absl::Status Reseal(Engine& engine, const Vault& vault);

// With the secret of its contact method opened. DataLoss: it cannot be.
absl::StatusOr<Notification> OpenedFor(const Vault& vault, const Notification& notification);

// For the notifier; says in the log which secrets cannot be opened.
OrganisationPtr OpenedForUse(const Vault& vault, const OrganisationPtr& organisation);

}  // namespace tocsin
