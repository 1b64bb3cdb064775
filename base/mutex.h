// std::mutex with the annotations that clang's -Wthread-safety checks; TSan understands it, other than absl::Mutex in
// Debian's build. Locks are rare here, and last: prefer one owner and a ring.
//
//   class Counter {
//     void Add() { MutexLock lock(mutex_); ++count_; }
//     Mutex mutex_;
//     int count_ ABSL_GUARDED_BY(mutex_) = 0;
//   };
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace tocsin {

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  friend class ConditionVariable;
  std::mutex mutex_;
};

// Holds the mutex for as long as it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Predicates run with the mutex held; say so where they read what it guards:
//   changed_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !queue_.empty(); });
class ConditionVariable {
 public:
  // Waits until `done()`.
  template <typename Predicate>
  void Wait(Mutex& mutex, Predicate done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock, done);
    lock.release();  // the caller's MutexLock goes on holding it
  }

  // The same, for `patience` at most. Returns what `done()` said last. For shells only: the core waits on engine time.
  template <typename Predicate>
  bool WaitFor(Mutex& mutex, absl::Duration patience, Predicate done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    // A year at most: std::chrono overflows where absl saturates.
    const auto bounded = absl::ToChronoNanoseconds(std::clamp(patience, absl::ZeroDuration(), absl::Hours(24 * 365)));
    const bool result = condition_.wait_for(lock, bounded, done);
    lock.release();
    return result;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace tocsin
