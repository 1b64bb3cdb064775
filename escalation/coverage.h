// Whether somebody is always on call, and if not, why not: the proof that is made when schedules are declared, by the
// evaluator that pages go by. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "escalation/roster.h"

namespace tocsin {

// Nobody is on call in [start, end), all through for the same cause.
struct Gap {
  enum class Cause : std::uint8_t {
    kNoLayer,    // no layer is on
    kEmptySlot,  // a layer is on, and it is the turn of nobody
    kSilenced    // an override or a temporary schedule takes away who would be on call
  };
  absl::Time start;
  absl::Time end;
  Cause cause = Cause::kNoLayer;
  std::string why;  // in words: "override o7 instead of alice"
  friend bool operator==(const Gap&, const Gap&) = default;
};

// How far a proof looks ahead: every change of the clocks of a year is in it.
inline constexpr absl::Duration kCoverageHorizon = absl::Hours(24 * 7 * 52);

class Coverage {
 public:
  explicit Coverage(Roster roster) : roster_(std::move(roster)) {}

  // Ascending, tiling the stretches of Roster::Gaps; at most `most` stretches of these are taken apart, the rest is left out.
  // Errors as Roster::FinalSchedule. Not for several threads: what is found out on the way is kept.
  absl::StatusOr<std::vector<Gap>> Gaps(const ScheduleId& schedule,
                                        absl::Time since,
                                        absl::Time until,
                                        std::size_t most);

 private:
  absl::Status Prepare();
  absl::Status TakeApart(const ScheduleId& schedule, const Shift& gap, std::vector<Gap>& gaps) const;
  Gap Silenced(const ScheduleId& schedule, const Shift& stretch) const;
  Gap EmptySlot(const ScheduleId& schedule, const Shift& stretch) const;

  Roster roster_;
  std::optional<Roster> as_declared_;  // without overrides and temporary schedules
  std::optional<Roster> never_empty_;  // nor empty slots: whenever a layer is on, somebody is
};

}  // namespace tocsin
