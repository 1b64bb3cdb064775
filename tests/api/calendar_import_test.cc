// Other people's calendars as schedules: what they mean, and what they cannot do to us.
#include "import/calendar_import.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "api/calendar.h"
#include "base/random.h"
#include "base/strings.h"
#include "escalation/roster.h"
#include "ical/feed.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Organisation People() {
  Organisation organisation;
  for (const char* id : {"anna", "bruno", "carol"}) {
    User& user = organisation.users.emplace_back();
    user.id = UserId(id);
    user.name = std::string(1, static_cast<char>(id[0] - 32)) + (id + 1) + " Example";
    user.time_zone = "UTC";
    user.contact_methods.push_back({.kind = ContactMethod::Kind::kEmail, .address = std::string(id) + "@example.com"});
  }
  return organisation;
}

std::string Calendar(const std::string& events, const std::string& head = "") {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + head + events + "END:VCALENDAR\r\n";
}

// `lines` are separated by spaces or, where they hold some, given apart.
std::string Event(const std::string& uid, const std::string& summary, const std::vector<std::string>& lines) {
  std::string text = "BEGIN:VEVENT\r\nUID:" + uid + "\r\nSUMMARY:" + summary + "\r\n";
  for (const std::string& line : lines)
    text += line + "\r\n";
  return text + "END:VEVENT\r\n";
}

class Imported {
 public:
  explicit Imported(const std::string& text, const char* zone = "Europe/Berlin") : people_(People()) {
    const CalendarFile file{"feed.ics", text};
    result_ = ImportCalendars({&file, 1}, people_, ScheduleId("s"), zone, At("2026-11-01T00:00Z"));
    auto organisation = std::make_shared<Organisation>(people_);
    organisation->schedules.push_back(result_.schedule);
    absl::StatusOr<Roster> roster = Roster::Compile(organisation);
    EXPECT_TRUE(roster.ok()) << roster.status();
    if (roster.ok()) roster_ = *std::move(roster);
  }
  const std::vector<std::string>& problems() const { return result_.problems; }
  const Schedule& schedule() const { return result_.schedule; }
  // "2026-11-02T08:00Z anna" for each stretch with somebody.
  std::vector<std::string> Shifts(const char* since, const char* until) const {
    std::vector<std::string> shown;
    const auto shifts = roster_->FinalSchedule(ScheduleId("s"), At(since), At(until));
    EXPECT_TRUE(shifts.ok()) << shifts.status();
    for (const Shift& shift : *shifts) {
      if (shift.users.empty()) continue;
      std::string text = absl::FormatTime("%d %H:%M", shift.start, absl::UTCTimeZone()) + " to " +
                         absl::FormatTime("%d %H:%M", shift.end, absl::UTCTimeZone());
      for (const UserId& user : shift.users)
        text += " " + user.value();
      shown.push_back(text);
    }
    return shown;
  }

 private:
  Organisation people_;
  CalendarImport result_;
  std::optional<Roster> roster_;
};

TEST(CalendarImportTest, ReadsPeopleLevelsZonesAndLengths) {
  const Imported feed(Calendar(
      Event("1", "[L2] Anna Example\\, bruno", {"DTSTART:20261102T080000Z", "DURATION:PT2H"}) +
          Event("2", "carol@example.com",
                {"DTSTART;TZID=W. Europe Standard Time:20261102T080000", "DTEND;TZID=Europe/Berlin:20261102T120000"}) +
          Event("3", "BRUNO", {"DTSTART:20261103T090000", "DTEND:20261103T100000"}) +
          Event("4", "Shift", {"DTSTART;VALUE=DATE:20261105", "ATTENDEE;CN=x:mailto:Anna@Example.com"}),
      "X-WR-TIMEZONE:America/New_York\r\n"));
  EXPECT_THAT(feed.problems(), IsEmpty());
  EXPECT_THAT(feed.Shifts("2026-11-01T00:00Z", "2026-11-08T00:00Z"),
              ElementsAre("02 07:00 to 02 08:00 carol", "02 08:00 to 02 10:00 anna bruno", "02 10:00 to 02 11:00 carol",
                          "03 14:00 to 03 15:00 bruno",  // floating: the calendar's zone
                          "05 05:00 to 06 05:00 anna"));
}

