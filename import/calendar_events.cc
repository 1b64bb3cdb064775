#include "import/calendar_events.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "base/strings.h"
#include "ical/content_lines.h"

namespace tocsin {
namespace {

constexpr std::size_t kShownBytes = 80;
constexpr std::size_t kNamesOfEvent = 20;
constexpr std::int64_t kLongestMinutes = 60 * 24 * 366;

std::string Quoted(std::string_view text) {
  return JsonQuote(TruncateUtf8(text, kShownBytes));
}

std::string TextOf(const ical::Component& component, std::string_view name) {
  const ical::Property* property = component.Find(name);
  return property == nullptr ? "" : std::string(Trim(ical::UnescapeText(property->value)));
}

// The calendar's own name for a zone may be explained by one of its VTIMEZONEs.
std::string KnownZone(const ical::Component& calendar, std::string_view tzid) {
  std::string known = ical::ZoneName(tzid);
  for (const ical::Component& each : calendar.components) {
    if (!known.empty() || each.name != "VTIMEZONE" || TextOf(each, "TZID") != tzid) continue;
    known = ical::ZoneName(TextOf(each, "X-LIC-LOCATION"));
  }
  return known;
}

class EventReader {
 public:
  EventReader(const ical::Component& calendar,
              const ical::Component& event,
              const CalendarZone& zone,
              const Organisation& people,
              const TellTrouble& tell)
      : calendar_(calendar), from_(event), default_zone_(zone), people_(people), tell_(tell) {}

  std::optional<CalendarEvent> Run() {
    event_.line = from_.line;
    event_.uid = TextOf(from_, "UID");
    event_.cancelled = ToLower(TextOf(from_, "STATUS")) == "cancelled";
    const std::string sequence = TextOf(from_, "SEQUENCE");
    std::from_chars(sequence.data(), sequence.data() + sequence.size(), event_.sequence);
    if (!ReadStart() || !ReadEnd()) return std::nullopt;
    if (const ical::Property* of = from_.Find("RECURRENCE-ID")) {
      const auto moment = MomentOf(*of, of->value);
      if (!moment) return Fail(of->line, "RECURRENCE-ID cannot be read: left out");
      if (!of->Parameter("RANGE").empty()) {
        tell_(of->line, "RECURRENCE-ID with RANGE: only this one occurrence is taken to have changed");
      }
      event_.replaces = InstantOf(*moment);
    }
    if (event_.cancelled) return event_;
    ReadSummary();
    if (event_.users.empty()) return std::nullopt;
    ReadRecurrence();
    return event_;
  }

 private:
  struct Placed {
    ical::Moment moment;
    CalendarZone zone;
  };

  std::nullopt_t Fail(int line, std::string message) const {
    tell_(line, std::move(message));
    return std::nullopt;
  }

  std::optional<Placed> MomentOf(const ical::Property& property, std::string_view text) const {
    const std::optional<ical::Moment> moment = ical::ParseMoment(text);
    if (!moment) return std::nullopt;
    if (moment->utc)
      return Placed{
          *moment, {"UTC", absl::UTCTimeZone()}
      };
    const std::string_view tzid = property.Parameter("TZID");
    Placed placed{*moment, default_zone_};
    if (tzid.empty() || moment->date_only) return placed;
    const std::string known = KnownZone(calendar_, tzid);
    if (known.empty() || !absl::LoadTimeZone(known, &placed.zone.zone)) {
      tell_(property.line,
            absl::StrFormat("the time zone %s is not known: read as %s", Quoted(tzid), default_zone_.name));
      return Placed{*moment, default_zone_};
    }
    placed.zone.name = known;
    return placed;
  }

  absl::Time InstantOf(const Placed& placed) const {
    return ical::AtWallClock(absl::CivilMinute(placed.moment.civil), placed.zone.zone);
  }

  // On the wall clock of the event's zone.
  absl::CivilMinute Local(const Placed& placed) const {
    if (placed.zone.name == event_.zone.name) return absl::CivilMinute(placed.moment.civil);
    return absl::CivilMinute(absl::ToCivilSecond(InstantOf(placed), event_.zone.zone));
  }

  bool ReadStart() {
    const ical::Property* start = from_.Find("DTSTART");
    if (start == nullptr) return Fail(from_.line, "no DTSTART: left out"), false;
    const auto placed = MomentOf(*start, start->value);
    if (!placed) return Fail(start->line, "DTSTART cannot be read: left out"), false;
    if (placed->moment.civil.second() != 0) tell_(start->line, "shifts begin and end on whole minutes: cut to one");
    event_.zone = placed->zone;
    event_.all_day = placed->moment.date_only;
    event_.start = absl::CivilMinute(placed->moment.civil);
    return true;
  }

  bool ReadEnd() {
    event_.end = event_.all_day ? event_.start + 24 * 60 : event_.start;
    if (const ical::Property* end = from_.Find("DTEND")) {
      const auto placed = MomentOf(*end, end->value);
      if (!placed) return Fail(end->line, "DTEND cannot be read: left out"), false;
      event_.elapsed = !event_.all_day;
      const absl::Duration length = InstantOf(*placed) - event_.StartOf(event_.start);
      event_.end = event_.elapsed ? event_.start + absl::ToInt64Minutes(length) : Local(*placed);
    } else if (const ical::Property* of = from_.Find("DURATION")) {
      const std::optional<ical::Span> span = ical::ParseSpan(of->value);
      if (!span) return Fail(of->line, "DURATION cannot be read: left out"), false;
      event_.elapsed = span->days == 0;
      event_.end = event_.start + (std::int64_t{span->days} * 24 * 60 + absl::ToInt64Minutes(span->exact));
    }
    if (event_.end <= event_.start) return Fail(from_.line, "it ends when it begins: left out"), false;
    if (event_.end - event_.start > kLongestMinutes)
      return Fail(from_.line, "it is longer than a year: left out"), false;
    return true;
  }

