// Time is an argument. The pure core never reads a clock; the shell reads one once per batch and hands on a Now.
//
// Two times, never mixed:
//   wall    what a calendar shows. Schedules and silences use it. It may jump either way.
//   engine  monotonic, counts suspend, and goes on across restarts and hosts because it is journalled with every entry.
//           All durations (escalation delays, leases, retries) run on it.
#pragma once

#include <compare>
#include <cstdint>

#include "absl/time/time.h"

namespace tocsin {

// Nanoseconds of engine time since the store was created.
class EngineTime {
 public:
  constexpr EngineTime() = default;
  constexpr explicit EngineTime(std::int64_t since_start_ns) : ns_(since_start_ns) {}
  static constexpr EngineTime Infinite() { return EngineTime(INT64_MAX); }
  constexpr std::int64_t ns() const { return ns_; }
  friend constexpr auto operator<=>(EngineTime, EngineTime) = default;
  // Saturates; a far deadline stays a far deadline, and Infinite() less anything is Infinite().
  friend EngineTime operator+(EngineTime t, absl::Duration d);
  friend EngineTime operator-(EngineTime t, absl::Duration d) { return t + (-d); }
  // Infinite() is an infinite duration after every other time.
  friend absl::Duration operator-(EngineTime a, EngineTime b);

 private:
  std::int64_t ns_ = 0;
};

struct Now {
  absl::Time wall;
  EngineTime engine;
  friend bool operator==(const Now&, const Now&) = default;
};

// The wall instant that an engine deadline is expected at, for people; wrong by as much as the wall clock jumps.
inline absl::Time ExpectedWall(const Now& now, EngineTime deadline) {
  return now.wall + (deadline - now.engine);
}

class Clock {
 public:
  virtual ~Clock() = default;
  // Any thread.
  virtual Now Read() const = 0;
};

// CLOCK_REALTIME and CLOCK_BOOTTIME, the latter moved so that engine time goes on from `resume`.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(EngineTime resume = EngineTime());
  Now Read() const override;

 private:
  std::int64_t offset_ns_;
};

}  // namespace tocsin