TEST(CalendarImportTest, OfSeveralNamesThoseThatNobodyHasAreTold) {
  const Imported feed(Calendar(Event("1", "anna\\, brnuo\\, carol", {"DTSTART:20261102T080000Z", "DURATION:PT2H"})));
  ASSERT_EQ(feed.problems().size(), 1U);
  EXPECT_THAT(feed.problems()[0], HasSubstr("nobody of the organisation is \"brnuo\": left out"));
  EXPECT_THAT(feed.Shifts("2026-11-01T00:00Z", "2026-11-08T00:00Z"), ElementsAre("02 08:00 to 02 10:00 anna carol"));
}

TEST(CalendarImportTest, RulesExceptionsAndChangedOccurrences) {
  const std::vector<std::string> weekly = {
      "DTSTART;TZID=Europe/Berlin:20261012T090000", "DTEND;TZID=Europe/Berlin:20261012T170000",
      "RRULE:FREQ=WEEKLY;UNTIL=20261130T080000Z", "EXDATE;TZID=Europe/Berlin:20261109T090000"};
  const Imported feed(Calendar(
      Event("1", "anna", weekly) +
      Event("1", "bruno", {"RECURRENCE-ID:20261116T080000Z", "DTSTART:20261117T080000Z", "DTEND:20261117T090000Z"}) +
      Event("1", "bruno",
            {"RECURRENCE-ID;TZID=Europe/Berlin:20261123T090000", "STATUS:CANCELLED", "DTSTART:20261123T080000Z",
             "DTEND:20261123T090000Z"}) +
      Event("2", "carol", {"DTSTART:20261104T080000Z", "DTEND:20261104T090000Z", "STATUS:CANCELLED"})));
  EXPECT_THAT(feed.problems(), IsEmpty());
  EXPECT_THAT(feed.Shifts("2026-10-19T00:00Z", "2026-12-31T00:00Z"),
              ElementsAre("19 07:00 to 19 15:00 anna", "26 08:00 to 26 16:00 anna", "02 08:00 to 02 16:00 anna",
                          "17 08:00 to 17 09:00 bruno", "30 08:00 to 30 16:00 anna"));
}

// 02:30 does not come on the 29th of March 2026: RFC 5545 has it at 03:30, where our own shifts would begin at 03:00.
TEST(CalendarImportTest, AnOccurrenceThatTheClocksSkipIsWhereTheStandardHasIt) {
  const Imported feed(Calendar(
      Event("1", "anna", {"DTSTART;TZID=Europe/Berlin:20260928T023000", "DURATION:PT30M", "RRULE:FREQ=DAILY"})));
  EXPECT_THAT(feed.problems(), IsEmpty());
  EXPECT_THAT(feed.Shifts("2027-03-27T00:00Z", "2027-03-30T00:00Z"),
              ElementsAre("27 01:30 to 27 02:00 anna", "28 01:30 to 28 02:00 anna", "29 00:30 to 29 01:00 anna"));
}

TEST(CalendarImportTest, OfTwoEventsWithOneUidTheLatestCounts) {
  const Imported feed(Calendar(Event("1", "anna", {"DTSTART:20261102T080000Z", "DURATION:PT1H", "SEQUENCE:3"}) +
                               Event("1", "bruno", {"DTSTART:20261102T080000Z", "DURATION:PT1H", "SEQUENCE:2"})));
  EXPECT_THAT(feed.problems(), ElementsAre(HasSubstr("feed.ics:10: the UID \"1\" is that of another event")));
  EXPECT_THAT(feed.Shifts("2026-11-01T00:00Z", "2026-11-08T00:00Z"), ElementsAre("02 08:00 to 02 09:00 anna"));
}

