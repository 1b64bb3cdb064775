// A clock that stands until it is told to go on.
#pragma once

#include "absl/time/time.h"

#include "base/clock.h"

namespace tocsin {

class HeldClock final : public Clock {
 public:
  Now Read() const override { return now_; }
  void Advance(absl::Duration by) { now_ = {now_.wall + by, now_.engine + by}; }

 private:
  Now now_{absl::FromUnixSeconds(1'790'000'000), EngineTime(0)};
};

}  // namespace tocsin
