// Reads entries out of one segment file, through a window that is reused. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin::journal {

class SegmentReader {
 public:
  SegmentReader(const File& file, std::uint64_t size, std::uint64_t key) : file_(file), size_(size), key_(key) {}

  // The bytes [offset, offset + size), fewer at the end of the file. Valid until the next call.
  absl::StatusOr<std::string_view> Bytes(std::uint64_t offset, std::size_t size);
  // The entry at `offset` if there is a whole one with the right check. Its body is valid until the next call.
  absl::StatusOr<std::optional<RawEntry>> At(std::uint64_t offset);

 private:
  const File& file_;
  std::uint64_t size_;
  std::uint64_t key_;
  std::string window_;
  std::uint64_t window_offset_ = 0;
};

// Where following a segment's entries ended.
struct SegmentEnd {
  Link link;                      // after the last whole commit
  std::uint64_t offset = kBlock;  // where the next commit would start
  Now now;                        // of the last entry, when there was one
  bool any = false;
  bool links_broken = false;  // what stands at the end is an entry of ours, but not the one that must follow
};

// Follows the chain from the start of the segment, or from a commit's start at `offset`, to the last whole commit. `visit` sees each entry before it is known
// whether its commit is whole, with the offset at which its commit starts; an error from it ends the walk.
absl::StatusOr<SegmentEnd> FollowSegment(
    SegmentReader& reader,
    Link link,
    absl::FunctionRef<absl::Status(const RawEntry& raw, std::uint64_t commit_offset)> visit,
    std::uint64_t offset = kBlock);

// Visits the entries from `from` on of a segment that holds those of `range` before offset `end`. DataLoss when it does not.
absl::Status ReadSegment(FileSystem& files,
                         const std::string& path,
                         std::uint64_t end,
                         const RecordedRange& range,
                         Sequence from,
                         absl::FunctionRef<absl::Status(const Entry&)> visit);

// What stands after the end of the chain in a segment.
struct Remains {
  std::uint64_t end = 0;                 // after the last byte that is not zero; 0: all are
  std::uint64_t whole_entries = 0;       // of any commit
  std::optional<Sequence> later_commit;  // an entry of a commit that began after `next`: a power cut cannot leave that
  std::uint64_t later_offset = 0;        // of the first such entry
  Sequence highest;                      // of all whole entries
  Epoch highest_epoch;
};
// Looks at every place where an entry could start, from `offset` to the end of the file.
absl::StatusOr<Remains> FindRemains(SegmentReader& reader, std::uint64_t offset, Sequence next);

}  // namespace tocsin::journal