TEST(CalendarImportTest, TellsWithItsLineWhatIsLeftOut) {
  const std::vector<std::string> time = {"DTSTART:20261102T080000Z", "DURATION:PT1H"};
  const auto with = [&](const std::string& line) { return std::vector<std::string>{time[0], time[1], line}; };
  const struct {
    const char* name;
    std::string event;
    const char* problem;
  } cases[] = {
      {"stranger",    Event("1", "zoe",  time),                                                   "feed.ics:3: \"zoe\" names nobody"  },
      {"no start",    Event("1", "anna", {"DURATION:PT1H"}),                                      "feed.ics:3: no DTSTART"            },
      {"no length",   Event("1", "anna", {"DTSTART:20261102T080000Z"}),                           "feed.ics:3: it ends when it begins"},
      {"nonsense",    Event("1", "anna", {"DTSTART:yesterday"}),                                  "feed.ics:6: DTSTART cannot be read"},
      {"hourly",      Event("1", "anna", with("RRULE:FREQ=HOURLY")),                              "feed.ics:3: RRULE: "               },
      {"zone",        Event("1", "anna", {"DTSTART;TZID=Mars:20261102T080000", "DURATION:PT1H"}),
       "zone \"Mars\" is not known: read as"                                                                                          },
      {"overlapping", Event("1", "anna", {time[0], "DURATION:P2D", "RRULE:FREQ=DAILY;COUNT=3"}),
       "written out until 2028-11-01"                                                                                                 },
      {"EXRULE",      Event("1", "anna", with("EXRULE:FREQ=DAILY")),                              "feed.ics:8: EXRULE: not understood"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.name);
    const Imported feed(Calendar(each.event));
    ASSERT_THAT(feed.problems(), SizeIs(1));
    EXPECT_THAT(feed.problems()[0], HasSubstr(each.problem));
  }
}

// What our feeds show comes back as the same shifts.
TEST(CalendarImportTest, OurOwnFeedReadsBack) {
  for (const char* now : {"2026-03-20T00:00Z", "2026-10-20T00:00Z"}) {
    auto organisation = std::make_shared<Organisation>(People());
    Layer layer = MakeLayer("daily", Rotation::Type::kDaily, "2026-01-05T02:30",
                            {ToUser("anna"), ToUser("bruno"), ToUser("carol")});
    layer.participants.push_back({
        .members = {ToUser("anna"), ToUser("carol")}
    });
    layer.restrictions = {
        {.start_minute = 60, .duration_minutes = 20 * 60}
    };
    organisation->schedules.push_back(MakeSchedule("s", "Europe/Berlin", {layer}));
    organisation->schedules.back().name = "database";
    const Roster roster = *Roster::Compile(organisation);
    const auto feed = CalendarOfSchedule(roster, ScheduleId("s"), {.now = At(now), .modified = At(now)});
    ASSERT_TRUE(feed.ok());
    const CalendarFile file{"own.ics", ical::Write(*feed)};
    const CalendarImport back = ImportCalendars({&file, 1}, *organisation, ScheduleId("s"), "Europe/Berlin", At(now));
    EXPECT_THAT(back.problems, IsEmpty());
    auto again = std::make_shared<Organisation>(People());
    again->schedules.push_back(back.schedule);
    const absl::Time since = At(now) - kCalendarPast;
    const absl::Time until = At(now) + kCalendarAhead;
    EXPECT_TRUE(*Roster::Compile(again)->FinalSchedule(ScheduleId("s"), since, until) ==
                *roster.FinalSchedule(ScheduleId("s"), since, until));
  }
}

TEST(CalendarImportTest, MutationsNeverCrashAndAlwaysMakeAScheduleThatCompiles) {
  const std::string sample = Calendar(
      Event("1", "[L2] anna\\, bruno",
            {"DTSTART;TZID=Europe/Berlin:20261012T090000", "DTEND;TZID=Europe/Berlin:20261012T170000",
             "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;UNTIL=20271130T080000Z", "EXDATE:20261109T080000Z",
             "RDATE;TZID=Europe/Berlin:20261114T090000"}) +
      Event("1", "bruno", {"RECURRENCE-ID:20261116T080000Z", "DTSTART:20261117T080000Z", "DURATION:PT1H"}) +
      Event("2", "carol", {"DTSTART;VALUE=DATE:20261105", "DTEND;VALUE=DATE:20261107", "RRULE:FREQ=MONTHLY;COUNT=5"}));
  Random random(9);
  for (int round = 0; round < 1'500; ++round) {
    std::string text = sample;
    for (std::uint64_t changes = 1 + random.Below(6); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = random.Below(text.size());
      switch (random.Below(5)) {
        case 0: text[at] = static_cast<char>(random.Below(256)); break;
        case 1: text.erase(at, random.Below(12)); break;
        case 2: text[at] = static_cast<char>('0' + random.Below(10)); break;
        case 3: text.insert(at, text.substr(random.Below(text.size()), random.Below(60))); break;
        default: text.insert(at, 1, "\r\n;:=,-"[random.Below(7)]); break;
      }
    }
    const Imported feed(text);
    EXPECT_LE(feed.schedule().layers.size(), 64U);
  }
}

}  // namespace
}  // namespace tocsin
