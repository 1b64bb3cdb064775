// Copies a store's journal to an archive (storage/archive.h), a round at a time: closed segments whole, and of the open one what is new.
//
// Only what the mark vouches for is copied, so an archive never holds an entry that a recovery would cut off. What was trimmed meanwhile
// is taken from the recorded segments (storage/history.h); what they have given up, too, is a gap: a new line is begun, and Gap says so.
// A round holds nothing of the engine up: it reads files by itself. It leaves the archive whole at every moment; one that fails or dies
// is simply done again. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/hash.h"
#include "storage/archive_piece.h"
#include "storage/file.h"
#include "storage/journal.h"

namespace tocsin {

class Archiver {
 public:
  struct Options {
    std::string data;     // the store's folder
    std::string archive;  // has to be there: a disk that is not mounted is no reason to fill the one below it
    Hash128 store;        // whose
    std::function<std::uint64_t()> keep_free = [] { return 0; };  // bytes that are left free on the archive's disk
  };
  // Where the journal stands.
  using Stand = std::function<absl::StatusOr<Journal::Standing>()>;

  Archiver(FileSystem& files, FileSystem& archive_files, Options options, Stand stand, ArchivePace pace);

  // Archives everything that the mark vouches for now. An error: what was archived stays, the next round goes on.
  absl::Status Round(absl::Time now);

  // Each line that was begun since the last call, in words for an operator.
  std::vector<std::string> TakeNews() { return std::exchange(news_, {}); }
  Sequence archived() const { return Sequence(link_.next.value() - 1); }  // the last; unset: nothing yet
  std::uint64_t lines_begun() const { return lines_begun_; }              // because something did not fit
  std::uint64_t bytes() const { return bytes_; }                          // written by this run

 private:
  // A segment of which something may be archived.
  struct Source {
    std::string path;
    journal::SegmentHeader header;
    Sequence next;          // the first that is not vouched for, or not in it
    std::uint64_t end = 0;  // offset after the last entry before `next`; 0: not known
    bool is_closed = false;
    Sequence first() const { return header.first; }
  };
  struct Cursor {
    Sequence segment;
    journal::Link link;
    std::uint64_t offset = 0;
  };

  absl::Status Once(absl::Time now);
  absl::StatusOr<Sequence> Vouched(Sequence last);
  absl::StatusOr<std::vector<Source>> FindSources();
  absl::Status Join(const std::vector<Source>& sources, absl::Time now);
  absl::StatusOr<bool> Continues(const std::vector<Source>& sources, const journal::Link& end);
  absl::Status BeginLine(const Source& oldest, std::uint32_t again, const std::string& why, absl::Time now);
  void GoTo(const std::string& line, const journal::Link& link);
  absl::Status CheckLine();
  absl::Status CopyStoreFiles();
  absl::Status Archive(const Source& source);
  absl::Status Copy(const Source& source, bool from_start);
  absl::Status RemoveParts(const Source& source);
  std::vector<journal::RecordedRange> PartsOf(const Source& source) const;
  // Where the commit that begins with `wanted` stands: at the end of all, when nothing follows.
  absl::StatusOr<Cursor> Find(const Source& source, const Cursor& from, Sequence wanted);

  FileSystem& files_;
  FileSystem& archive_;
  const Options options_;
  const Stand stand_;
  const ArchivePace pace_;

  std::string line_;                               // its folder; empty: not joined yet
  journal::Link link_;                             // after what is archived
  std::set<std::pair<Sequence, Sequence>> known_;  // pieces of the line
  std::map<std::string, std::string> copied_;      // the store's files, as the line has them
  std::optional<Cursor> cursor_;                   // in the segment that link_.next is in
  std::vector<std::string> news_;
  std::uint64_t lines_begun_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace tocsin
