// What a journal's folder holds, read and judged but not changed. Open repairs by it, Verify reports it.
//
//   whole commits ............ | end | what remains of a commit that was never acknowledged (a torn tail: fine)
//                              |     | anything else: damage
//
// Damage is: entries missing up to the mark; an entry of ours that is not the one which must follow; whole entries of a
// commit that began after the first missing entry (the missing one had been synced before they were written); a segment
// that the mark or its neighbours know of and that is not there; a segment header or a mark that is not whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin::journal {

struct Segment {
  Sequence first;
  std::string name;
  std::uint64_t size = 0;
  SegmentHeader header;
  std::uint64_t end = kBlock;  // offset after the last whole commit
  Sequence next;               // first sequence that is not in it
};

struct Image {
  bool fresh = false;  // nothing was ever written here
  std::optional<Mark> mark;
  std::vector<Segment> segments;     // whole up to `link`, oldest first
  std::vector<std::string> beyond;   // names of segments after the damage, oldest first
  std::vector<std::string> trimmed;  // names of segments below mark.first: Trim was interrupted
  bool has_spare = false;
  Link link;  // what must follow the last whole commit
  Journal::Recovery recovery;
  absl::Status damage;           // OK, or DataLoss: the first, in words for an operator
  bool entries_damaged = false;  // not only the mark
  std::uint64_t tail_end = 0;    // of the last segment's torn bytes; 0: there are none
  std::uint64_t unmarked = 0;    // offset in the last segment from which on the mark does not vouch for what is there
  Sequence highest;              // of all whole entries that were seen anywhere, and of the mark
  Epoch highest_epoch;           // the same
};

// Not OK only when the folder cannot be read, or was written by a newer program.
absl::StatusOr<Image> ReadImage(FileSystem& files, const std::string& folder, const Journal::Options& options);

}  // namespace tocsin::journal
