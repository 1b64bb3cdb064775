// Writes calendar feeds of random schedules, each with what the evaluator says, for calendar_libraries_test.py: a line of JSON
// each. Half of them around a change of the clocks.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "api/calendar.h"
#include "base/random.h"
#include "base/status.h"
#include "base/strings.h"
#include "ical/feed.h"
#include "tests/escalation/random_schedule.h"

namespace tocsin {
namespace {

// What folding and escaping have to bear. No backslash before an n: python3-icalendar 4.0.3 reads an escaped one as a line break.
std::string RandomName(Random& random) {
  static constexpr const char* kPieces[] = {
      "Anna", "Müller",         "O'Brien",      "漢字",  "🙂", ", ",  ";",   "\\ ", "\"Bob\"",
      " ",    "Ñandú",          "née",          "-",     ": ",   "ﬁsh", "Jr.", "&",   "<b>",
      "ẞ",    "🏳️‍🌈", "BEGIN:VEVENT", "Ω≈ç√∫",
  };
  std::string name;
  for (std::uint64_t left = 1 + random.Below(20); left > 0; --left)
    name += kPieces[random.Below(std::size(kPieces))];
  return std::string(Trim(name)) + ".";
}

std::string Shifts(const Roster& roster, const Schedule& schedule, absl::Time now) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time day = absl::FromCivil(absl::ToCivilDay(now, utc), utc);
  const absl::Time since = day - kCalendarPast;
  const absl::Time until = day + kCalendarAhead;
  const absl::StatusOr<std::vector<Shift>> shifts =
      roster.FinalSchedule(schedule.id, since - absl::Hours(24 * 60), until + absl::Hours(24 * 60));
  TOCSIN_CHECK(shifts.ok(), "the range can be asked for");
  std::string out;
  for (const Shift& shift : *shifts) {
    if (shift.end <= since || shift.start >= until) continue;
    absl::StrAppend(&out, out.empty() ? "" : ",", "[", absl::ToUnixSeconds(shift.start), ",",
                    absl::ToUnixSeconds(shift.end), ",[");
    for (std::size_t i = 0; i < shift.users.size(); ++i)
      absl::StrAppend(&out, i == 0 ? "" : ",", JsonQuote(roster.organisation().Find(shift.users[i])->name));
    out += "]]";
  }
  return "[" + out + "]";
}

void Run(int rounds) {
  const std::vector<std::string> zones = AllZones();
  Random random(2026);
  for (int round = 0; round < rounds; ++round) {
    const std::string zone = zones.empty() ? "UTC" : zones[random.Below(zones.size())];
    absl::TimeZone loaded;
    absl::LoadTimeZone(zone, &loaded);
    absl::Time now = absl::FromUnixSeconds(random.Between(1'500'000'000, 1'900'000'000));
    absl::TimeZone::CivilTransition transition;
    if (random.OneIn(2) && loaded.NextTransition(now, &transition)) now = loaded.At(transition.to).pre;
    auto organisation = std::make_shared<Organisation>(RandomOrganisation(random, zone, zones, now));
    for (User& user : organisation->users)
      user.name = RandomName(random);
    for (Schedule& schedule : organisation->schedules)
      schedule.name = RandomName(random);
    const absl::StatusOr<Roster> roster = Roster::Compile(organisation);
    if (!roster.ok()) continue;
    const Schedule& schedule = organisation->schedules[random.Below(organisation->schedules.size())];
    const CalendarContext context{.now = now, .seed = 7, .sequence = 3, .modified = now - absl::Hours(1)};
    const absl::StatusOr<ical::Feed> feed = CalendarOfSchedule(*roster, schedule.id, context);
    TOCSIN_CHECK(feed.ok(), "there is such a schedule");
    if (feed->events.size() == kCalendarEvents) continue;
    std::printf("{\"schedule\":%s,\"feed\":%s,\"shifts\":%s}\n", JsonQuote(schedule.name).c_str(),
                JsonQuote(ical::Write(*feed)).c_str(), Shifts(*roster, schedule, now).c_str());
  }
}

}  // namespace
}  // namespace tocsin

int main(int count, char** arguments) {
  tocsin::Run(count > 1 ? static_cast<int>(std::strtol(arguments[1], nullptr, 10)) : 100);
}
