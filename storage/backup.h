// A backup: a folder that holds a store as of one journal entry, and a MANIFEST with what belongs to it. Its
// secrets are sealed, and what opens them is not in it (config/vault.h).
//
//   tocsin backup
//   format 1
//   version 0.1.0                  of the program that wrote it
//   store 5f0c...                  128 bits
//   taken 2026-11-22T03:00:00Z
//   sequence 18211                 of the last journal entry in it
//   state_hash 91ab...             of all alerts, groups, pages ... after that entry, from the live engine's memory
//   file 8192 03f7... journal/mark a line each: size, XXH3-128 as xxh128sum prints it, name
//   checksum 7d41...               of all lines above
//
// The hashes guard against rot and mix-ups, not against forgers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/hash.h"
#include "model/ids.h"
#include "storage/file.h"

namespace tocsin {

// What a store's folder has beside journal and views that cannot be made again. FORMAT first: no store is without it. Keys are sealed;
// what opens them (secrets.key), and what opens doors (admin.token), is in no backup.
inline constexpr std::string_view kStoreFiles[] = {"FORMAT", "link.key", "secrets.keys", "dead-letters"};

struct BackupManifest {
  struct File {
    std::string name;
    std::uint64_t size = 0;
    Hash128 hash;
    friend bool operator==(const File&, const File&) = default;
  };
  std::string version;
  Hash128 store;
  absl::Time taken_at;
  Sequence sequence;
  std::uint64_t state_hash = 0;
  std::vector<File> files;
  friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};
std::string EncodeManifest(const BackupManifest& manifest);
// DataLoss: damaged. FailedPrecondition: of a newer program.
absl::StatusOr<BackupManifest> DecodeManifest(std::string_view text);

// Writes a backup, file by file, under `folder`.partial; Finish gives it its name. What is not finished is removed, but for a
// crash: then the next one of that name begins with removing it.
class BackupWriter {
 public:
  // AlreadyExists: there is something at `folder`.
  static absl::StatusOr<std::unique_ptr<BackupWriter>> Create(const std::string& folder);
  ~BackupWriter();
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  absl::Status Begin(const std::string& name);
  absl::Status Append(std::string_view bytes);
  absl::Status End();
  // `manifest` says all but the files.
  absl::Status Finish(BackupManifest manifest);
  std::uint64_t bytes() const;  // written so far

 private:
  class Impl;
  explicit BackupWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether `folder` is a backup: it has a MANIFEST.
bool IsBackup(FileSystem& files, const std::string& folder);

// Reads every byte of a backup. DataLoss names the first file that is missing, is not what the manifest says, or is not in it.
absl::StatusOr<BackupManifest> VerifyBackup(const std::string& folder);

// For restores: the manifest of a backup that holds just the files that it should.
absl::StatusOr<BackupManifest> CheckNames(const std::string& folder);
// Reads a file of a backup to its end and compares it with the manifest; `visit` sees each piece.
absl::Status ReadBackupFile(const std::string& folder,
                            const BackupManifest::File& expected,
                            absl::FunctionRef<absl::Status(std::uint64_t offset, std::string_view bytes)> visit);

}  // namespace tocsin
