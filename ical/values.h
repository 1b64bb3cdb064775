// What stands in iCalendar's properties: moments, durations, names of time zones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace tocsin::ical {

// 20261225, 20261225T080000, 20261225T080000Z.
struct Moment {
  absl::CivilSecond civil;
  bool date_only = false;  // the whole day
  bool utc = false;        // else local to a zone that a parameter names, or to nobody's: floating
};
std::optional<Moment> ParseMoment(std::string_view text);

// P1W, P1DT2H, -PT15M: days are days of the wall clock.
struct Span {
  int days = 0;
  absl::Duration exact;
};
std::optional<Span> ParseSpan(std::string_view text);

// The instant that a wall clock shows `civil` at, as RFC 5545 3.3.5 has it: the first one where it comes twice; where it
// never comes, counted with the offset from before the gap.
absl::Time AtWallClock(absl::CivilSecond civil, const absl::TimeZone& zone);

// The IANA name of what a TZID or X-WR-TIMEZONE says: itself; Windows' "W. Europe Standard Time"; a path that ends with it
// ("/freeassociation.sourceforge.net/Europe/Berlin"). Empty: nobody knows it.
std::string ZoneName(std::string_view tzid);

}  // namespace tocsin::ical
