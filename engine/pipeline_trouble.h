// What the log says when people cannot be told: each message that failed, and each person whom no contact method reached, as the
// timeline has it. So many lines a minute at most; how many others there were is said afterwards.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "model/response.h"

namespace tocsin {

// One thread.
class TroubleLog {
 public:
  static constexpr int kLinesPerMinute = 10;  // of either kind

  void Tell(const Change& change);

 private:
  struct Budget {
    EngineTime since;
    int said = 0;
    std::uint64_t left_out = 0;
  };
  // Whether a line more may be written. What was left out of the minute before is told first.
  static bool Take(Budget& budget, EngineTime now, const char* what);

  Budget messages_;
  Budget people_;
};

}  // namespace tocsin
