// Private to calendar_import: one event of a calendar, read as far as shifts need it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "ical/document.h"
#include "ical/values.h"
#include "model/organisation.h"

namespace tocsin {

struct CalendarZone {
  std::string name;
  absl::TimeZone zone;
};

struct CalendarEvent {
  int line = 0;
  std::string uid;
  std::string title;  // without its level
  std::int32_t level = 0;
  std::vector<UserId> users;
  CalendarZone zone;        // that it is kept in
  absl::CivilMinute start;  // on the wall clock of it
  absl::CivilMinute end;    // of the first occurrence; as much later as it is long
  bool elapsed = false;     // its length is real time, else time of the wall clock
  bool all_day = false;
  bool cancelled = false;
  std::int64_t sequence = 0;
  std::optional<absl::Time> replaces;  // RECURRENCE-ID: the occurrence that would have begun then
  std::string rule;                    // RRULE
  std::vector<absl::CivilMinute> except;
  std::vector<absl::CivilDay> except_days;
  std::vector<absl::CivilMinute> also;

  absl::Time StartOf(absl::CivilMinute occurrence) const { return ical::AtWallClock(occurrence, zone.zone); }
  absl::Time EndOf(absl::CivilMinute occurrence) const {
    if (elapsed) return StartOf(occurrence) + absl::Minutes(end - start);
    return ical::AtWallClock(occurrence + (end - start), zone.zone);
  }
};

// "[L2] Anna, bruno", or as our own feeds have it "Anna, bruno on call: database".
struct CalendarSummary {
  std::string title;  // without its level
  std::int32_t level = 0;
  std::vector<std::string> names;
  bool nobody = false;  // is on call, it says
};
CalendarSummary ReadCalendarSummary(const ical::Component& event);

using TellTrouble = std::function<void(int line, std::string message)>;

// The zone that a calendar says floating times are in, or `otherwise`.
CalendarZone ZoneOfCalendar(const ical::Component& calendar, const CalendarZone& otherwise, const TellTrouble& tell);

// nullopt: it cannot be read, or nobody known is meant; told, unless it says that nobody is on call.
std::optional<CalendarEvent> ReadCalendarEvent(const ical::Component& calendar,
                                               const ical::Component& event,
                                               const CalendarZone& zone,
                                               const Organisation& people,
                                               const TellTrouble& tell);

}  // namespace tocsin
