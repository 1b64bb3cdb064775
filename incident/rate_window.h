// How many alerts of each group began to fire lately: a small sliding window over the running totals that shards report.
//
// Volatile: after a restart it begins anew, from the totals it is first told. Granularity: a 64th of the longest window;
// what fired together is counted as fired at the first instant, so a count is never kept longer than its window.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/ids.h"

namespace tocsin {

class RateWindows {
 public:
  // Samples older than this are forgotten; zero: nothing is kept.
  void SetLongest(absl::Duration longest);

  // The group's running total at `now`. `before`: its total just before, used only when the group is new here.
  void Record(GroupKey group, EngineTime now, std::uint64_t total, std::uint64_t before);
  void Forget(GroupKey group) { windows_.erase(group); }

  // Alerts that began to fire in (now - window, now].
  std::uint64_t Within(GroupKey group, EngineTime now, absl::Duration window) const;

 private:
  struct Sample {
    EngineTime at;
    std::uint64_t total = 0;  // at `at` and until the next sample
  };
  struct Window {
    std::uint64_t before = 0;  // total before the first sample
    std::deque<Sample> samples;
  };
  absl::Duration longest_;
  std::unordered_map<GroupKey, Window> windows_;
};

}  // namespace tocsin
