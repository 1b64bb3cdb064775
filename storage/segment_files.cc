#include "storage/segment_files.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace tocsin::journal {

SegmentFiles::SegmentFiles(FileSystem& files, std::string folder, std::uint64_t segment_bytes)
    : files_(files),
      folder_(std::move(folder)),
      spare_path_(folder_ + "/spare"),
      segment_bytes_(std::max(AlignUp(segment_bytes, kBlock), 2 * kBlock)) {}

absl::Status SegmentFiles::Begin(bool has_old_spare) {
  if (!has_old_spare) return PrepareSpare();
  // It may never have been allocated, and it may have a header that is about to be overwritten; entries it never had.
  TOCSIN_ASSIGN(spare_.file, files_.Open(spare_path_));
  return KeepSpare(Reserve(spare_));
}

absl::Status SegmentFiles::PrepareSpare() {
  if (spare_.file) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<File>> file = files_.Create(spare_path_);
  if (file.ok()) spare_.file = *std::move(file);
  return KeepSpare(file.ok() ? Reserve(spare_) : file.status());
}

absl::Status SegmentFiles::Reserve(NewSegment& segment) const {
  TOCSIN_TRY(segment.file->Allocate(segment_bytes_));
  TOCSIN_TRY(segment.file->Sync());
  segment.size = segment_bytes_;
  return absl::OkStatus();
}

// On a full disk there is no spare; half a spare would only take space away.
absl::Status SegmentFiles::KeepSpare(const absl::Status& reserved) {
  if (!absl::IsResourceExhausted(reserved)) return reserved;
  spare_ = {};
  const absl::Status removed = files_.Remove(spare_path_);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

absl::StatusOr<NewSegment> SegmentFiles::Make(const SegmentHeader& header, std::uint64_t needed) {
  const std::uint64_t size = std::max(segment_bytes_, AlignUp(kBlock + needed, kBlock));
  TOCSIN_TRY(PrepareSpare());
  if (!spare_.file) return Exhausted("%s: no space for a new segment of %d bytes", folder_, size);
  if (spare_.size < size) {
    TOCSIN_TRY(spare_.file->Allocate(size));
    spare_.size = size;
  }
  TOCSIN_TRY(spare_.file->WriteAt(0, EncodeSegmentHeader(header)));
  TOCSIN_TRY(spare_.file->Sync());
  TOCSIN_TRY(files_.Rename(spare_path_, absl::StrFormat("%s/%s", folder_, SegmentName(header.first))));
  TOCSIN_TRY(files_.SyncFolder(folder_));
  return std::exchange(spare_, NewSegment{});
}

}  // namespace tocsin::journal
