// The backup that is under way, if any. It holds hard links, so it is bounded in time: what nobody reads from, or what takes too
// long, is given up, and its space is the disk's again.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/frozen_store.h"

namespace tocsin {

inline constexpr absl::Duration kBackupIdle = absl::Minutes(1);
inline constexpr absl::Duration kLongestBackup = absl::Hours(1);

// Any thread.
class Backups {
 public:
  // The caller may freeze the store and give what it gets to Keep. FailedPrecondition: a backup is under way.
  absl::Status Reserve(const Now& now);
  // Nothing came of it.
  void Release();
  // Returns the id to read it by.
  std::string Keep(std::unique_ptr<FrozenStore> frozen, const Now& now);
  // As FrozenStore::Read. NotFound: it has ended; the message says why.
  absl::StatusOr<std::string> Read(const std::string& id, std::size_t file, std::uint64_t offset, const Now& now);
  absl::Status End(const std::string& id);
  // Gives up what is idle or too old; all of it when the disk is nearly full. Once a second.
  void Tick(const Now& now, bool disk_is_low);
  // The server stops: nothing is read any more.
  void Stop();

 private:
  void GiveUp(std::string why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool reserved_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<FrozenStore> frozen_ ABSL_GUARDED_BY(mutex_);
  std::string id_ ABSL_GUARDED_BY(mutex_);
  std::string why_ended_ ABSL_GUARDED_BY(mutex_);  // the last one, when it was given up
  EngineTime began_ ABSL_GUARDED_BY(mutex_);
  EngineTime read_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
