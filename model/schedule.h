// On-call schedules, as values. Evaluated by escalation/schedule.h. Source of the model: specs oncall 3.2.
//
// Local times carry no offset: a handoff is a time of day in a zone, never an instant. All times are whole minutes.
// All intervals are half-open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "model/ids.h"

namespace tocsin {

struct Rotation {
  enum class Type : std::uint8_t {
    kHourly,
    kDaily,
    kWeekly,
    kMonthly,
    kShifts
  };
  enum class Count : std::uint8_t {
    kWall,
    kElapsed
  };  // what a turn's length is measured on
  enum class MonthOverflow : std::uint8_t {
    kClamp,
    kOverflow,
    kSkip
  };  // the 31st in a month of 30 days
  Type type = Type::kWeekly;
  std::int32_t length = 1;  // in units of type; >= 1
  absl::CivilMinute start;  // the anchor: the first handoff, local to the layer's zone
  Count count = Count::kWall;
  MonthOverflow month_overflow = MonthOverflow::kClamp;
  std::int32_t start_index = 0;  // participant of the turn that begins at `start`
  friend bool operator==(const Rotation&, const Rotation&) = default;
};

// Who is meant: the members of a participant, the targets of a step.
struct UserTarget {
  UserId user;
  friend bool operator==(const UserTarget&, const UserTarget&) = default;
};
struct TeamTarget {
  TeamId team;
  friend bool operator==(const TeamTarget&, const TeamTarget&) = default;
};
struct ScheduleTarget {
  // Whose turn of it: next and previous are those who are on call after the next change of people, and before the last
  // one, gaps passed over. Only steps of policies may ask for these.
  enum class Turn : std::uint8_t {
    kPresent,
    kNext,
    kPrevious
  };
  ScheduleId schedule;
  Turn turn = Turn::kPresent;
  friend bool operator==(const ScheduleTarget&, const ScheduleTarget&) = default;
};
// The people behind the first step of another policy that has any. Only steps of policies may name one.
struct PolicyTarget {
  PolicyId policy;
  friend bool operator==(const PolicyTarget&, const PolicyTarget&) = default;
};
using Target = std::variant<UserTarget, TeamTarget, ScheduleTarget, PolicyTarget>;

struct Participant {
  std::vector<Target> members;  // all of them at once; none: a transparent slot, lower layers show through
  friend bool operator==(const Participant&, const Participant&) = default;
};

// A window that recurs daily or weekly in local time; a layer is on only inside the union of its windows.
struct Restriction {
  enum class Type : std::uint8_t {
    kDaily,
    kWeekly
  };
  Type type = Type::kDaily;
  std::int32_t start_minute = 0;       // of the day, 0..1439
  std::int32_t start_day_of_week = 1;  // ISO, Monday 1 .. Sunday 7; weekly only
  std::int32_t duration_minutes = 0;   // wall-clock length, at most 1 day or 7 days
  friend bool operator==(const Restriction&, const Restriction&) = default;
};

// Shifts that recur as RFC 5545 has it, one participant after the other. See escalation/recurrence_rule.h.
struct Recurrence {
  absl::CivilMinute start;  // of the first shift, local to the layer's zone; what the rule yields is counted from here
  absl::CivilMinute end;    // of the first shift; all are as long
  std::string rule;         // "FREQ=WEEKLY;BYDAY=MO,TU"; empty: only `start` and `also`
  std::vector<absl::CivilMinute> except;  // beginnings that the rule yields and that do not happen: nobody's turn
  std::vector<absl::CivilMinute> also;    // further beginnings
  Rotation::Count count = Rotation::Count::kWall;
  std::int32_t shifts_per_participant = 1;  // in a row
  std::int32_t start_index = 0;             // participant of the first shift
  friend bool operator==(const Recurrence&, const Recurrence&) = default;
};

struct FixedShift {
  absl::Time start;
  absl::Time end;
  std::vector<Target> members;
  friend bool operator==(const FixedShift&, const FixedShift&) = default;
};

// Just these; where several are on, all of their members are.
struct FixedShifts {
  std::vector<FixedShift> shifts;
  friend bool operator==(const FixedShifts&, const FixedShifts&) = default;
};
using Pattern = std::variant<Rotation, Recurrence, FixedShifts>;

// On which days a layer is on, in its zone.
struct HolidayRule {
  enum class On : std::uint8_t {
    kNoHoliday,
    kHolidaysOnly
  };
  On on = On::kNoHoliday;
  HolidaysId holidays;  // unset: every day
  friend bool operator==(const HolidayRule&, const HolidayRule&) = default;
};

struct Layer {
  LayerId id;
  std::string name;
  std::int32_t priority = 0;                  // higher hides lower where it has anybody; equal: union
  std::string time_zone;                      // empty: the schedule's
  std::optional<absl::Time> effective_since;  // absent: from the rotation's start
  std::optional<absl::Time> effective_until;
  Pattern pattern;
  std::vector<Participant> participants;  // in turn order; repetition allowed; none where the shifts are fixed
  std::vector<Restriction> restrictions;  // none: always
  HolidayRule holidays;
  friend bool operator==(const Layer&, const Layer&) = default;
};

// use(targets) for each list of people that the layer may have on: of each participant, of each fixed shift.
template <typename Use>
void ForEachCrew(const Layer& layer, const Use& use) {
  for (const Participant& participant : layer.participants)
    use(participant.members);
  if (const auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) {
    for (const FixedShift& shift : fixed->shifts)
      use(shift.members);
  }
}

struct Override {
  enum class Type : std::uint8_t {
    kAssign,
    kAdd,
    kRemove,
    kSwap
  };
  std::string id;
  std::uint64_t seq = 0;  // creation order decides among overlapping ones
  absl::Time start;
  absl::Time end;
  Type type = Type::kAssign;
  std::vector<Target> users;  // assign (may be empty: nobody, opaque), add, remove
  UserId from_user;           // swap: acts only if this one is on
  UserId to_user;
  std::vector<LayerId> layers;  // empty: the whole schedule
  std::string created_by;
  std::string reason;
  friend bool operator==(const Override&, const Override&) = default;
};

// Replaces everything, overrides included, inside [start, end).
struct TemporarySchedule {
  absl::Time start;
  absl::Time end;
  std::vector<FixedShift> shifts;
  friend bool operator==(const TemporarySchedule&, const TemporarySchedule&) = default;
};

// Days of which people say that they are free.
struct Holiday {
  std::int32_t year = 0;  // 0: every year
  std::int32_t month = 1;
  std::int32_t day = 1;
  std::string name;
  friend bool operator==(const Holiday&, const Holiday&) = default;
};
struct HolidayCalendar {
  HolidaysId id;
  std::string name;
  std::vector<Holiday> days;
  friend bool operator==(const HolidayCalendar&, const HolidayCalendar&) = default;
};

// Of which of their own handoffs people are told, without asking.
struct HandoffNotices {
  enum class When : std::uint8_t {
    kNotAtAll,
    kBegins,  // when somebody comes on call
    kEnds,    // when somebody goes off
    kBoth
  };
  When when = When::kNotAtAll;
  absl::Duration ahead;  // so long before somebody comes on call as well; zero: not before
  friend bool operator==(const HandoffNotices&, const HandoffNotices&) = default;
};

struct Schedule {
  // What is done about stretches of the coming year in which nobody is on call.
  enum class Gaps : std::uint8_t {
    kWarn,
    kAllow,  // they are meant
    kRefuse  // what would have one is refused
  };
  static constexpr absl::Duration kGapNotice = absl::Hours(24);

  ScheduleId id;
  std::string name;
  TeamId team;            // owner
  std::string time_zone;  // IANA
  std::vector<Layer> layers;
  std::vector<Override> overrides;
  std::vector<TemporarySchedule> temporary_schedules;
  Gaps gaps = Gaps::kWarn;
  absl::Duration gap_notice = kGapNotice;  // so long before a gap its owner is told; zero: never
  HandoffNotices handoff_notices = {};     // of people who do not say it themselves
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace tocsin
