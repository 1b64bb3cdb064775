// One file of a journal's archive: some entries of a store, as they lie in its segments, between a header and an end.
//
//   piece = header commit* end     header and commits as in a segment (storage/journal_format.h), without what was preallocated
//   end   = one block of text:     tocsin archive piece
//                                  format 1
//                                  store 5f0c...             128 bits
//                                  entries 17 42             the first, and the first that is not in it
//                                  last 03f7... 3            the last entry's hash and epoch
//                                  times 17950... 17950... 17950...   wall time of the first, the last, and the latest; Unix ns
//                                  content 91ab...           XXH3-128 of everything before this block
//                                  checksum 7d41...          of all lines above; then line ends up to the block's end
//
// A piece gets its name, `00000000000000000017-00000000000000000042.piece`, when it is whole, was read again, and is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/hash.h"
#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin {

struct ArchivePiece {
  journal::SegmentHeader header;  // what comes before it
  Sequence next;                  // the first that is not in it
  Hash128 hash;                   // of its last entry
  Epoch epoch;                    // of the same
  absl::Time from;                // wall time of the first entry
  absl::Time to;                  // of the last
  absl::Time latest;              // of all: not the last one's when the clock was put back
  std::uint64_t end = 0;          // offset after the last commit
  Hash128 content;

  Sequence first() const { return header.first; }
  std::string name() const;
  journal::Link before() const { return {header.first, header.previous, header.epoch}; }
  journal::Link after() const { return {next, hash, epoch}; }
};

std::string PieceName(const journal::RecordedRange& range);
std::optional<journal::RecordedRange> ParsePieceName(std::string_view name);

// What header and end say; the entries are not read. DataLoss names the file.
absl::StatusOr<ArchivePiece> ReadPieceEnds(FileSystem& files, const std::string& path);
// Reads every byte: the content's hash, each entry's check and the chain, then compares with the end. DataLoss names the file.
absl::Status ReadPiece(
    FileSystem& files,
    const std::string& path,
    const ArchivePiece& piece,
    absl::FunctionRef<absl::Status(const journal::RawEntry& raw, std::uint64_t commit_offset)> visit);

// What is to become a piece: whole commits in a segment's file, from `offset` to `end`. The header says what comes before them.
struct PieceSource {
  std::string path;
  journal::SegmentHeader header;
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  Sequence next;
};
// Called with each megabyte that has been copied: may wait; an error ends the copy.
using ArchivePace = std::function<absl::Status(std::uint64_t bytes)>;
inline constexpr std::string_view kPartial = ".partial";  // is added to a piece's name while it is written
// Writes a piece into `folder`. DataLoss: the copy, read again, is
// not what the source was said to be.
absl::StatusOr<ArchivePiece> WritePiece(
    FileSystem& from, const PieceSource& source, FileSystem& to, const std::string& folder, const ArchivePace& pace);

}  // namespace tocsin
