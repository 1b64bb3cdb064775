#include "api/workers.h"

#include <deque>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace tocsin {

class Workers::Impl {
 public:
  using Lane = Workers::Lane;
  Impl(std::size_t threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this, answers = i > 0] { Run([this, answers] { return Take(answers); }); });
    threads_.emplace_back([this] { Run([this] { return TakeHashing(); }); });
  }
  ~Impl() { Stop(); }
  void Stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.NotifyAll();
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool Post(Lane lane, absl::AnyInvocable<void()> task) {
    {
      MutexLock lock(mutex_);
      std::deque<absl::AnyInvocable<void()>>& waiting = QueueOf(lane);
      const bool hashes = lane == Lane::kHashing || lane == Lane::kStrangers;
      const std::size_t most = hashes ? kMostHashing : most_waiting_;
      if (stopping_ || waiting.size() >= most) return false;
      waiting.push_back(std::move(task));
    }
    changed_.NotifyAll();  // the one that is woken might be the one that answers no questions
    return true;
  }

 private:
  static constexpr std::size_t kMostHashing = 16;

  std::deque<absl::AnyInvocable<void()>>& QueueOf(Lane lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    switch (lane) {
      case Lane::kDoing: return doing_;
      case Lane::kAsking: return asking_;
      case Lane::kHashing: return hashing_;
      case Lane::kStrangers: break;
    }
    return strangers_;
  }

  template <typename Next>
  void Run(Next next) {
    while (absl::AnyInvocable<void()> task = next())
      task();
  }

  absl::AnyInvocable<void()> TakeHashing() {
    MutexLock lock(mutex_);
    changed_.Wait(mutex_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || !hashing_.empty() || !strangers_.empty();
    });
    auto& waiting = hashing_.empty() ? strangers_ : hashing_;
    if (waiting.empty()) return nullptr;
    absl::AnyInvocable<void()> task = std::move(waiting.front());
    waiting.pop_front();
    return task;
  }

  // Waits for a task; null when all are done and no more come.
  absl::AnyInvocable<void()> Take(bool answers) {
    MutexLock lock(mutex_);
    changed_.Wait(mutex_, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopping_ || !doing_.empty() || (answers && !asking_.empty());
    });
    auto& waiting = doing_.empty() && answers ? asking_ : doing_;
    if (waiting.empty()) return nullptr;
    absl::AnyInvocable<void()> task = std::move(waiting.front());
    waiting.pop_front();
    return task;
  }

  const std::size_t most_waiting_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<absl::AnyInvocable<void()>> doing_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::AnyInvocable<void()>> asking_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::AnyInvocable<void()>> hashing_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::AnyInvocable<void()>> strangers_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

Workers::Workers(std::size_t threads, std::size_t most_waiting)
    : impl_(std::make_unique<Impl>(threads, most_waiting)) {}
Workers::~Workers() = default;
void Workers::Stop() {
  impl_->Stop();
}
bool Workers::Post(Lane lane, absl::AnyInvocable<void()> task) {
  return impl_->Post(lane, std::move(task));
}

}  // namespace tocsin
