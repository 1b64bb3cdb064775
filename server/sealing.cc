#include "server/sealing.h"

#include <filesystem>
#include <vector>

#include "absl/time/clock.h"

#include "base/log.h"
#include "base/status.h"
#include "config/master_key.h"
#include "config/seal.h"
#include "storage/rewrite_rows.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = "secrets.sealing";

bool SealRow(const Vault& vault, Row& row) {
  if (auto* organisation = std::get_if<OrganisationPtr>(&row)) {
    if (*organisation == nullptr || IsSealed(**organisation, vault)) return false;
    *organisation = std::make_shared<const Organisation>(Sealed(**organisation, nullptr, &vault));
    return true;
  }
  if (auto* version = std::get_if<ConfigurationVersion>(&row)) {
    if (version->organisation == nullptr || IsSealed(*version->organisation, vault)) return false;
    version->organisation = std::make_shared<const Organisation>(Sealed(*version->organisation, nullptr, &vault));
    return true;
  }
  if (auto* message = std::get_if<Notification>(&row)) {
    std::string& secret = message->method.secret;
    if (secret.empty() || Vault::IsSealed(secret)) return false;
    secret = vault.Seal(secret, PlaceOfMethod(message->user, message->receiver, message->method.id));
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Vault>> OpenVault(const ServeOptions& options, bool is_used, bool& is_open) {
  // Says that it is being done, so that one that was interrupted is done again.
  const bool is_first = is_used && !fs::exists(absl::StrFormat("%s/%s", options.data, kDataKeysName));
  if (is_first) {
    TOCSIN_TRY(
        WriteFileAtomically(PosixFileSystem(), options.data, std::string(kMark), "secrets are being encrypted\n"));
  }
  is_open = fs::exists(absl::StrFormat("%s/%s", options.data, kMark));
  TOCSIN_ASSIGN(std::unique_ptr<Vault> vault,
                Vault::Open({.folder = options.data, .master_file = options.secrets_key_file}));
  if (vault->lies_beside()) {
    LogInfo(
        "secrets are encrypted on the disk by a key that lies beside them, which protects backups and copies of single "
        "files, and not against whoever reads the whole folder: --secrets_key_file, or the systemd credential "
        "secrets.key, keep it elsewhere",
        {
            {"file", vault->source()}
    });
  }
  if (const std::string warning = WarningOfMasterKey(*vault); !warning.empty()) {
    LogWarning("look at the master key of the secrets", {
                                                            {"file",    vault->source()},
                                                            {"problem", warning        }
    });
  }
  return vault;
}

absl::Status SealStore(const Vault& vault, const ServeOptions& options) {
  TOCSIN_ASSIGN(const std::uint64_t rows, RewriteRows(PosixFileSystem(), options.data, absl::Now(),
                                                      [&](Row& row) { return SealRow(vault, row); }));
  std::error_code ignored;
  fs::remove(absl::StrFormat("%s/%s", options.data, kMark), ignored);
  LogWarning(
      "the secrets that a former version kept open have been encrypted. The journal and what is recorded for replays "
      "have them as they were until that is trimmed (--history_days), and so have older backups: change the secrets if "
      "that matters",
      {
          {"rows", rows}
  });
  return absl::OkStatus();
}

absl::Status Reseal(Engine& engine, const Vault& vault) {
  OrganisationPtr current;
  engine.ReadResponderAndWait(
      [&](const Responder& responder, const Now&) { current = responder.state().organisation; });
  if (!current || IsSealed(*current, vault)) return absl::OkStatus();
  ApplyOrganisation apply;
  apply.organisation = std::make_shared<const Organisation>(Sealed(*current, current.get(), &vault));
  apply.reason = absl::StrFormat("its secrets are encrypted by key %d", vault.newest());
  return engine.ExecuteAndWait({"", "server", apply, "server"}).status;
}

absl::StatusOr<Notification> OpenedFor(const Vault& vault, const Notification& notification) {
  Notification opened = notification;
  TOCSIN_ASSIGN(opened.method.secret,
                vault.Unseal(notification.method.secret,
                             PlaceOfMethod(notification.user, notification.receiver, notification.method.id)));
  return opened;
}

OrganisationPtr OpenedForUse(const Vault& vault, const OrganisationPtr& organisation) {
  if (organisation == nullptr) return nullptr;
  std::vector<std::string> closed;
  auto opened = std::make_shared<const Organisation>(Opened(*organisation, &vault, &closed));
  for (const std::string& why : closed)
    LogError("a secret of the configuration cannot be read; what needs it does not work until it is applied again",
             {
                 {"secret", why}
    });
  return opened;
}

}  // namespace tocsin
