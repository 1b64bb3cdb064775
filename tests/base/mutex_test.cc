#include "base/mutex.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

// A queue of one value, filled by one thread and emptied by another.
class Mailbox {
 public:
  void Put(int value) {
    MutexLock lock(mutex_);
    changed_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !full_; });
    value_ = value;
    full_ = true;
    changed_.NotifyAll();
  }
  int Take() {
    MutexLock lock(mutex_);
    const auto full = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return full_; };
    while (!changed_.WaitFor(mutex_, absl::InfiniteDuration(), full)) {
    }
    full_ = false;
    changed_.NotifyAll();
    return value_;
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  int value_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(MutexTest, HandsValuesFromThreadToThread) {
  Mailbox mailbox;
  std::thread producer([&mailbox] {
    for (int i = 0; i < 1'000; ++i)
      mailbox.Put(i);
  });
  int wrong = 0;
  for (int i = 0; i < 1'000; ++i)
    wrong += mailbox.Take() == i ? 0 : 1;
  producer.join();
  EXPECT_EQ(wrong, 0);
}

TEST(MutexTest, KeepsThreadsApart) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& t : threads)
    t.join();
  EXPECT_EQ(count, 4'000);
}

TEST(MutexTest, WaitingEndsWhenPatienceDoes) {
  Mutex mutex;
  ConditionVariable never;
  MutexLock lock(mutex);
  EXPECT_FALSE(never.WaitFor(mutex, absl::Milliseconds(1), [] { return false; }));
  EXPECT_FALSE(never.WaitFor(mutex, -absl::InfiniteDuration(), [] { return false; }));
  EXPECT_TRUE(never.WaitFor(mutex, absl::ZeroDuration(), [] { return true; }));
}

}  // namespace
}  // namespace tocsin
