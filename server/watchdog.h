// Proofs of life for a supervisor: a beat goes only when, since the last one, every part that pages rest on has done a turn of its work.
// A process that lives and does nothing is worse than one that is started again.
//
// A probe is sent round every quarter of the time that is allowed; the beat waits for it to come back. One thread; the probe's answer may
// come from any other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"

namespace tocsin {

class Watchdog {
 public:
  struct Parts {
    std::string name;  // of what a probe goes through, for the log
    // Calls `passed` when the engine has worked and what it did is in the journal.
    std::function<void(std::function<void()> passed)> probe;
    bool may_be_lost = false;  // a probe that does not come back is followed by another one
    // A number that grows as long as messages are sent; absent: there is no such part.
    std::function<std::uint64_t()> sender_turns;
  };
  // `allowed`: between two beats; zero: nobody wants any. `beat` sends one; false: again at the next tick.
  Watchdog(absl::Duration allowed, Parts parts, std::function<bool()> beat);

  // About once a second.
  void Tick(EngineTime now);
  std::uint64_t beats() const { return beats_; }

 private:
  std::string WhatStands() const;
  void Ask(EngineTime now);

  const absl::Duration allowed_;
  const Parts parts_;
  const std::function<bool()> beat_;
  std::shared_ptr<std::atomic<bool>> passed_;  // of the probe under way; null: none is
  std::uint64_t turns_before_ = 0;
  EngineTime asked_at_;  // the first of those that have not come back
  EngineTime last_asked_;
  EngineTime next_;
  bool said_ = false;
  std::uint64_t beats_ = 0;
};

}  // namespace tocsin
