// Calendars: each file is a schedule. Who is on call stands in the summaries of its events; import/calendar_import.h reads them, here as
// for the API.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "ical/content_lines.h"
#include "ical/document.h"
#include "ical/values.h"
#include "import/calendar_import.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

constexpr std::size_t kPeople = 1'000;

std::string TextOf(const ical::Document& document, std::string_view name) {
  for (const ical::Component& calendar : document.calendars) {
    if (const ical::Property* property = calendar.Find(name))
      return std::string(Trim(ical::UnescapeText(property->value)));
  }
  return "";
}

// Whoever has somebody in a level hides those in the levels below.
std::vector<Entry> EntriesOf(const std::vector<CalendarOccurrence>& occurrences) {
  std::map<absl::Time, std::vector<std::pair<bool, const CalendarOccurrence*>>> edges;
  for (const CalendarOccurrence& each : occurrences) {
    edges[each.start].emplace_back(true, &each);
    edges[each.end].emplace_back(false, &each);
  }
  std::map<std::int32_t, std::multiset<UserId>> on;  // by level
  std::vector<Entry> entries;
  absl::Time since;
  for (const auto& [at, changes] : edges) {
    if (!on.empty()) {
      const std::multiset<UserId>& top = on.rbegin()->second;
      Entry entry{
          since, at, {top.begin(), top.end()}
      };
      entry.users.erase(std::ranges::unique(entry.users).begin(), entry.users.end());
      entries.push_back(std::move(entry));
    }
    for (const auto& [begins, each] : changes) {
      std::multiset<UserId>& level = on[each->level];
      for (const UserId& user : each->users) {
        if (begins) level.insert(user);
        if (!begins) level.erase(level.find(user));
      }
      if (level.empty()) on.erase(each->level);
    }
    since = at;
  }
  return entries;
}

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}

  void Read(const Document& document) {
    const Item item(&document.root, document.file + ":", &draft_.report());
    const std::string& text = document.root.text;
    const ical::Document read = ical::Parse(text);
    if (read.calendars.empty() && !read.troubles.empty()) return item.Problem(read.troubles.front().message);
    if (read.calendars.empty()) {
      item.Problem("holds no calendar: it must begin with BEGIN:VCALENDAR, and is what the calendar's address answers");
      return;
    }
    std::string name = TextOf(read, "X-WR-CALNAME");
    if (name.empty()) name = TextOf(read, "NAME");
    if (name.empty()) name = StemOf(document.file);
    const ScheduleId id(draft_.schedules.Claim(name));
    draft_.schedules.Call(name, id.value());
    std::string zone = ical::ZoneName(TextOf(read, "X-WR-TIMEZONE"));
    if (zone.empty()) {
      zone = "UTC";
      item.Lose(Grade::kCosmetic, "the zone that its calendar is kept in (X-WR-TIMEZONE)",
                "UTC: what names no zone of its own is read by it");
    }
    std::vector<CalendarOccurrence> occurrences;
    const CalendarFile file{document.file, text};
    const absl::Time now = draft_.options().now;
    CalendarImport imported = ImportCalendars({&file, 1}, PeopleOf(item, text), id, zone, now, &occurrences);
    imported.schedule.name = Line(name, id.value());
    for (const std::string& problem : imported.problems) {
      const std::size_t colon = problem.find(": ");
      const bool placed = colon != std::string::npos;
      draft_.report().Lose(Grade::kWho, placed ? problem.substr(0, colon) : document.file,
                           placed ? problem.substr(colon + 2) : problem, "as it says");
    }
    constexpr std::size_t kMostCounted = 200'000;
    if (!occurrences.empty() && occurrences.size() < kMostCounted) {
      draft_.renderings.push_back({id, "its events, counted out one by one",
                                   WholeMinute(now - kCalendarBehind) + absl::Minutes(1),
                                   WholeMinute(now + kCalendarHorizon), EntriesOf(occurrences)});
    }
    draft_.organisation().schedules.push_back(std::move(imported.schedule));
  }

 private:
  // With people declared beside it, they and nobody else are meant; else whoever is named becomes somebody.
  Organisation PeopleOf(const Item& item, const std::string& text) {
    Organisation people;
    people.users = draft_.options().present.users;
    if (!people.users.empty()) return people;
    for (const std::string& name : NamesInCalendar(text, kPeople)) {
      if (draft_.FindUser(ToLower(name))) continue;
      const bool address = name.find('@') != std::string::npos;
      draft_.AddUser(item, {ToLower(name), name, address ? name : "", ""});
    }
    people.users = draft_.organisation().users;
    return people;
  }

  Draft& draft_;
};

}  // namespace

void ReadCalendars(std::span<const Document> documents, Draft& draft) {
  Reader reader(draft);
  for (const Document& document : documents) {
    if (!document.only_rendered) reader.Read(document);
  }
}

}  // namespace tocsin::import