  void ReadSummary() {
    const CalendarSummary summary = ReadCalendarSummary(from_);
    event_.level = summary.level;
    event_.title = summary.title;
    if (summary.nobody) return;
    std::vector<std::string> unknown;
    if (!AddUser(event_.title)) {
      for (const std::string& name : summary.names)
        if (!AddUser(name)) unknown.push_back(Quoted(name));
    }
    for (const ical::Property& each : from_.properties) {
      if (each.name != "ATTENDEE" || !event_.users.empty()) continue;
      const std::string address = ToLower(each.value);
      if (address.starts_with("mailto:")) AddUser(std::string_view(address).substr(7));
    }
    if (event_.users.empty()) {
      tell_(from_.line, absl::StrFormat("%s names nobody of the organisation, by id, name or e-mail address: left out",
                                        Quoted(event_.title)));
    }
    const bool some_are_known = unknown.size() < summary.names.size();
    if (!event_.users.empty() && some_are_known && !unknown.empty()) {
      tell_(from_.line, absl::StrFormat("%s: nobody of the organisation is %s: left out, the others are taken",
                                        Quoted(event_.title), absl::StrJoin(unknown, " or ")));
    }
    std::ranges::sort(event_.users);
    event_.users.erase(std::ranges::unique(event_.users).begin(), event_.users.end());
  }

  bool AddUser(std::string_view text) {
    const std::string wanted = ToLower(text);
    if (wanted.empty()) return false;
    for (const User& user : people_.users) {
      const bool by_address = std::ranges::any_of(user.contact_methods, [&](const ContactMethod& method) {
        return method.kind == ContactMethod::Kind::kEmail && ToLower(method.address) == wanted;
      });
      if (!by_address && ToLower(user.id.value()) != wanted && ToLower(user.name) != wanted) continue;
      event_.users.push_back(user.id);
      return true;
    }
    return false;
  }

  void ReadRecurrence() {
    for (const ical::Property& each : from_.properties) {
      if (each.name == "RRULE") {
        if (!event_.rule.empty()) tell_(each.line, "a second RRULE: only the first counts");
        if (event_.rule.empty()) event_.rule = std::string(Trim(each.value));
      } else if (each.name == "EXDATE" || each.name == "RDATE") {
        ReadDates(each);
      } else if (each.name == "EXRULE") {
        tell_(each.line, "EXRULE: not understood, its occurrences are not taken out");
      }
    }
  }

  void ReadDates(const ical::Property& property) {
    for (const auto part : absl::StrSplit(property.value, ',')) {
      const std::string_view text = ToStd(part);
      const auto placed = MomentOf(property, text.substr(0, text.find('/')));
      if (!placed) {
        tell_(property.line, property.name + ": " + Quoted(text) + " cannot be read");
      } else if (property.name == "RDATE") {
        if (text.find('/') != std::string_view::npos) {
          tell_(property.line, "RDATE with a period: taken to be as long as the others");
        }
        event_.also.push_back(Local(*placed));
      } else if (placed->moment.date_only && !event_.all_day) {
        event_.except_days.push_back(absl::CivilDay(placed->moment.civil));
      } else {
        event_.except.push_back(Local(*placed));
      }
    }
  }

  const ical::Component& calendar_;
  const ical::Component& from_;
  const CalendarZone& default_zone_;
  const Organisation& people_;
  const TellTrouble& tell_;
  CalendarEvent event_;
};

}  // namespace

CalendarSummary ReadCalendarSummary(const ical::Component& event) {
  CalendarSummary summary;
  std::string title = TextOf(event, "SUMMARY");
  if (title.starts_with("[L") || title.starts_with("[l")) {
    const char* const end = title.data() + title.size();
    const auto [stop, error] = std::from_chars(title.data() + 2, end, summary.level);
    const bool is_level =
        error == std::errc() && stop != end && *stop == ']' && summary.level >= 0 && summary.level < 1000;
    if (is_level) title = std::string(Trim(std::string_view(stop + 1, static_cast<std::size_t>(end - stop - 1))));
    if (!is_level) summary.level = 0;
  }
  if (title.starts_with("NOBODY is on call: ")) {
    summary.nobody = true;
    return summary;
  }
  summary.title = title.substr(0, title.rfind(" on call: "));
  for (const auto name : absl::StrSplit(summary.title, ',')) {
    const std::string_view trimmed = Trim(ToStd(name));
    if (!trimmed.empty() && summary.names.size() < kNamesOfEvent) summary.names.emplace_back(trimmed);
  }
  return summary;
}

CalendarZone ZoneOfCalendar(const ical::Component& calendar, const CalendarZone& otherwise, const TellTrouble& tell) {
  const ical::Property* property = calendar.Find("X-WR-TIMEZONE");
  if (property == nullptr) return otherwise;
  CalendarZone zone{KnownZone(calendar, Trim(property->value)), {}};
  if (!zone.name.empty() && absl::LoadTimeZone(zone.name, &zone.zone)) return zone;
  tell(property->line,
       absl::StrFormat("the time zone %s is not known: read as %s", Quoted(property->value), otherwise.name));
  return otherwise;
}

std::optional<CalendarEvent> ReadCalendarEvent(const ical::Component& calendar,
                                               const ical::Component& event,
                                               const CalendarZone& zone,
                                               const Organisation& people,
                                               const TellTrouble& tell) {
  return EventReader(calendar, event, zone, people, tell).Run();
}

}  // namespace tocsin
