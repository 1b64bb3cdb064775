#include "storage/segment_files.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace tocsin::journal {
namespace {

constexpr std::uint64_t kFirstBytes = 4 << 20;
constexpr std::uint64_t kZerosAtATime = 256 << 10;

}  // namespace

SegmentFiles::SegmentFiles(FileSystem& files, std::string folder, std::uint64_t segment_bytes)
    : files_(files),
      folder_(std::move(folder)),
      spare_path_(folder_ + "/spare"),
      segment_bytes_(std::max(AlignUp(segment_bytes, kBlock), 2 * kBlock)) {}

absl::Status SegmentFiles::Begin(bool has_old_spare) {
  MutexLock lock(mutex_);
  if (!has_old_spare) return PrepareHeld();
  // It may never have been allocated, and it may have a header that is about to be overwritten; entries it never had.
  TOCSIN_ASSIGN(spare_.file, files_.Open(spare_path_));
  return KeepSpare(Reserve(segment_bytes_));
}

absl::Status SegmentFiles::PrepareSpare() {
  MutexLock lock(mutex_);
  return PrepareHeld();
}

absl::Status SegmentFiles::PrepareHeld() {
  if (spare_.file) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<File>> file = files_.Create(spare_path_);
  if (file.ok()) spare_.file = *std::move(file);
  return KeepSpare(file.ok() ? Reserve(segment_bytes_) : file.status());
}

absl::Status SegmentFiles::Reserve(std::uint64_t size) {
  TOCSIN_TRY(spare_.file->Allocate(size));
  TOCSIN_TRY(spare_.file->Sync());
  spare_.size = size;
  spare_.zeros = 0;
  ++spare_.number;
  return absl::OkStatus();
}

// On a full disk there is no spare; half a spare would only take space away.
absl::Status SegmentFiles::KeepSpare(const absl::Status& reserved) {
  if (!absl::IsResourceExhausted(reserved)) return reserved;
  spare_.file.reset();
  const absl::Status removed = files_.Remove(spare_path_);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

absl::StatusOr<NewSegment> SegmentFiles::Make(const SegmentHeader& header, std::uint64_t needed) {
  const std::uint64_t size = std::max(segment_bytes_, AlignUp(kBlock + needed, kBlock));
  NewSegment made;
  {
    MutexLock lock(mutex_);
    TOCSIN_TRY(PrepareHeld());
    if (!spare_.file) return Exhausted("%s: no space for a new segment of %d bytes", folder_, size);
    made = {std::move(spare_.file), spare_.size};
  }
  if (made.size < size) {
    TOCSIN_TRY(made.file->Allocate(size));
    made.size = size;
  }
  return Name(std::move(made), header);
}

absl::StatusOr<NewSegment> SegmentFiles::MakeFirst(const SegmentHeader& header) {
  NewSegment made;
  TOCSIN_ASSIGN(made.file, files_.Create(spare_path_));
  made.size = std::min(segment_bytes_, kFirstBytes);
  TOCSIN_TRY(made.file->Allocate(made.size));
  return Name(std::move(made), header);
}

absl::StatusOr<NewSegment> SegmentFiles::Name(NewSegment segment, const SegmentHeader& header) {
  TOCSIN_TRY(segment.file->WriteAt(0, EncodeSegmentHeader(header)));
  TOCSIN_TRY(segment.file->Sync());
  TOCSIN_TRY(files_.Rename(spare_path_, absl::StrFormat("%s/%s", folder_, SegmentName(header.first))));
  TOCSIN_TRY(files_.SyncFolder(folder_));
  return segment;
}

absl::Status SegmentFiles::Tend() {
  std::unique_ptr<File> file;
  std::uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = spare_.number;
    const bool is_new = std::exchange(tended_, number) != number;
    if (is_new || !spare_.file || spare_.zeros >= spare_.size) return absl::OkStatus();
    // A file of its own, since a failed sync is told once to each that has been opened.
    TOCSIN_ASSIGN(file, files_.Open(spare_path_));
  }
  for (;;) {
    TOCSIN_ASSIGN(const bool wrote, WriteZeros(*file, number));
    if (!wrote) return absl::OkStatus();
    TOCSIN_TRY(file->Sync());
  }
}

// False: it is written, or somebody has begun to use it.
absl::StatusOr<bool> SegmentFiles::WriteZeros(File& file, std::uint64_t number) {
  static const std::string zeros(kZerosAtATime, '\0');
  MutexLock lock(mutex_);
  if (!spare_.file || spare_.number != number || spare_.zeros >= spare_.size) return false;
  const std::uint64_t step = std::min(kZerosAtATime, spare_.size - spare_.zeros);
  const absl::Status written = file.WriteAt(spare_.zeros, std::string_view(zeros).substr(0, step));
  if (absl::IsResourceExhausted(written)) return false;  // file systems that copy what they have reserved
  TOCSIN_TRY(written);
  spare_.zeros += step;
  return true;
}

}  // namespace tocsin::journal
