// backup.
#include "storage/backup.h"

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/hash.h"
#include "base/status.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/times.h"
#include "engine/pipeline_state.h"
#include "model/codec/common_proto.h"
#include "storage/frozen_store.h"

namespace tocsin {
namespace {

using v1::BackupService;

constexpr std::size_t kPieceBytes = 1 << 20;

std::string Describe(const BackupManifest& manifest) {
  std::uint64_t bytes = 0;
  for (const BackupManifest::File& file : manifest.files)
    bytes += file.size;
  return absl::StrFormat("store %016x%016x at entry %d, state hash %016x, taken %s: %d files, %.1f MiB",
                         manifest.store.high, manifest.store.low, manifest.sequence.value(), manifest.state_hash,
                         ShowTime(manifest.taken_at), manifest.files.size(), static_cast<double>(bytes) / (1 << 20));
}

// Offset by offset, so that neither side ever holds more than a piece.
absl::Status PullFile(
    const Client& client, const std::string& id, std::uint32_t number, std::uint64_t size, BackupWriter& to) {
  v1::ReadBackupRequest request;
  request.set_id(id);
  request.set_file(number);
  while (request.offset() < size) {
    TOCSIN_ASSIGN(const auto piece, client.Call<BackupService>(&BackupService::Stub::ReadBackup, request));
    if (Hash64(piece.data()) != piece.hash()) return DataLoss("a piece was damaged on the way; try again");
    if (piece.data().empty()) return DataLoss("the server ended the file at byte %d of %d", request.offset(), size);
    TOCSIN_TRY(to.Append(piece.data()));
    request.set_offset(request.offset() + piece.data().size());
  }
  return absl::OkStatus();
}

absl::Status Pull(const Client& client, const v1::BeginBackupResponse& begun, BackupWriter& to) {
  for (int i = 0; i < begun.files_size(); ++i) {
    const auto& file = begun.files(i);
    TOCSIN_TRY(to.Begin(file.name()));
    TOCSIN_TRY(Annotate(PullFile(client, begun.id(), static_cast<std::uint32_t>(i), file.size(), to), file.name()));
    TOCSIN_TRY(to.End());
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupManifest> ManifestOf(const v1::BeginBackupResponse& begun) {
  BackupManifest manifest;
  manifest.version = begun.version();
  TOCSIN_TRY(Annotate(FromProto(begun.taken_at(), manifest.taken_at), "taken_at"));
  manifest.sequence = Sequence(begun.sequence());
  manifest.state_hash = begun.state_hash();
  const auto part = [&](std::size_t at) {
    return begun.store_id().size() == 32 ? std::strtoull(begun.store_id().substr(at, 16).c_str(), nullptr, 16) : 0;
  };
  manifest.store = {part(0), part(16)};
  return manifest;
}

absl::Status BackUpRunning(const Client& client, const std::string& folder) {
  TOCSIN_ASSIGN(const std::unique_ptr<BackupWriter> writer, BackupWriter::Create(folder));
  TOCSIN_ASSIGN(const auto begun,
                client.Call<BackupService>(&BackupService::Stub::BeginBackup, v1::BeginBackupRequest()));
  const absl::Status pulled = Pull(client, begun, *writer);
  v1::EndBackupRequest end;
  end.set_id(begun.id());
  const absl::Status ended = client.Call<BackupService>(&BackupService::Stub::EndBackup, end).status();
  TOCSIN_TRY(pulled);
  if (!ended.ok() && !absl::IsNotFound(ended)) std::fprintf(stderr, "tocsin backup: %s\n", Message(ended).c_str());
  TOCSIN_ASSIGN(const BackupManifest manifest, ManifestOf(begun));
  return writer->Finish(manifest);
}

absl::Status BackUpStopped(const std::string& data, const std::string& folder) {
  TOCSIN_ASSIGN(const std::unique_ptr<BackupWriter> writer, BackupWriter::Create(folder));
  TOCSIN_ASSIGN(const std::unique_ptr<FrozenStore> frozen, FrozenStore::OfStopped(data));
  TOCSIN_ASSIGN(const StateAt state, HashStore(PosixFileSystem(), data));
  for (std::size_t i = 0; i < frozen->files().size(); ++i) {
    TOCSIN_TRY(writer->Begin(frozen->files()[i].name));
    for (std::uint64_t at = 0; at < frozen->files()[i].size;) {
      TOCSIN_ASSIGN(const std::string piece, frozen->Read(i, at, kPieceBytes));
      TOCSIN_TRY(writer->Append(piece));
      at += piece.size();
    }
    TOCSIN_TRY(writer->End());
  }
  BackupManifest manifest;
  manifest.version = std::string(kVersion);
  manifest.store = frozen->store();
  manifest.taken_at = absl::Now();
  manifest.sequence = state.sequence;
  manifest.state_hash = state.hash;
  return writer->Finish(manifest);
}

// `next`: what is to be said to a person beside.
void Print(const Arguments& parsed,
           const BackupManifest& manifest,
           const std::string& folder,
           const std::string& next) {
  if (!WantsJson(parsed)) {
    std::printf("%s\n%s\n", Describe(manifest).c_str(), next.c_str());
    return;
  }
  std::uint64_t bytes = 0;
  for (const BackupManifest::File& file : manifest.files)
    bytes += file.size;
  const std::pair<std::string_view, std::string> fields[] = {
      {"folder",                                   folder                                    },
      {"storeId",                                  absl::StrFormat("%016x%016x",               manifest.store.high, manifest.store.low)},
      {"sequence",                       std::to_string(manifest.sequence.value())                                                                },
      {"stateHash",absl::StrFormat("%016x",manifest.state_hash)},
      {"takenAt",                                         absl::FormatTime(absl::RFC3339_full,                                                                                                           manifest.taken_at, absl::UTCTimeZone())},
      {"files",                                  std::to_string(manifest.files.size())},
      {"bytes",                      std::to_string(bytes)                                                               }
  };
  PrintJson(fields);
}

// What was written is read again: a backup that cannot be read is none.
absl::Status Show(const Arguments& parsed, const std::string& folder) {
  TOCSIN_ASSIGN(const BackupManifest manifest, VerifyBackup(folder));
  Print(parsed, manifest, folder, absl::StrFormat("written to %s; the master key of its secrets is not in it", folder));
  return absl::OkStatus();
}

absl::StatusOr<std::string> FolderGiven(const Arguments& parsed) {
  if (parsed.positional().size() == 1) return parsed.positional()[0];
  return Invalid("into which folder? one that is not there yet: tocsin backup FOLDER");
}

}  // namespace

int RunBackup(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"data", 0, true, "DIR",
       "the folder of a store whose server is stopped; without it the running server is asked"}
  };
  const auto gives_data = [](const std::string& argument) { return argument.starts_with("--data"); };
  if (std::ranges::any_of(arguments, gives_data)) {
    const OptionSpec offline[] = {own[0], kOutputOption};
    return WithArguments("backup", arguments, offline, [](const Arguments& parsed) -> absl::Status {
      TOCSIN_TRY(CheckOutput(parsed));
      TOCSIN_ASSIGN(const std::string folder, FolderGiven(parsed));
      TOCSIN_TRY(BackUpStopped(parsed.get("data"), folder));
      return Show(parsed, folder);
    });
  }
  return WithClient("backup", arguments, own, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const std::string folder, FolderGiven(parsed));
    TOCSIN_TRY(BackUpRunning(client, folder));
    return Show(parsed, folder);
  });
}

}  // namespace tocsin
