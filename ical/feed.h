// A calendar as calendars subscribe to it: shifts written out one by one, in UTC, so that neither recurrence rules nor time
// zones have to be understood alike on both sides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tocsin::ical {

struct Event {
  // Unique everywhere, and the same whenever the event is written: "...@tocsin". Who subscribes tells by it what is new.
  std::string uid;
  absl::Time start;
  absl::Time end;  // exclusive
  std::string summary;
  std::string description;
  std::vector<std::string> categories;
};

struct Feed {
  std::string name;
  std::string time_zone;  // IANA: the zone that calendars show it in at first; empty: theirs
  std::string product;    // who writes it
  std::string address;    // where it can be looked at in full; empty: nowhere
  // Both rise with whatever changes events, else some calendars keep what they have.
  std::uint64_t sequence = 0;
  absl::Time modified;
  std::vector<Event> events;
};

// CRLF, UTF-8, folded: what text/calendar is.
std::string Write(const Feed& feed);

}  // namespace tocsin::ical
