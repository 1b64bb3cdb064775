// Whether an instant lies inside of recurring times, and when that changes next. As Alertmanager's time intervals
// (specs/wire-compat.md 1.12): what counts is what the zone's wall clock shows at the instant, so an hour that is lived
// twice is inside twice, and one that is skipped never is.
//
// Immutable after Compile; pure.
#pragma once

#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/time_interval.h"

namespace tocsin {

class TimeIntervals {
 public:
  // Nothing is inside of none.
  TimeIntervals() = default;
  // Fails on fields that mean nothing and on unknown zones.
  static absl::StatusOr<TimeIntervals> Compile(std::span<const RecurringTime> times);

  // Inside any of them.
  bool Contains(absl::Time at) const;
  // The first instant after `at` at which Contains changes; or one before which it certainly does not, at most
  // kLookAhead later: look again then.
  absl::Time NextChange(absl::Time at) const;

  static constexpr absl::Duration kLookAhead = absl::Hours(40 * 24);

 private:
  class Impl;
  std::shared_ptr<const Impl> impl_;  // null for none
};

}  // namespace tocsin
