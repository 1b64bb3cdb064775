// Whole seconds with a kind, so that an instant and a reading of a wall clock cannot be mixed up.
//
// The evaluator of schedules works on these: all of its boundaries are whole seconds (schedules are whole minutes, and
// zones change on whole seconds), and plain integers keep the hot path free of saturating arithmetic.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace tocsin {

inline constexpr std::int64_t kMinuteSeconds = 60;
inline constexpr std::int64_t kHourSeconds = 60 * kMinuteSeconds;
inline constexpr std::int64_t kDaySeconds = 24 * kHourSeconds;
inline constexpr std::int64_t kWeekSeconds = 7 * kDaySeconds;

template <class Tag>
struct SecondsSince {
  std::int64_t seconds = 0;
  friend constexpr auto operator<=>(SecondsSince, SecondsSince) = default;
  friend constexpr SecondsSince operator+(SecondsSince a, std::int64_t seconds) { return {a.seconds + seconds}; }
  friend constexpr SecondsSince operator-(SecondsSince a, std::int64_t seconds) { return {a.seconds - seconds}; }
  friend constexpr std::int64_t operator-(SecondsSince a, SecondsSince b) { return a.seconds - b.seconds; }
};

using Instant = SecondsSince<struct InstantTag>;    // since 1970-01-01T00:00:00Z
using WallTime = SecondsSince<struct WallTimeTag>;  // since the wall clock in question read 1970-01-01 00:00:00

// Schedules live in these years; an instant outside is taken as the nearest one inside. The margin to the 64-bit range
// is what lets arithmetic on instants go unchecked.
inline constexpr int kFirstYear = 1900;
inline constexpr int kEndYear = 2400;
inline constexpr Instant kFirstInstant = {absl::CivilSecond(kFirstYear) - absl::CivilSecond(1970)};
inline constexpr Instant kEndInstant = {absl::CivilSecond(kEndYear) - absl::CivilSecond(1970)};
inline constexpr Instant kNever = {INT64_MAX};  // as a next boundary: there is none

// Rounds down to the second, and into the years above.
inline Instant ToInstant(absl::Time time) {
  return {std::clamp(absl::ToUnixSeconds(time), kFirstInstant.seconds, kEndInstant.seconds)};
}
inline absl::Time ToTime(Instant instant) {
  return absl::FromUnixSeconds(instant.seconds);
}

inline WallTime ToWallTime(absl::CivilSecond civil) {
  return {civil - absl::CivilSecond(1970)};
}

constexpr std::int64_t FloorDiv(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return quotient - static_cast<std::int64_t>((a % b != 0) && ((a < 0) != (b < 0)));
}
// In [0, b) for b > 0.
constexpr std::int64_t FloorMod(std::int64_t a, std::int64_t b) {
  const std::int64_t remainder = a % b;
  return remainder < 0 ? remainder + b : remainder;
}

}  // namespace tocsin
