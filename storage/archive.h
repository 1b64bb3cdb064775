// An archive of journals: a folder on another disk to which servers copy what their journals have (storage/archiver.h), and from which a
// backup is brought up to a later point in time (storage/restore.h). docs/adr/0011-journal-archive.md has the reasons.
//
//   ARCHIVE/5f0c.../             of one store, by its id
//   ARCHIVE/5f0c.../line-000001/ one gapless chain of entries
//     LINE                       text: when and why it was begun
//     *.piece                    the entries (storage/archive_piece.h), each in at least one piece
//     FORMAT, link.key, secrets.keys, dead-letters   as the store had them last
//
// What does not continue a line begins a new one: a store that was restored, or has given up entries, or could not archive some of them
// in time. So nothing that is in an archive is ever overwritten by another history of the same store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/hash.h"
#include "storage/archive_piece.h"
#include "storage/file.h"

namespace tocsin {

struct ArchiveLine {
  std::string folder;
  std::uint32_t number = 0;
  Hash128 store;
  std::string why;                   // it was begun
  std::vector<ArchivePiece> pieces;  // each continues the one before; oldest first
  // OK, or the first that is wrong, with the file's name: what comes after it is in no piece above.
  absl::Status damage;

  bool empty() const { return pieces.empty(); }
  Sequence first() const { return pieces.front().first(); }
  Sequence next() const { return pieces.back().next; }
  absl::Time from() const { return pieces.front().from; }
  absl::Time to() const { return pieces.back().to; }
  std::uint64_t bytes() const;
};

// Of one store or, with none given, of all; oldest first. Reads what the pieces say of themselves, not the entries. NotFound: there is no
// such folder. InvalidArgument: it is no archive.
absl::StatusOr<std::vector<ArchiveLine>> ReadArchive(FileSystem& files, const std::string& archive, Hash128 store = {});
// Reads every byte of a line.
absl::Status VerifyLine(FileSystem& files, const ArchiveLine& line);

// Whether the chain that `line` holds goes through `link`: its entry before `link.next` is the one with that hash.
absl::StatusOr<bool> GoesThrough(FileSystem& files, const ArchiveLine& line, const journal::Link& link);

// Deletes the pieces of a line that hold nothing after `last`, oldest first; returns how many bytes they had.
absl::StatusOr<std::uint64_t> PruneLine(FileSystem& files, const ArchiveLine& line, Sequence last);

// Names within an archive.
std::string StoreFolder(const std::string& archive, const Hash128& store);
std::string LineName(std::uint32_t number);
std::optional<std::uint32_t> ParseLineName(std::string_view name);
inline constexpr std::string_view kLineFile = "LINE";

}  // namespace tocsin
