#include "server/sealing.h"

#include <filesystem>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "config/seal.h"
#include "storage/backup.h"
#include "storage/folder_lock.h"
#include "storage/format_file.h"
#include "storage/rewrite_rows.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

Vault::Options OptionsOf(const ServeOptions& options) {
  return {.folder = options.data, .master_file = options.secrets_key_file};
}

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

void TellOf(const Vault& vault) {
  if (!vault.lies_beside()) return;
  LogInfo(
      "secrets are encrypted on the disk by a key that lies beside them, which protects backups and copies of single "
      "files, and not "
      "against whoever reads the whole folder: --secrets_key_file, or the systemd credential secrets.key, keep it "
      "elsewhere",
      {
          {"file", vault.source()}
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Vault>> OpenVaultOf(const ServeOptions& options) {
  if (!fs::exists(options.data + "/FORMAT")) return nullptr;
  // Nothing is written into what is no store of ours to open.
  TOCSIN_TRY(RefuseBackups(PosixFileSystem(), options.data));
  TOCSIN_TRY(ReadFormat(PosixFileSystem(), options.data).status());
  TOCSIN_TRY(FolderLock::Take(options.data).status());
  // Says that it is being done, so that one that was interrupted is done again.
  const std::string mark = options.data + "/secrets.sealing";
  const bool is_open = !fs::exists(absl::StrFormat("%s/%s", options.data, kDataKeysName)) || fs::exists(mark);
  if (is_open) {
    TOCSIN_TRY(
        WriteFileAtomically(PosixFileSystem(), options.data, "secrets.sealing", "secrets are being encrypted\n"));
  }
  TOCSIN_ASSIGN(std::unique_ptr<Vault> vault, Vault::Open(OptionsOf(options)));
  TellOf(*vault);
  if (!is_open) return vault;
  TOCSIN_ASSIGN(const std::uint64_t rows,
                RewriteRows(PosixFileSystem(), options.data, [&](Row& row) { return SealRow(*vault, row); }));
  std::error_code ignored;
  fs::remove(mark, ignored);
  LogWarning(
      "the secrets that a former version kept open have been encrypted. The journal and what is recorded for replays "
      "have them as they "
      "were until that is trimmed (--history_days), and so have older backups: change the secrets if that matters",
      {
          {"rows", rows}
  });
  return vault;
}

absl::StatusOr<std::unique_ptr<Vault>> MakeVault(const ServeOptions& options) {
  TOCSIN_ASSIGN(std::unique_ptr<Vault> vault, Vault::Open(OptionsOf(options)));
  TellOf(*vault);
  return vault;
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
