#include "bench/stillness.h"

#include <algorithm>

#include "absl/time/clock.h"
#include <pthread.h>
#include <sched.h>

namespace tocsin {

Stillness::Stillness() : sleepers_(std::max(1U, std::thread::hardware_concurrency())) {
  for (std::size_t i = 0; i < sleepers_.size(); ++i)
    sleepers_[i].thread = std::thread([this, i] { Run(sleepers_[i], i); });
}

void Stillness::Run(Sleeper& sleeper, std::size_t processor) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(processor, &only);
  const sched_param first{.sched_priority = 1};
  sleeper.is_first = pthread_setaffinity_np(pthread_self(), sizeof only, &only) == 0 &&
                     pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0;
  while (!stop_) {
    const absl::Time due = absl::Now() + absl::Milliseconds(1);
    absl::SleepFor(absl::Milliseconds(1));
    const absl::Time now = absl::Now();
    sleeper.late.push_back(now - due);
    if (now - due > kNoticed) sleeper.gone.emplace_back(due, now);
  }
}

void Stillness::Stop() {
  if (stop_.exchange(true)) return;
  for (Sleeper& sleeper : sleepers_) {
    sleeper.thread.join();
    is_first_ = is_first_ && sleeper.is_first;
    late_.insert(late_.end(), sleeper.late.begin(), sleeper.late.end());
    gone_.insert(gone_.end(), sleeper.gone.begin(), sleeper.gone.end());
  }
  std::ranges::sort(gone_);
}

absl::Duration Stillness::Within(const Stretch& stretch) const {
  absl::Duration sum;
  absl::Time counted = stretch.first;
  for (const auto& [begin, end] : gone_) {
    const absl::Time from = std::max(begin, counted);
    const absl::Time to = std::min(end, stretch.second);
    if (from >= to) continue;
    sum += to - from;
    counted = to;
  }
  return sum;
}

}  // namespace tocsin
