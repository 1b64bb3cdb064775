#include "ical/feed.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

#include "ical/content_lines.h"

namespace tocsin::ical {
namespace {

// How often to look again. Few heed it, each another of the two.
constexpr std::string_view kRefresh = "PT1H";

std::string Utc(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone());
}

void AppendEvent(std::string& out, const Feed& feed, const Event& event) {
  // SEQUENCE is an INTEGER: 32 bits with a sign.
  const std::uint64_t sequence =
      std::min(feed.sequence, std::uint64_t{static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())});
  AppendLine(out, "BEGIN", "VEVENT");
  AppendLine(out, "UID", EscapeText(event.uid));
  AppendLine(out, "DTSTAMP", Utc(feed.modified));
  AppendLine(out, "LAST-MODIFIED", Utc(feed.modified));
  AppendLine(out, "SEQUENCE", absl::StrCat(sequence));
  AppendLine(out, "DTSTART", Utc(event.start));
  AppendLine(out, "DTEND", Utc(event.end));
  AppendLine(out, "SUMMARY", EscapeText(event.summary));
  if (!event.description.empty()) AppendLine(out, "DESCRIPTION", EscapeText(event.description));
  std::string categories;
  for (const std::string& category : event.categories)
    categories += (categories.empty() ? "" : ",") + EscapeText(category);
  if (!categories.empty()) AppendLine(out, "CATEGORIES", categories);
  if (!feed.address.empty()) AppendLine(out, "URL", feed.address);
  AppendLine(out, "STATUS", "CONFIRMED");
  AppendLine(out, "TRANSP", "TRANSPARENT");  // who is on call is not busy
  AppendLine(out, "END", "VEVENT");
}

}  // namespace

std::string Write(const Feed& feed) {
  std::string out;
  AppendLine(out, "BEGIN", "VCALENDAR");
  AppendLine(out, "VERSION", "2.0");
  AppendLine(out, "PRODID", EscapeText(feed.product));
  AppendLine(out, "CALSCALE", "GREGORIAN");
  AppendLine(out, "METHOD", "PUBLISH");  // anything else would be an invitation to Outlook
  AppendLine(out, "NAME", EscapeText(feed.name));
  AppendLine(out, "X-WR-CALNAME", EscapeText(feed.name));
  if (!feed.time_zone.empty()) AppendLine(out, "X-WR-TIMEZONE", EscapeText(feed.time_zone));
  AppendLine(out, "REFRESH-INTERVAL;VALUE=DURATION", kRefresh);
  AppendLine(out, "X-PUBLISHED-TTL", kRefresh);
  AppendLine(out, "LAST-MODIFIED", Utc(feed.modified));
  // A calendar needs a component, and UTC needs no time zone: this one is only there so that an empty feed is a calendar.
  if (feed.events.empty()) {
    AppendLine(out, "BEGIN", "VTIMEZONE");
    AppendLine(out, "TZID", "UTC");
    AppendLine(out, "BEGIN", "STANDARD");
    AppendLine(out, "DTSTART", "19700101T000000");
    AppendLine(out, "TZOFFSETFROM", "+0000");
    AppendLine(out, "TZOFFSETTO", "+0000");
    AppendLine(out, "END", "STANDARD");
    AppendLine(out, "END", "VTIMEZONE");
  }
  for (const Event& event : feed.events)
    AppendEvent(out, feed, event);
  AppendLine(out, "END", "VCALENDAR");
  return out;
}

}  // namespace tocsin::ical
