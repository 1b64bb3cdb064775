// restore: a store made of a backup, and of a journal's archive up to a point in time.
#include "storage/restore.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/folder_owner.h"
#include "cli/output.h"
#include "cli/session.h"
#include "engine/pipeline_state.h"
#include "storage/labelled_lines.h"

namespace tocsin {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string>>;

// As ShowTime, to the millisecond: points in time are chosen by them.
std::string Show(absl::Time at) {
  const absl::TimeZone zone = absl::LocalTimeZone();
  const bool is_utc = zone.At(at).offset == 0;
  return absl::FormatTime(is_utc ? "%Y-%m-%d %H:%M:%E3S UTC" : "%Y-%m-%d %H:%M:%E3S%Ez", at, zone);
}

std::uint64_t BytesOf(const BackupManifest& manifest) {
  std::uint64_t bytes = 0;
  for (const BackupManifest::File& file : manifest.files)
    bytes += file.size;
  return bytes;
}

absl::StatusOr<RestoreRequest> RequestOf(const Arguments& parsed) {
  RestoreRequest request;
  request.archive = parsed.get("archive");
  const std::size_t folders = parsed.positional().size();
  if (folders < 1 || folders > 2 || (folders == 1 && request.archive.empty())) {
    return Invalid(
        "from where and into which folder? tocsin restore BACKUP DATA; DATA must be empty or not there. BACKUP may be "
        "left out with --archive, when the archive reaches from the first entry");
  }
  if (folders == 2) request.backup = parsed.positional()[0];
  if (request.archive.empty() && (parsed.has("until") || parsed.has("until-entry") || parsed.has("line")))
    return Invalid("--until, --until-entry and --line need --archive: a backup alone has one point in time");
  if (parsed.has("until") && parsed.has("until-entry")) return Invalid("--until or --until-entry, not both");
  if (parsed.has("until")) {
    TOCSIN_ASSIGN(request.point.until, ParseInstant(parsed.get("until")));
  }
  if (parsed.has("until-entry")) {
    std::uint64_t entry = 0;
    if (!absl::SimpleAtoi(parsed.get("until-entry"), &entry) || entry == 0)
      return Invalid("--until-entry: %s is no entry's number", parsed.get("until-entry"));
    request.point.until_entry = Sequence(entry);
  }
  if (parsed.has("line")) {
    TOCSIN_ASSIGN(request.line, NumberOf(parsed, "line", 0, 1, 999'999));
  }
  return request;
}

// The state that the backup says it holds is what everything after it builds on.
absl::Status CheckBackup(const RestoreRequest& request) {
  if (request.backup.empty() || request.archive.empty()) return absl::OkStatus();
  TOCSIN_ASSIGN(const BackupManifest manifest, VerifyBackup(request.backup));
  TOCSIN_ASSIGN(const StateAt state, HashStore(PosixFileSystem(), request.backup));
  if (manifest.sequence == state.sequence && manifest.state_hash == state.hash) return absl::OkStatus();
  return DataLoss("%s: says entry %d and state hash %016x, and makes another state: nothing was restored",
                  request.backup, manifest.sequence.value(), manifest.state_hash);
}

void PrintPoint(const Restored& restored) {
  const Stretch& stretch = restored.stretch;
  std::printf("ends with entry %llu, decided %s: %llu entries of %s%s\n",
              static_cast<unsigned long long>(restored.sequence.value()), Show(stretch.at).c_str(),
              static_cast<unsigned long long>(stretch.entries()), restored.line.c_str(),
              restored.backup ? " after the backup" : "");
  if (restored.sequence < stretch.line_last) {
    std::printf(
        "left out: entries %llu to %llu, up to %s: acknowledgements, notes, silences, changes of the "
        "configuration and alerts of that time are not in it\n",
        static_cast<unsigned long long>(restored.sequence.value() + 1),
        static_cast<unsigned long long>(stretch.line_last.value()), Show(stretch.line_to).c_str());
  }
  for (const std::string& note : stretch.notes)
    std::printf("note: %s\n", note.c_str());
  for (const std::string& line : restored.other_lines)
    std::printf("note: another line goes on from there, too (--line): %s\n", line.c_str());
}

void Print(const Restored& restored, const std::string& data, const std::string& state_hash) {
  std::printf("store %s at entry %llu, state hash %s%s\n", HashText(restored.store).c_str(),
              static_cast<unsigned long long>(restored.sequence.value()), state_hash.c_str(),
              restored.backup ? absl::StrFormat(", from the backup of %s: %d files, %.1f MiB",
                                                Show(restored.backup->taken_at), restored.backup->files.size(),
                                                static_cast<double>(BytesOf(*restored.backup)) / (1 << 20))
                                    .c_str()
                              : "");
  if (!restored.line.empty()) PrintPoint(restored);
  std::printf(
      "restored into %s. Before the server starts:\n"
      "  1. Put the master key there: secrets.key of the store that was backed up, which is in no backup, or give it "
      "by\n"
      "     --secrets_key_file. Is it lost for good, move secrets.keys, link.key and audit.key out of that folder and "
      "apply\n"
      "     the configuration anew with all of its secrets: nothing else is lost.\n"
      "  2. Let the server's user own the folder, e.g. chown -R tocsin: %s\n"
      "  3. Stop the server that was backed up, if it still runs: both would page.\n",
      data.c_str(), data.c_str());
}

void PrintAsJson(const Restored& restored, const std::string& data, const std::string& state_hash) {
  Fields fields = {
      {"folder",    data                                     },
      {"storeId",   HashText(restored.store)                 },
      {"sequence",  std::to_string(restored.sequence.value())},
      {"stateHash", state_hash                               }
  };
  if (restored.backup) {
    fields.emplace_back("takenAt",
                        absl::FormatTime(absl::RFC3339_full, restored.backup->taken_at, absl::UTCTimeZone()));
    fields.emplace_back("files", std::to_string(restored.backup->files.size()));
    fields.emplace_back("bytes", std::to_string(BytesOf(*restored.backup)));
  }
  if (!restored.line.empty()) {
    const Stretch& stretch = restored.stretch;
    fields.emplace_back("line", restored.line);
    fields.emplace_back("until", absl::FormatTime(absl::RFC3339_full, stretch.at, absl::UTCTimeZone()));
    fields.emplace_back("archivedEntries", std::to_string(stretch.entries()));
    fields.emplace_back("leftOut", std::to_string(stretch.line_last.value() - restored.sequence.value()));
  }
  PrintJson(fields);
}

}  // namespace

int RunRestore(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"archive",     0, true, "DIR",  "go on from the backup with this archive of the journal"                       },
      {"until",       0, true, "TIME", "end with the last entry decided at or before it (default: the archive's last)"},
      {"until-entry", 0, true, "N",    "end with this entry"                                                          },
      {"line",        0, true, "N",    "of the archive (default: the newest that goes on from the backup)"            },
      kOutputOption
  };
  return WithArguments("restore", arguments, own, [](const Arguments& parsed) -> absl::Status {
    TOCSIN_TRY(CheckOutput(parsed));
    TOCSIN_ASSIGN(const RestoreRequest request, RequestOf(parsed));
    const std::string& data = parsed.positional().back();
    TOCSIN_TRY(CheckBackup(request));
    const FolderOwner owner(data);
    std::string hash;
    // Of a backup alone its manifest says it; `tocsin verify` proves it.
    const auto fold = [&](const std::string& staging) -> absl::Status {
      if (request.archive.empty()) return absl::OkStatus();
      TOCSIN_ASSIGN(const StateAt state, HashStore(PosixFileSystem(), staging));
      hash = absl::StrFormat("%016x", state.hash);
      return absl::OkStatus();
    };
    TOCSIN_ASSIGN(const Restored restored, RestoreStore(request, data, absl::Now(), fold));
    if (hash.empty()) hash = absl::StrFormat("%016x", restored.backup->state_hash);
    WantsJson(parsed) ? PrintAsJson(restored, data, hash) : Print(restored, data, hash);
    return absl::OkStatus();
  });
}

}  // namespace tocsin
