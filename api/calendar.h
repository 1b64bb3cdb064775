// Shifts as calendars read them. The one evaluator that pages go by says what they are. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "escalation/roster.h"
#include "ical/feed.h"

namespace tocsin {

// Calendars look again when it pleases them, and forget what is no longer there: so some of the past stays, and more of the
// future than anybody plans by.
inline constexpr absl::Duration kCalendarPast = absl::Hours(24 * 35);
inline constexpr absl::Duration kCalendarAhead = absl::Hours(24 * 180);
inline constexpr std::size_t kCalendarEvents = 5'000;  // the nearest of them

struct CalendarContext {
  absl::Time now;
  std::uint64_t seed = 0;      // of this server, so that its events are not taken for another's
  std::uint64_t sequence = 0;  // CalendarSequence
  absl::Time modified;
};

// What ical::Feed::sequence is: greater with each version of the organisation, and with each of the moments at which people
// changed schedules, also where several fall into one second. It counts seconds since 2020, so that its 31 bits (RFC 5545)
// last until 2088.
std::uint64_t CalendarSequence(ConfigurationId version, std::vector<absl::Time> moments);

// One event for each shift of Roster::FinalSchedule, gaps included. NotFound: there is no such schedule.
absl::StatusOr<ical::Feed> CalendarOfSchedule(const Roster& roster,
                                              const ScheduleId& schedule,
                                              const CalendarContext& context);

// One event for each stretch that the person is on call in any schedule.
absl::StatusOr<ical::Feed> CalendarOfUser(const Roster& roster, const UserId& user, const CalendarContext& context);

}  // namespace tocsin
