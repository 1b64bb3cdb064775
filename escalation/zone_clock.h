// What the wall clock of a zone shows, and has shown: the ground that every schedule stands on.
//
//   FirstAt(L)    f(L), the first instant at which the wall clock shows L or later
//   HighWater(t)  M(t), the greatest reading that the wall clock has shown at or before t
//
// f(L) <= t exactly when L <= M(t), and both are monotone. So windows that tile local time tile real time (no gap, no
// double cover, ever), and "is L..R on at t" is L <= M(t) < R: plain arithmetic, without mapping local time to
// instants.
//
//   the clock is put forward: a time that does not exist is the instant of the jump
//   the clock is put back:    a time that is lived twice is its first occurrence, and the first time past the repeated
//                             stretch comes after the second pass. In the repeated hour nobody hands over.
//
// The zone's offset changes are read once, at Load, into a table; afterwards a clock is immutable, takes no lock and
// may be shared by any threads. Nothing asks whether an offset is "daylight saving time": offsets are all there is.
// Resolution: one second.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "escalation/seconds.h"

namespace tocsin {

class ZoneClock {
 public:
  // `name` is an IANA name such as "Europe/Dublin". Names that lead elsewhere than into the zone database (absolute or
  // climbing paths, "localtime", the leap-second and POSIX trees) are not known.
  static absl::StatusOr<ZoneClock> Load(std::string_view name);
  explicit ZoneClock(const absl::TimeZone& zone);

  WallTime HighWater(Instant at) const;
  Instant FirstAt(WallTime reading) const;

  // What the clock shows at `at`: unlike HighWater, this goes back when the clock is put back.
  WallTime Reading(Instant at) const;
  // The first change of offset after `at`, or kNever.
  Instant NextTransition(Instant at) const;

 private:
  // A stretch of one offset; each ends where the next begins, the last one never.
  struct Period {
    Instant start;
    std::int64_t offset_s = 0;  // reading = instant + offset
    WallTime water;             // greatest reading shown before `start`
  };
  const Period& PeriodAt(Instant at) const;

  std::vector<Period> periods_;         // never empty; ascending by start, and so, not strictly, by water
  std::vector<std::uint32_t> by_span_;  // by_span_[n]: the period in which span n of the table's years begins
};

}  // namespace tocsin
