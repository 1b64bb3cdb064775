// secrets: the keys by which secrets on the disk are encrypted. On the store's files; the server may run.
#include <cstdio>
#include <filesystem>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "config/vault.h"

namespace tocsin {
namespace {

absl::Status Rotate(const Arguments& parsed) {
  const Vault::Options options{
      .folder = parsed.get("data", "./data"), .master_file = parsed.get("secrets-key-file"), .may_make = false};
  if (!std::filesystem::exists(options.folder + "/FORMAT"))
    return NotFound("%s: there is no store; --data names the folder of one", options.folder);
  if (parsed.has("new-key-file") && !parsed.has("master"))
    return Invalid("--new-key-file is the new master key: say --master");
  if (!parsed.has("master")) {
    TOCSIN_TRY(Vault::AddDataKey(options));
    std::printf(
        "there is a new data key. Start the server anew: it then encrypts all secrets of the configuration by it, as a "
        "new version. What "
        "was encrypted before stays readable with the former keys until retention takes it, and so does the journal\n");
    return absl::OkStatus();
  }
  TOCSIN_TRY(Vault::ChangeMaster(options, parsed.get("new-key-file")));
  if (parsed.has("new-key-file")) {
    std::printf(
        "the data keys are wrapped by the key in %s: start the server with --secrets_key_file, or the credential, of "
        "that from now on\n",
        parsed.get("new-key-file").c_str());
  } else {
    std::printf(
        "the data keys are wrapped by a new %s/secrets.key; keep a copy elsewhere. The former one opens older backups "
        "only\n",
        options.folder.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

int RunSecrets(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"data",             0, true,  "DIR",  "the store's folder (default ./data)"                        },
      {"secrets-key-file", 0, true,  "FILE",
       "the present master key, as of `tocsin serve` (default secrets.key in DIR)"                        },
      {"master",           0, false, "",     "a new master key instead of a new data key"                 },
      {"new-key-file",     0, true,  "FILE", "with --master: this one (default: a new secrets.key in DIR)"}
  };
  return WithArguments("secrets", arguments, own, [](const Arguments& parsed) -> absl::Status {
    if (parsed.positional().size() != 1 || parsed.positional()[0] != "rotate")
      return Invalid("tocsin secrets rotate; see --help");
    return Rotate(parsed);
  });
}

}  // namespace tocsin
