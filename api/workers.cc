#include "api/workers.h"

#include <deque>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace tocsin {

class Workers::Impl {
 public:
  Impl(std::size_t threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this] { Run(); });
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

  bool Post(absl::AnyInvocable<void()> task) {
    {
      MutexLock lock(mutex_);
      if (stopping_ || waiting_.size() >= most_waiting_) return false;
      waiting_.push_back(std::move(task));
    }
    changed_.NotifyOne();
    return true;
  }

 private:
  void Run() {
    while (absl::AnyInvocable<void()> task = Take())
      task();
  }

  // Waits for a task; null when all are done and no more come.
  absl::AnyInvocable<void()> Take() {
    MutexLock lock(mutex_);
    changed_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return nullptr;
    absl::AnyInvocable<void()> task = std::move(waiting_.front());
    waiting_.pop_front();
    return task;
  }

  const std::size_t most_waiting_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

Workers::Workers(std::size_t threads, std::size_t most_waiting)
    : impl_(std::make_unique<Impl>(threads, most_waiting)) {}
Workers::~Workers() = default;
void Workers::Stop() {
  impl_->Stop();
}
bool Workers::Post(absl::AnyInvocable<void()> task) {
  return impl_->Post(std::move(task));
}

}  // namespace tocsin
