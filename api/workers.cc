#include "api/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace tocsin {

class Workers::Impl {
 public:
  Impl(std::size_t threads, std::size_t most_waiting) : most_waiting_(most_waiting) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this] { Run(); });
  }
  ~Impl() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    condition_.notify_all();
    for (std::thread& thread : threads_)
      thread.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool Post(absl::AnyInvocable<void()> task) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_ || waiting_.size() >= most_waiting_) return false;
      waiting_.push_back(std::move(task));
    }
    condition_.notify_one();
    return true;
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      condition_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      absl::AnyInvocable<void()> task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable condition_;
  std::deque<absl::AnyInvocable<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

Workers::Workers(std::size_t threads, std::size_t most_waiting)
    : impl_(std::make_unique<Impl>(threads, most_waiting)) {}
Workers::~Workers() = default;
bool Workers::Post(absl::AnyInvocable<void()> task) {
  return impl_->Post(std::move(task));
}

}  // namespace tocsin
