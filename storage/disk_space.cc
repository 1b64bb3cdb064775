#include "storage/disk_space.h"

#include <utility>

#include "base/status.h"

namespace tocsin {

DiskSpace::DiskSpace(FileSystem& files, std::string folder, std::uint64_t low_water_bytes, std::uint64_t reserve_bytes)
    : files_(files),
      folder_(std::move(folder)),
      path_(folder_ + "/ballast"),
      low_water_bytes_(low_water_bytes),
      reserve_bytes_(reserve_bytes) {}

absl::Status DiskSpace::Open() {
  MutexLock lock(mutex_);
  if (const absl::StatusOr<std::unique_ptr<File>> file = files_.Open(path_); file.ok()) {
    TOCSIN_ASSIGN(const std::uint64_t size, (*file)->Size());
    has_ballast_ = size > 0;
  }
  TOCSIN_ASSIGN(std::uint64_t free, FreeBytes());
  if (has_ballast_ && free < reserve_bytes_ / 2) {
    TOCSIN_TRY(ThrowBallast());
    TOCSIN_ASSIGN(free, FreeBytes());
  }
  if (!has_ballast_ && free > 2 * reserve_bytes_) TOCSIN_TRY(TakeBallast());
  level_ = Judge(free);
  // RocksDB does not survive a disk that is full while it opens.
  if (level_ == Level::kNone) {
    return Exhausted("%s: %d bytes are free, %d are needed to start; nothing is lost: make room and start again",
                     folder_, free, reserve_bytes_ / 4);
  }
  return absl::OkStatus();
}

DiskSpace::Level DiskSpace::Read(const Now& now) {
  MutexLock lock(mutex_);
  if (asked_ && now.engine >= *asked_ && now.engine - *asked_ < absl::Seconds(1)) return level_;
  asked_ = now.engine;
  absl::StatusOr<std::uint64_t> free = FreeBytes();
  if (!free.ok()) return level_;
  if (has_ballast_ && *free < reserve_bytes_ / 2) {
    if (ThrowBallast().ok()) free = FreeBytes();
    if (!free.ok()) return level_;
  } else if (!has_ballast_ && *free > low_water_bytes_ + 2 * reserve_bytes_) {
    TakeBallast().IgnoreError();  // asked again in a second
  }
  level_ = Judge(*free);
  return level_;
}

DiskSpace::Level DiskSpace::Judge(std::uint64_t free) const {
  if (free == 0 || free < reserve_bytes_ / 4) return Level::kNone;
  // A little more is asked for to come back than to leave, so that the answer does not flutter.
  const std::uint64_t enough = level_ == Level::kPlenty ? low_water_bytes_ : low_water_bytes_ + low_water_bytes_ / 16;
  return free < enough ? Level::kLow : Level::kPlenty;
}

absl::Status DiskSpace::TakeBallast() {
  if (reserve_bytes_ == 0) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<File>> file = files_.Create(path_);
  if (absl::IsAlreadyExists(file.status())) file = files_.Open(path_);
  if (!file.ok()) return file.status();
  const absl::Status taken = (*file)->Allocate(reserve_bytes_);
  has_ballast_ = taken.ok();
  if (!absl::IsResourceExhausted(taken)) return taken;
  return files_.Remove(path_);
}

absl::Status DiskSpace::ThrowBallast() {
  TOCSIN_TRY(files_.Remove(path_));
  has_ballast_ = false;
  return absl::OkStatus();
}

}  // namespace tocsin
