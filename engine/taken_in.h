// Taken-in time: engine time less the time in which we refused events, caught up, or were not running. Leases run on it, so
// that our own trouble never looks like a recovery.
//
// The shell knows how long it refused and says so with each Work; between two of these we assume that we took in everything
// (a lease may so be judged longer, never shorter). The clock is journalled with every body; after a start it goes on from
// there, whatever the shell counts from. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace tocsin {

class TakenInClock {
 public:
  static constexpr std::int64_t kTickNs = 1'000'000'000;

  // Before the first event or Work of a run. A new table begins at engine time.
  void Begin(const Now& now) {
    if (engine_) return;
    engine_ = now.engine;
    if (!known_) ns_ = std::max<std::int64_t>(0, now.engine.ns());
    known_ = true;
  }
  // The shell's count at `now`. Requires Begin. Counts that go back change nothing.
  void Observe(const Now& now, EngineTime taken_in) {
    const std::int64_t passed = shell_ ? taken_in.ns() - shell_->ns() : now.engine.ns() - engine_->ns();
    ns_ += std::max<std::int64_t>(0, passed);
    shell_ = shell_ ? std::max(*shell_, taken_in) : taken_in;
    engine_ = std::max(*engine_, now.engine);
  }
  // What a body said.
  void Restore(std::int64_t ns) {
    ns_ = known_ ? std::max(ns_, ns) : ns;
    known_ = true;
  }

  std::int64_t ns() const { return ns_; }  // at the last Work
  std::int64_t AtNs(const Now& now) const { return ns_ + std::max<std::int64_t>(0, now.engine.ns() - engine_->ns()); }
  std::uint32_t tick() const { return Tick(ns_ / kTickNs); }  // begun and not ended, at the last Work
  // The first tick by which `distance_ns` will have passed since `now`; at most a year.
  std::uint32_t TickAfter(const Now& now, std::int64_t distance_ns) const {
    const std::int64_t longest = std::int64_t{365} * 86400 * kTickNs;
    const std::int64_t at = AtNs(now) + std::clamp<std::int64_t>(distance_ns, 0, longest);
    return Tick((at + kTickNs - 1) / kTickNs);
  }
  // When a tick will begin, by engine time and by the shell's count, if nothing is refused until then.
  EngineTime EngineAt(std::uint32_t tick) const {
    return engine_.value_or(EngineTime(ns_)) + absl::Nanoseconds(tick * kTickNs - ns_);
  }
  EngineTime ShellAt(std::uint32_t tick) const {
    return shell_.value_or(engine_.value_or(EngineTime(ns_))) + absl::Nanoseconds(tick * kTickNs - ns_);
  }

 private:
  static std::uint32_t Tick(std::int64_t seconds) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX - 1));
  }
  std::int64_t ns_ = 0;
  bool known_ = false;
  std::optional<EngineTime> engine_;
  std::optional<EngineTime> shell_;
};

}  // namespace tocsin
