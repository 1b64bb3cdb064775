// How much room there is, and the ballast: a preallocated file that is thrown overboard when the disk is nearly full, so
// that RocksDB can flush and paging goes on while ingest is refused. (Debian's librocksdb aborts on a real ENOSPC.) It is
// taken aboard again when there is room. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/file.h"

namespace tocsin {

class DiskSpace {
 public:
  enum class Level : std::uint8_t {
    kPlenty,
    kLow,   // less than the low-water mark: refuse ingest
    kNone,  // even the reserve is nearly gone: nothing is promised
  };
  DiskSpace(FileSystem& files, std::string folder, std::uint64_t low_water_bytes, std::uint64_t reserve_bytes);

  // Takes the ballast aboard if there is room for it.
  absl::Status Open();
  // Asks the file system at most once a second of engine time. An error there leaves the answer as it was.
  Level Read(const Now& now);
  // Free bytes, asked now.
  absl::StatusOr<std::uint64_t> FreeBytes() const { return files_.FreeBytes(folder_); }

 private:
  Level Judge(std::uint64_t free) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TakeBallast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ThrowBallast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem& files_;
  const std::string folder_;
  const std::string path_;
  const std::uint64_t low_water_bytes_;
  const std::uint64_t reserve_bytes_;

  Mutex mutex_;
  bool has_ballast_ ABSL_GUARDED_BY(mutex_) = false;
  Level level_ ABSL_GUARDED_BY(mutex_) = Level::kPlenty;
  std::optional<EngineTime> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
