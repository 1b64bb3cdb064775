// The occurrences of a recurrence in the order in which they begin, numbered from 0. What repeats in plain days or weeks is
// arithmetic; other rules are written out once, until the last year that schedules live in, and searched. Neither costs more
// the longer ago a recurrence began.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "escalation/seconds.h"
#include "escalation/zone_clock.h"
#include "model/schedule.h"

namespace tocsin {

class Occurrences {
 public:
  struct Occurrence {
    WallTime start;
    std::int64_t number = 0;
  };

  // Fails on rules that cannot be read (escalation/recurrence_rule.h) and where one occurrence begins before the one before
  // it has ended on the wall clock.
  static absl::StatusOr<Occurrences> Make(const Recurrence& recurrence, const ZoneClock& zone);

  // The last that begins at or before `at`.
  std::optional<Occurrence> Last(WallTime at) const;
  // The beginning of the first that begins after `at`.
  std::optional<WallTime> Next(WallTime at) const;

  std::int64_t length_s() const { return length_s_; }

 private:
  // Every `period_s` the same, from number `first` on and before number `end`.
  struct Periodic {
    WallTime origin;
    std::int64_t period_s = 0;
    std::vector<std::int64_t> offsets;  // ascending, within the period
    std::int64_t first = 0;
    std::int64_t end = INT64_MAX;
    std::int64_t CountUpTo(WallTime at) const;
    WallTime Nth(std::int64_t n) const;
  };
  Occurrences() = default;
  static Periodic MakePeriodic(const Recurrence& recurrence, const struct RecurrenceRule& rule);
  std::int64_t RuleCountUpTo(WallTime at) const;
  WallTime RuleNth(std::int64_t n) const;
  std::int64_t RuleSize() const;
  absl::Status CheckApart() const;

  std::int64_t length_s_ = 0;
  std::optional<Periodic> periodic_;
  std::vector<WallTime> table_;     // when not periodic
  std::vector<WallTime> excluded_;  // of what the rule yields
  std::vector<WallTime> added_;     // beside what the rule yields
};

}  // namespace tocsin
