// verify, recover: on the store's files, with the server stopped.
#include "storage/store.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/archive.h"
#include "cli/commands.h"
#include "cli/folder_owner.h"
#include "cli/output.h"
#include "cli/session.h"
#include "engine/pipeline_state.h"
#include "storage/backup.h"
#include "storage/verify.h"

namespace tocsin {
namespace {

constexpr OptionSpec kData = {"data", 0, true, "DIR", "the store's folder (default ./data)"};

using Fields = std::vector<std::pair<std::string_view, std::string>>;

void Add(const Journal::Recovery& found, Fields& fields) {
  fields.emplace_back("firstSequence", std::to_string(found.first.value()));
  fields.emplace_back("lastSequence", std::to_string(found.last.value()));
  fields.emplace_back("mark", std::to_string(found.mark.value()));
  fields.emplace_back("unsyncedBytes", std::to_string(found.torn_bytes));
}

// What was found, and what of it is lost: the mark says how far the journal had come.
void Print(const Journal::Recovery& found) {
  std::printf("journal entries %llu to %llu, mark at %llu, %llu bytes of unsynced tail\n",
              static_cast<unsigned long long>(found.first.value()), static_cast<unsigned long long>(found.last.value()),
              static_cast<unsigned long long>(found.mark.value()), static_cast<unsigned long long>(found.torn_bytes));
  for (const std::string& note : found.notes)
    std::printf("%s\n", note.c_str());
  if (found.last < found.mark) {
    std::printf("lost: journal entries %llu to %llu, which had been acknowledged\n",
                static_cast<unsigned long long>(found.last.value() + 1),
                static_cast<unsigned long long>(found.mark.value()));
  } else if (found.notes.empty()) {
    std::printf("nothing was damaged, and nothing is lost\n");
  }
}

// What the live engine said of its memory when the backup was taken, and what its files make now.
absl::Status Compare(const BackupManifest& backup, const StateAt& state) {
  if (backup.sequence == state.sequence && backup.state_hash == state.hash) return absl::OkStatus();
  return DataLoss("the backup says entry %d and state hash %016x: it does not make the state that was backed up",
                  backup.sequence.value(), backup.state_hash);
}

}  // namespace

int RunVerify(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      kData, {"archive", 0, true, "DIR", "a journal's archive, every line of it"},
       kOutputOption
  };
  return WithArguments("verify", arguments, own, [](const Arguments& parsed) -> absl::Status {
    TOCSIN_TRY(CheckOutput(parsed));
    if (parsed.has("archive")) {
      if (parsed.has("data") || !parsed.positional().empty() || WantsJson(parsed))
        return Invalid("--archive stands alone");
      return VerifyArchive(parsed.get("archive"));
    }
    const std::string data = parsed.positional().empty() ? parsed.get("data", "./data") : parsed.positional()[0];
    if (parsed.positional().size() > 1) return Invalid("one folder at a time");
    std::optional<BackupManifest> backup;
    if (IsBackup(PosixFileSystem(), data)) {
      TOCSIN_ASSIGN(backup, VerifyBackup(data));
    }
    TOCSIN_ASSIGN(const StoreReport report, VerifyStore(PosixFileSystem(), data));
    if (!WantsJson(parsed)) {
      for (const std::string& line : Describe(report))
        std::printf("%s\n", line.c_str());
    }
    TOCSIN_ASSIGN(const StateAt state, HashStore(PosixFileSystem(), data));
    const std::string hash = absl::StrFormat("%016x", state.hash);
    if (!WantsJson(parsed)) {
      std::printf("state: hash %s after entry %llu\n", hash.c_str(),
                  static_cast<unsigned long long>(state.sequence.value()));
    }
    if (backup) TOCSIN_TRY(Compare(*backup, state));
    if (WantsJson(parsed)) {
      Fields fields = {
          {"folder",  data           },
          {"storeId", report.store_id}
      };
      Add(report.journal, fields);
      fields.emplace_back("stateHash", hash);
      fields.emplace_back("sequence", std::to_string(state.sequence.value()));
      fields.emplace_back("kind", backup ? "backup" : "store");
      PrintJson(fields);
      return absl::OkStatus();
    }
    std::printf("every checksum and link is right%s\n",
                backup ? "; the backup's files and state hash are what its manifest says" : "");
    return absl::OkStatus();
  });
}

int RunRecover(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      kData, {"accept-loss", 0, false, "", "cut the journal at the first damage; there is no way back"},
       kOutputOption
  };
  return WithArguments("recover", arguments, own, [](const Arguments& parsed) -> absl::Status {
    TOCSIN_TRY(CheckOutput(parsed));
    if (!parsed.has("accept-loss")) {
      return Invalid(
          "recovery cuts the journal at the first damage, and what came after it is lost; copy the folder first, "
          "then say --accept-loss");
    }
    Store::Options options;
    options.folder = parsed.get("data", "./data");
    if (!std::filesystem::exists(options.folder + "/FORMAT") && !std::filesystem::exists(options.folder + "/journal"))
      return NotFound("%s: there is no store; --data names the folder of one", options.folder);  // else one is made
    options.journal.accept_loss = true;
    const FolderOwner owner(options.folder);  // the store is closed before it
    TOCSIN_ASSIGN(const std::unique_ptr<Store> store, Store::Open(PosixFileSystem(), options));
    if (WantsJson(parsed)) {
      Fields fields = {
          {"folder", options.folder}
      };
      Add(store->journal().recovery(), fields);
      PrintJson(fields);
      return absl::OkStatus();
    }
    Print(store->journal().recovery());
    std::printf("the store opens; start the server\n");
    return absl::OkStatus();
  });
}

}  // namespace tocsin
