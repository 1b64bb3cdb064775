// What holds a firing alert back, in one number, as alert records and the journal keep it: the kind in the top bits, the
// kind's own number below. 0: nothing. What was journalled before there were kinds reads as what it was: a silence.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "model/ids.h"

namespace tocsin {

class Hold {
 public:
  enum class Kind : std::uint8_t {
    kSilence = 0,     // or a maintenance window: both are the responder's rows of one kind
    kInhibition = 1,  // by a rule of the organisation
  };
  constexpr Hold() = default;
  constexpr Hold(SilenceId silence) : value_(silence.value() & kNumberMask) {}
  // A rule is known by a hash of its name: nothing needs to be remembered about rules that are gone.
  static Hold ByRule(const InhibitionRuleId& rule) {
    Hold hold;
    hold.value_ = (std::uint64_t{1} << kKindShift) | (Hash64(rule.value()) & kNumberMask);
    return hold;
  }
  static constexpr Hold FromJournal(std::uint64_t value) {
    Hold hold;
    hold.value_ = value;
    return hold;
  }

  constexpr bool set() const { return value_ != 0; }
  constexpr Kind kind() const { return value_ >> kKindShift == 0 ? Kind::kSilence : Kind::kInhibition; }
  // Unset when it is none.
  constexpr SilenceId silence() const { return kind() == Kind::kSilence ? SilenceId(value_) : SilenceId(); }
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(Hold, Hold) = default;

 private:
  static constexpr unsigned kKindShift = 60;
  static constexpr std::uint64_t kNumberMask = (std::uint64_t{1} << kKindShift) - 1;
  std::uint64_t value_ = 0;
};

}  // namespace tocsin
