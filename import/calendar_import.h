// Somebody else's calendars as a schedule: every event becomes shifts of whoever its summary names.
//
//   "[L2] Anna, bruno"      level 2: hides lower levels where it has somebody; people by id, name or e-mail address
//   RRULE                   a layer with that recurrence; single events are fixed shifts
//   RECURRENCE-ID, EXDATE, STATUS:CANCELLED ...   as calendars mean them
//
// An occurrence whose beginning the clocks skip is where RFC 5545 has it, and not where shifts of our own would be.
//
// Hostile input: calendars come from wherever a URL points. All that cannot be carried over is told with its file and line, sizes and
// expansions are bounded, and no input crashes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/organisation.h"

namespace tocsin {

struct CalendarFile {
  std::string name;  // for messages
  std::string text;
};

// One shift as the calendar itself says it.
struct CalendarOccurrence {
  absl::Time start;
  absl::Time end;
  std::int32_t level = 0;
  std::vector<UserId> users;
};

struct CalendarImport {
  Schedule schedule;
  std::vector<std::string> problems;  // feed.ics:12: ...; what they say is left out or is otherwise
  std::size_t events = 0;             // that were carried over
};

// Where written-out occurrences begin and end, from `now`.
inline constexpr absl::Duration kCalendarBehind = absl::Hours(24 * 90);
inline constexpr absl::Duration kCalendarHorizon = absl::Hours(24 * 731);

// `people` are looked up; `id` and `time_zone` are the schedule's. The zone also says what floating times mean where a calendar
// itself does not say so. What cannot be said by a rule is written out from 90 days before `now` to two years after it.
// `occurrences`: all that there are in that time, counted out one by one, to hold what the schedule answers against.
CalendarImport ImportCalendars(std::span<const CalendarFile> files,
                               const Organisation& people,
                               const ScheduleId& id,
                               const std::string& time_zone,
                               absl::Time now,
                               std::vector<CalendarOccurrence>* occurrences = nullptr);

// Whom the summaries of a calendar's events name, each once, in their order: at most `most` of them.
std::vector<std::string> NamesInCalendar(std::string_view text, std::size_t most);

}  // namespace tocsin
