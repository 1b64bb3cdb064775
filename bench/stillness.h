// When the machine itself stood still, so that a pause of ours can be told from one of its.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace tocsin {

// From when to when.
using Stretch = std::pair<absl::Time, absl::Time>;

// A thread on each processor that sleeps for a millisecond, again and again, before all others where that is permitted (as root): what it
// is woken too late was taken by the machine's host or by the kernel, and not by a program. Where it is not permitted, programs that
// keep a processor busy count as well, and is_first() is false.
class Stillness {
 public:
  static constexpr absl::Duration kNoticed = absl::Milliseconds(5);

  Stillness();
  ~Stillness() { Stop(); }
  Stillness(const Stillness&) = delete;
  Stillness& operator=(const Stillness&) = delete;

  // Idempotent. What follows is known after it.
  void Stop();
  bool is_first() const { return is_first_; }
  // How late each was woken, of all processors.
  const std::vector<absl::Duration>& late() const { return late_; }
  // How much of `stretch` some processor was gone, counting what is longer than kNoticed. Two of them at once count once; of two
  // that were gone one after the other, as a program can be moved onto each, both.
  absl::Duration Within(const Stretch& stretch) const;

 private:
  struct Sleeper {
    std::vector<absl::Duration> late;
    std::vector<Stretch> gone;  // longer than kNoticed
    bool is_first = false;
    std::thread thread;
  };
  void Run(Sleeper& sleeper, std::size_t processor);

  std::atomic<bool> stop_{false};
  std::vector<Sleeper> sleepers_;
  bool is_first_ = true;
  std::vector<absl::Duration> late_;
  std::vector<Stretch> gone_;  // of all, by their beginnings
};

}  // namespace tocsin
