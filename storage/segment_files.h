// Makes segments, preallocated, and keeps one spare: the journal's reserve. When the disk is full the journal still goes on
// for a whole segment, so that paging goes on while ingest is refused. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin::journal {

struct NewSegment {
  std::unique_ptr<File> file;
  std::uint64_t size = 0;
};

class SegmentFiles {
 public:
  SegmentFiles(FileSystem& files, std::string folder, std::uint64_t segment_bytes);

  // Takes over the spare that an earlier run left, or makes one. A full disk is no error: there is no spare then.
  absl::Status Begin(bool has_old_spare);
  // Makes a spare if there is none. A full disk is no error.
  absl::Status PrepareSpare();
  // A durable, empty segment with room for `needed` bytes after its header. Its name appears only when the header is durable:
  // a segment without a whole header is damage, never an accident.
  absl::StatusOr<NewSegment> Make(const SegmentHeader& header, std::uint64_t needed);

  std::uint64_t spare_bytes() const { return spare_.size; }

 private:
  absl::Status Reserve(NewSegment& segment) const;
  absl::Status KeepSpare(const absl::Status& reserved);

  FileSystem& files_;
  const std::string folder_;
  const std::string spare_path_;
  const std::uint64_t segment_bytes_;
  NewSegment spare_;  // no file: there is none
};

}  // namespace tocsin::journal
