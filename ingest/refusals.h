// What the doors did not take lately, in words: for whoever looks for an alert that never came. The last few of each reason,
// so that a flood of one does not wash the others away. Keys are never kept.
//
// Any thread. What is taken in does not come by here.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "base/mutex.h"

namespace tocsin {

class Refusals {
 public:
  enum class Reason : std::uint8_t {
    kRejected,    // an alert that is not well formed
    kIgnored,     // one that says nothing about a state
    kUnreadable,  // a message that is not what its integration's source sends
    kUnknownKey,
    kComeAgain,   // a batch, for want of room
    kOverCredit,  // a stream that did not wait
  };
  static constexpr std::size_t kReasons = 6;
  static constexpr std::size_t kKept = 5;  // of each
  static constexpr std::size_t kTextBytes = 300;

  struct Refusal {
    absl::Time at;
    Reason reason = Reason::kRejected;
    std::string text;  // "integration generic: alert 2: it has no labels and no dedup key"
  };
  void Note(absl::Time at, Reason reason, std::string_view text);
  // Oldest first.
  std::vector<Refusal> Read() const;

 private:
  mutable Mutex mutex_;
  std::array<std::deque<Refusal>, kReasons> lately_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
