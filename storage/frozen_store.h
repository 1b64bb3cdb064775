// What a backup copies from: the files of a store as they are at one journal entry, while the server goes on or with it
// stopped. Nothing here holds the engine up, and nothing that is read here changes while it is read.
//
// Of a running store: hard links in data/backup/ to the files of the views and of the journal from ReplayFrom on. RocksDB
// never changes a table that it has written, and the journal nothing before its last commit's end; both may unlink theirs.
// So a slow copy costs the disk what was deleted meanwhile, nothing else, until this goes. A crash leaves the folder,
// which the next start sweeps.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "base/hash.h"
#include "storage/folder_lock.h"
#include "storage/journal.h"

namespace tocsin {

class Views;

class FrozenStore {
 public:
  struct File {
    std::string name;  // below the store's folder: "journal/mark"
    std::uint64_t size = 0;
  };

  // See Store::Freeze. `position`: everything up to it is in the views and the checkpoint.
  static absl::StatusOr<std::unique_ptr<FrozenStore>> OfRunning(
      const std::string& folder,
      Views& views,
      Sequence position,
      Hash128 store,
      absl::FunctionRef<absl::StatusOr<Journal::Standing>()> stand);
  // Of a store that no server uses; it is locked until this goes. FailedPrecondition: in use. DataLoss: damaged.
  static absl::StatusOr<std::unique_ptr<FrozenStore>> OfStopped(const std::string& folder);
  // Removes what an earlier run has left.
  static absl::Status Sweep(const std::string& folder);

  ~FrozenStore();
  FrozenStore(const FrozenStore&) = delete;
  FrozenStore& operator=(const FrozenStore&) = delete;

  Sequence last() const { return last_; }
  Hash128 store() const { return store_; }
  const std::vector<File>& files() const { return files_; }
  // Bytes of one file from `offset` on, at most `limit`; empty at its end.
  absl::StatusOr<std::string> Read(std::size_t file, std::uint64_t offset, std::size_t limit) const;

 private:
  explicit FrozenStore(std::string folder) : folder_(std::move(folder)) {}
  absl::Status LinkViews(Views& views);
  absl::Status LinkJournal(const Journal::Standing& standing, Sequence position);
  absl::Status CopySecrets(const std::string& from);
  absl::Status Add(const std::string& name);
  absl::Status AddFolder(const std::string& name);

  std::string folder_;    // in which files_ are
  bool is_ours_ = false;  // made for this, and removed with it
  FolderLock lock_;
  Hash128 store_;
  Sequence last_;
  std::vector<File> files_;
};

}  // namespace tocsin
