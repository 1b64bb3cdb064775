// A store made of a backup, of a backup and a journal's archive, or of an archive alone.
//
// Everything is written into data/restore.partial first. Nothing in `data` can be started before all of it is there and durable; what was
// interrupted is begun anew. The restored store leads with an epoch of its own (the Unix second), so that its entries are never taken for
// those of the store that may have gone on elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "storage/backup.h"
#include "storage/restore_journal.h"

namespace tocsin {

// data/restored: text that says when and to which point the store was restored, for people and for `tocsin audit verify`.
inline constexpr std::string_view kRestoredFile = "restored";

struct RestoreRequest {
  std::string backup;                 // empty: the archive reaches from the first entry
  std::string archive;                // empty: to where the backup ends
  std::optional<std::uint32_t> line;  // of the archive; else the newest that continues the backup
  RestorePoint point;
};

struct Restored {
  std::optional<BackupManifest> backup;
  Hash128 store;
  Sequence sequence;  // of its last entry
  // Of a restore with an archive:
  std::string line;  // its folder
  Stretch stretch;
  std::vector<std::string> other_lines;  // that continue the backup, too; with what they have
};

// `data` must be empty, not there, or hold a restore that was interrupted. `check` sees the store before it gets its place; what it
// refuses is not restored.
absl::StatusOr<Restored> RestoreStore(const RestoreRequest& request,
                                      const std::string& data,
                                      absl::Time now,
                                      absl::FunctionRef<absl::Status(const std::string& staging)> check);

// FailedPrecondition when no server must start in `folder`: it is a backup, or a restore into it was interrupted.
absl::Status RefuseBackups(FileSystem& files, const std::string& folder);

// What data/restored says; empty: the store was never restored.
std::string RestoredNote(FileSystem& files, const std::string& folder);

}  // namespace tocsin
