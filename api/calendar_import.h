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
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/organisation.h"

namespace tocsin {

struct CalendarFile {
  std::string name;  // for messages
  std::string text;
};

struct CalendarImport {
  Schedule schedule;
  std::vector<std::string> problems;  // feed.ics:12: ...; what they say is left out or is otherwise
  std::size_t events = 0;             // that were carried over
};

// `people` are looked up; `id` and `time_zone` are the schedule's. The zone also says what floating times mean where a calendar
// itself does not say so. What cannot be said by a rule is written out from 90 days before `now` to two years after it.
CalendarImport ImportCalendars(std::span<const CalendarFile> files,
                               const Organisation& people,
                               const ScheduleId& id,
                               const std::string& time_zone,
                               absl::Time now);

}  // namespace tocsin
