// Who is on call, the slow and obvious way: turns are counted one by one from the rotation's start, windows are tried
// day by day, overrides one after the other. The oracle for escalation/roster.h, with which it shares no code but the
// model.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "model/organisation.h"

namespace tocsin {

// The first instant at which the wall clock of a zone shows a time or later.
using FirstAt = std::function<absl::Time(const absl::TimeZone&, absl::CivilMinute)>;

// By looking at the clock minute after minute. Remembers what it has found.
FirstAt ScanMinutes();
// By asking Abseil: the jump for a time that does not exist, the first occurrence of one that comes twice. Right but
// for times just past a repeated stretch, which Abseil does not know about.
absl::Time AskAbseil(const absl::TimeZone& zone, absl::CivilMinute time);

class NaiveRoster {
 public:
  NaiveRoster(const Organisation& organisation, FirstAt first_at)
      : organisation_(organisation), first_at_(std::move(first_at)) {}

  std::set<UserId> OnCall(const ScheduleId& schedule, absl::Time at) const;

 private:
  std::set<UserId> People(const std::vector<Target>& targets, absl::Time at) const;
  std::set<UserId> Offer(const Layer& layer, const Schedule& schedule, absl::Time at) const;
  bool Begun(absl::CivilMinute time, const absl::TimeZone& zone, absl::Time at) const;
  bool Inside(const Layer& layer, const absl::TimeZone& zone, absl::Time at) const;
  std::int64_t Turn(const Rotation& rotation, const absl::TimeZone& zone, absl::Time at) const;
  std::int64_t ShiftTurn(const Layer& layer, const absl::TimeZone& zone, absl::Time at) const;
  bool FreeOfHolidays(const HolidayRule& rule, const absl::TimeZone& zone, absl::Time at) const;
  std::optional<std::int64_t> RecurrenceTurn(const Recurrence& recurrence,
                                             const absl::TimeZone& zone,
                                             absl::Time at) const;
  std::set<UserId> FixedPeople(const FixedShifts& fixed, absl::Time at) const;
  void Apply(const Override& change, absl::Time at, std::set<UserId>& people) const;

  const Organisation& organisation_;
  FirstAt first_at_;
};

}  // namespace tocsin
