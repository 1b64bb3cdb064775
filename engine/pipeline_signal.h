// A thread waits for another's word.
#pragma once

#include "base/mutex.h"

namespace tocsin {

// One-shot.
class Signal {
 public:
  void Set() {
    MutexLock lock(mutex_);
    set_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mutex_);
    changed_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return set_; });
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tocsin
