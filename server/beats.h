// When a beat goes to the services outside that page somebody when none comes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

#include "base/clock.h"

namespace tocsin {

class Beats {
 public:
  enum class Verdict : std::uint8_t {
    kNotNow,
    kSend,
    kWithhold,  // it would be time, but pages would not go out
  };
  struct Seen {
    std::optional<absl::Duration> canaries;  // how often one is sent; absent: none is
    bool arrived = false;                    // one has, since the last time
    std::string why_not;                     // pages would not go out; empty: they would
  };

  // About once a second. Without an arrival nothing is sent; that pages would not go out is said all the same.
  Verdict Decide(EngineTime now, absl::Duration interval, const Seen& seen);

 private:
  std::optional<EngineTime> last_;
};

}  // namespace tocsin
