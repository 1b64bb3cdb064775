// The journal's part of a restore to a point in time: how far to go in a line of an archive, and the backup's journal with the entries up
// to there (storage/restore.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "storage/archive.h"
#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin {

// Neither: up to the line's end.
struct RestorePoint {
  // The last commit whose wall time is not after it. Where the clock was put back that is the last one of several that could be meant.
  std::optional<absl::Time> until;
  std::optional<Sequence> until_entry;
};

// Whole commits of a line, one after the other.
struct Stretch {
  journal::Link from;  // what is there already ends here
  journal::Link to;    // where it ends with these
  absl::Time at;       // wall time of the last entry before `to`
  Sequence line_last;  // of the line: what comes after `to` is left out
  absl::Time line_to;
  std::vector<std::string> notes;  // what whoever restores should know, a sentence each

  std::uint64_t entries() const { return to.next.value() - from.next.value(); }
};

// Reads and checks the line from `from` on, which is where a journal ends whose last entry is of `from_at`. FailedPrecondition: the point is
// before `from`, or the line does not reach it. DataLoss: what is before the point is damaged or missing, or is no continuation of `from`.
absl::StatusOr<Stretch> FindStretch(FileSystem& archive,
                                    const ArchiveLine& line,
                                    const journal::Link& from,
                                    absl::Time from_at,
                                    const RestorePoint& point);

// Adds them to a journal that ends at `stretch.from`, as segments of their own, and makes the mark anew; an empty folder becomes a journal.
// Durable when it returns; what a crash leaves is no journal to be opened.
absl::Status AppendStretch(FileSystem& archive,
                           const ArchiveLine& line,
                           const Stretch& stretch,
                           FileSystem& files,
                           const std::string& journal_folder);

}  // namespace tocsin
