// Recurrence rules and the shifts that they make.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "escalation/occurrences.h"
#include "escalation/recurrence_rule.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using testing::HasSubstr;

constexpr WallTime kFar = {kEndInstant.seconds};

std::string Text(WallTime reading) {
  return absl::FormatCivilTime(absl::CivilMinute(absl::CivilSecond(1970) + reading.seconds));
}

std::string Yields(const char* rule, const char* start, std::size_t limit = 5) {
  const absl::StatusOr<RecurrenceRule> parsed = ParseRecurrenceRule(rule);
  if (!parsed.ok()) return std::string(parsed.status().message());
  std::string out;
  for (const WallTime each : Expand(*parsed, Civil(start), kFar, limit))
    out += (out.empty() ? "" : " ") + Text(each).substr(0, 10);
  return out;
}

TEST(RecurrenceRuleTest, YieldsWhatTheStandardSays) {
  // From the examples of RFC 5545, 3.8.5.3, and around them.
  EXPECT_EQ(Yields("FREQ=DAILY;INTERVAL=10;COUNT=3", "1997-09-02T09:00"), "1997-09-02 1997-09-12 1997-09-22");
  EXPECT_EQ(Yields("RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=4", "1997-09-02T09:00"),
            "1997-09-02 1997-09-04 1997-09-16 1997-09-18");
  EXPECT_EQ(Yields("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05T09:00"),
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24");
  EXPECT_EQ(Yields("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05T09:00"),
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31");
  EXPECT_EQ(Yields("FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05T09:00"), "1997-09-05 1997-10-03 1997-11-07");
  EXPECT_EQ(Yields("FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22T09:00", 3), "1997-09-22 1997-10-20 1997-11-17");
  EXPECT_EQ(Yields("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28T09:00", 3), "1997-09-28 1997-10-29 1997-11-28");
  EXPECT_EQ(Yields("FREQ=MONTHLY", "2024-01-31T09:00", 4), "2024-01-31 2024-03-31 2024-05-31 2024-07-31");
  EXPECT_EQ(Yields("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "1997-09-29T09:00", 3),
            "1997-09-30 1997-10-31 1997-11-28");
  EXPECT_EQ(Yields("FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200", "1997-01-01T09:00"),
            "1997-01-01 1997-04-10 1997-07-19 2000-01-01");
  EXPECT_EQ(Yields("FREQ=YEARLY;BYDAY=20MO", "1997-05-19T09:00", 3), "1997-05-19 1998-05-18 1999-05-17");
  EXPECT_EQ(Yields("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12T09:00", 3), "1997-05-12 1998-05-11 1999-05-17");
  EXPECT_EQ(Yields("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1996-11-05T09:00", 3),
            "1996-11-05 2000-11-07 2004-11-02");
  EXPECT_EQ(Yields("FREQ=YEARLY", "2024-02-29T09:00", 3), "2024-02-29 2028-02-29 2032-02-29");
  // The start itself counts only where the rule yields it.
  EXPECT_EQ(Yields("freq=weekly;byday=fr;count=2", "2024-01-01T09:00"), "2024-01-05 2024-01-12");
}

TEST(RecurrenceRuleTest, SaysWhatIsWrong) {
  const auto wrong = [](const char* rule) { return std::string(ParseRecurrenceRule(rule).status().message()); };
  EXPECT_THAT(wrong(""), HasSubstr("no FREQ"));
  EXPECT_THAT(wrong("FREQ=HOURLY"), HasSubstr("use a rotation of type hourly"));
  EXPECT_THAT(wrong("FREQ=SOMETIMES"), HasSubstr("FREQ=SOMETIMES: must be DAILY"));
  EXPECT_THAT(wrong("FREQ=DAILY;FREQ=DAILY"), HasSubstr("FREQ stands there twice"));
  EXPECT_THAT(wrong("FREQ=DAILY;INTERVAL=0"), HasSubstr("INTERVAL=0: must be 1 to 10000"));
  EXPECT_THAT(wrong("FREQ=DAILY;INTERVAL=99999999999999999999"), HasSubstr("must be 1 to 10000"));
  EXPECT_THAT(wrong("FREQ=DAILY;COUNT=3;UNTIL=20260101"), HasSubstr("COUNT and UNTIL"));
  EXPECT_THAT(wrong("FREQ=DAILY;UNTIL=20260231"), HasSubstr("UNTIL=20260231: must be as"));
  EXPECT_THAT(wrong("FREQ=DAILY;UNTIL=2026-01-01"), HasSubstr("must be as"));
  EXPECT_THAT(wrong("FREQ=WEEKLY;BYDAY=XX"), HasSubstr("BYDAY=XX: must be MO"));
  EXPECT_THAT(wrong("FREQ=WEEKLY;BYDAY=SATURDAY"), HasSubstr("BYDAY=SATURDAY: must be MO"));
  EXPECT_THAT(wrong("FREQ=WEEKLY;BYDAY=2MO"), HasSubstr("needs FREQ=MONTHLY or FREQ=YEARLY"));
  EXPECT_THAT(wrong("FREQ=WEEKLY;BYMONTHDAY=1"), HasSubstr("does not go with FREQ=WEEKLY"));
  EXPECT_THAT(wrong("FREQ=MONTHLY;BYWEEKNO=1"), HasSubstr("BYWEEKNO needs FREQ=YEARLY"));
  EXPECT_THAT(wrong("FREQ=MONTHLY;BYMONTHDAY=0"), HasSubstr("BYMONTHDAY=0"));
  EXPECT_THAT(wrong("FREQ=DAILY;BYSECOND=30"), HasSubstr("whole minutes"));
  EXPECT_THAT(wrong("FREQ=DAILY;BYSETPOS=1"), HasSubstr("BYSETPOS chooses among"));
  EXPECT_THAT(wrong("FREQ=DAILY;X-EVIL=1"), HasSubstr("X-EVIL is no part"));
  EXPECT_THAT(wrong("FREQ=DAILY;BYHOUR"), HasSubstr("NAME=VALUE"));
  EXPECT_THAT(wrong(std::string(3000, 'A').c_str()), HasSubstr("at most 2000"));
}

Recurrence Make(const char* start, const char* end, const char* rule) {
  Recurrence recurrence;
  recurrence.start = Civil(start);
  recurrence.end = Civil(end);
  recurrence.rule = rule;
  return recurrence;
}

// What repeats in plain days or weeks is arithmetic: the same as writing it out.
TEST(OccurrencesTest, ArithmeticAndWritingOutAgree) {
  const ZoneClock utc = *ZoneClock::Load("UTC");
  std::size_t compared = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    constexpr const char* kDays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
    std::string rule = random.OneIn(2) ? "FREQ=DAILY" : "FREQ=WEEKLY";
    if (rule == "FREQ=WEEKLY" && !random.OneIn(3)) {
      rule += ";BYDAY=" + std::string(kDays[random.Below(7)]) + "," + kDays[random.Below(7)];
    }
    if (random.OneIn(2)) rule += ";INTERVAL=" + std::to_string(random.Between(1, 5));
    if (random.OneIn(3)) rule += ";BYHOUR=3,9,21";
    if (random.OneIn(3)) rule += ";WKST=" + std::string(kDays[random.Below(7)]);
    if (random.OneIn(3)) rule += ";COUNT=" + std::to_string(random.Between(1, 40));
    Recurrence recurrence = Make("2024-01-01T00:00", "2024-01-01T01:00", rule.c_str());
    recurrence.start += random.Between(0, 100'000);
    recurrence.end = recurrence.start + 60;
    ASSERT_TRUE(ParseRecurrenceRule(rule)->IsPeriodic()) << rule;
    const absl::StatusOr<Occurrences> closed = Occurrences::Make(recurrence, utc);
    ASSERT_TRUE(closed.ok()) << rule << ": " << closed.status();
    const std::vector<WallTime> written = Expand(*ParseRecurrenceRule(rule), recurrence.start, kFar, 100);
    for (std::size_t i = 0; i < written.size(); ++i) {
      SCOPED_TRACE(testing::Message() << rule << " from " << recurrence.start << " number " << i);
      for (const std::int64_t later : {0L, 1L}) {
        const auto last = closed->Last(written[i] + later);
        ASSERT_TRUE(last.has_value());
        ASSERT_EQ(Text(last->start), Text(written[i]));
        ASSERT_EQ(last->number, static_cast<std::int64_t>(i));
      }
      ASSERT_EQ(closed->Next(written[i] - 1), written[i]);
      const bool is_end = i + 1 == written.size() && written.size() < 100;
      if (i + 1 < written.size()) {
        ASSERT_EQ(closed->Next(written[i]), written[i + 1]);
      } else if (is_end) {
        ASSERT_EQ(closed->Next(written[i]), std::nullopt);
      }
      ++compared;
    }
    ASSERT_EQ(closed->Last(written.front() - 1), std::nullopt);
  }
  EXPECT_GT(compared, 100'000U);
}

TEST(OccurrencesTest, ExceptionsAreNobodysTurnAndAdditionsAre) {
  const ZoneClock utc = *ZoneClock::Load("UTC");
  Recurrence recurrence = Make("2024-01-01T09:00", "2024-01-01T17:00", "FREQ=DAILY");
  recurrence.except = {Civil("2024-01-02T09:00"), Civil("2024-01-03T09:00"), Civil("2024-01-05T10:00")};
  recurrence.also = {Civil("2024-01-04T18:00"), Civil("2024-01-01T09:00"), Civil("2024-01-03T09:00")};
  const Occurrences found = *Occurrences::Make(recurrence, utc);
  const auto number = [&](const char* at) { return found.Last(ToWallTime(absl::CivilSecond(Civil(at))))->number; };
  EXPECT_EQ(number("2024-01-01T09:00"), 0) << "an addition that the rule yields anyway is one shift";
  EXPECT_EQ(number("2024-01-03T12:00"), 0) << "an exception beats an addition";
  EXPECT_EQ(number("2024-01-04T09:00"), 1);
  EXPECT_EQ(number("2024-01-04T18:00"), 2);
  EXPECT_EQ(number("2024-01-05T09:00"), 3) << "an exception of nothing changes nothing";
  EXPECT_EQ(Text(*found.Next(ToWallTime(absl::CivilSecond(Civil("2024-01-01T09:00"))))), "2024-01-04T09:00");
}

TEST(OccurrencesTest, RefusesWhatMeansNothing) {
  const ZoneClock utc = *ZoneClock::Load("UTC");
  const auto wrong = [&](const char* start, const char* end, const char* rule, const char* also = nullptr) {
    Recurrence recurrence = Make(start, end, rule);
    if (also != nullptr) recurrence.also = {Civil(also)};
    return std::string(Occurrences::Make(recurrence, utc).status().message());
  };
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-01T09:00", "FREQ=DAILY"), HasSubstr("end is not after its start"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-02T09:01", "FREQ=DAILY"), HasSubstr("2024-01-01T09:00 has not ended"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-02T10:00", "FREQ=WEEKLY;BYDAY=SU,MO"), HasSubstr("has not ended"));
  EXPECT_THAT(wrong("2024-01-31T09:00", "2024-02-01T10:00", "FREQ=MONTHLY;BYMONTHDAY=1,-1"),
              HasSubstr("has not ended"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-01T11:00", "FREQ=DAILY", "2024-03-01T10:00"),
              HasSubstr("has not ended"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-01T11:00", "FREQ=DAILY", "2024-03-01T08:00"),
              HasSubstr("has not ended"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-01T11:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
              HasSubstr("never yields a shift"));
  EXPECT_THAT(wrong("2024-01-01T09:00", "2024-01-01T11:00", "FREQ=DAILY;UNTIL=20230101"), HasSubstr("never yields"));
  EXPECT_THAT(wrong("2024-01-01T00:00", "2024-01-01T00:01",
                    "FREQ=DAILY;BYMONTH=1;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,"
                    "14,15,16,17,18,19,20,21,22,23"),
              HasSubstr("more than 200000 shifts"));
}

Layer Recurring(const char* id, const Recurrence& recurrence, const std::vector<Target>& targets) {
  Layer layer;
  layer.id = LayerId(id);
  layer.pattern = recurrence;
  for (const Target& target : targets)
    layer.participants.push_back({.members = {target}});
  return layer;
}

TEST(PatternTest, TurnsGoByShiftsThatRecur) {
  Recurrence recurrence = Make("2024-03-04T09:00", "2024-03-04T17:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
  recurrence.shifts_per_participant = 2;
  recurrence.start_index = 1;
  const Layer layer = Recurring("day", recurrence, {ToUser("alice"), ToUser("bob"), ToUser("carol")});
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "America/New_York", {layer})}));
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-04T13:59Z")), "") << "before the first";
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-04T14:00Z")), "bob");
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-05T15:00Z")), "bob");
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-05T22:00Z")), "") << "between shifts";
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-06T15:00Z")), "carol");
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-08T21:59Z")), "alice");
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-10T15:00Z")), "") << "a weekend is nobody's turn";
  EXPECT_EQ(OnCall(roster, "s", At("2024-03-11T13:00Z")), "alice") << "09:00 is 09:00 after the clocks went forward";
  EXPECT_EQ(*roster.NextChange(ScheduleId("s"), At("2024-03-08T15:00Z")), At("2024-03-08T22:00Z"));
  EXPECT_EQ(*roster.NextChange(ScheduleId("s"), At("2024-03-08T22:00Z")), At("2024-03-11T13:00Z"));
}

TEST(PatternTest, FixedShiftsAreJustThese) {
  Layer layer;
  layer.id = LayerId("fixed");
  layer.pattern = FixedShifts{
      {{At("2024-01-01T00:00Z"), At("2024-01-01T08:00Z"), {ToUser("alice")}},
       {At("2024-01-01T06:00Z"), At("2024-01-01T12:00Z"), {ToUser("bob")}},
       {At("2024-01-02T00:00Z"), At("2024-01-02T01:00Z"), {ToTeam("db")}}}
  };
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", {layer})}));
  const absl::StatusOr<std::vector<Shift>> shifts =
      roster.FinalSchedule(ScheduleId("s"), At("2023-12-31T00:00Z"), At("2024-01-03T00:00Z"));
  ASSERT_TRUE(shifts.ok());
  std::string text;
  for (const Shift& shift : *shifts)
    text += absl::FormatTime("%d %H: ", shift.start, absl::UTCTimeZone()) + Names(shift.users) + "; ";
  EXPECT_EQ(text, "31 00: ; 01 00: alice; 01 06: alice bob; 01 08: bob; 01 12: ; 02 00: carol dave; 02 01: ; ");
  const std::vector<Target> targets = {ToSchedule("s")};
  EXPECT_EQ(roster.Resolve(targets, At("2024-01-01T01:00Z")).at(0).reason, "schedule s: layer fixed, a fixed shift");
}

TEST(PatternTest, HolidaysAreOnTheWallClockOfTheLayerAndOfThePerson) {
  Layer everyday = MakeLayer("everyday", Rotation::Type::kWeekly, "2024-01-01T00:00", {ToUser("alice")});
  everyday.holidays = {HolidayRule::On::kNoHoliday, HolidaysId("de")};
  Layer holidays = MakeLayer("holidays", Rotation::Type::kWeekly, "2024-01-01T00:00", {ToUser("bob")});
  holidays.holidays = {HolidayRule::On::kHolidaysOnly, HolidaysId("de")};
  Organisation organisation = MakeOrganisation({MakeSchedule("s", "Europe/Berlin", {everyday, holidays})});
  organisation.holidays.push_back({
      HolidaysId("de"), "Germany", {{0, 12, 25, "Christmas"}, {0, 12, 26, ""}, {2024, 5, 9, ""}}
  });
  for (User& user : organisation.users) {
    user.time_zone = user.id == UserId("bob") ? "Asia/Tokyo" : "Europe/Berlin";
    if (user.id == UserId("bob")) user.holidays = HolidaysId("de");
  }
  const Roster roster = Compile(organisation);
  EXPECT_EQ(OnCall(roster, "s", At("2024-12-24T22:59Z")), "alice");
  EXPECT_EQ(OnCall(roster, "s", At("2024-12-24T23:00Z")), "bob");
  EXPECT_EQ(OnCall(roster, "s", At("2026-12-26T22:59Z")), "bob") << "every year";
  EXPECT_EQ(OnCall(roster, "s", At("2024-05-09T12:00Z")), "bob");
  EXPECT_EQ(OnCall(roster, "s", At("2025-05-09T12:00Z")), "alice") << "that year only";
  EXPECT_EQ(*roster.NextChange(ScheduleId("s"), At("2024-12-25T12:00Z")), At("2024-12-26T23:00Z"));
  const auto duties = roster.Fairness(ScheduleId("s"), At("2024-12-01T00:00Z"), At("2025-01-01T00:00Z"));
  ASSERT_TRUE(duties.ok());
  // 48 hours of Berlin's holidays, of which Tokyo's clock, eight hours ahead, shows 40 as holidays.
  EXPECT_EQ(duties->at(UserId("bob")).total, absl::Hours(48));
  EXPECT_EQ(duties->at(UserId("bob")).holiday, absl::Hours(40));
  EXPECT_EQ(duties->at(UserId("alice")).holiday, absl::ZeroDuration()) << "alice names no calendar";
}

TEST(PatternTest, ProblemsSayWhere) {
  Layer layer = Recurring("day", Make("2024-03-04T09:00", "2024-03-04T17:00", "FREQ=NEVER"), {ToUser("alice")});
  layer.holidays.holidays = HolidaysId("mars");
  Layer fixed;
  fixed.id = LayerId("fixed");
  fixed.pattern = FixedShifts{{{At("2024-01-01T08:00Z"), At("2024-01-01T00:00Z"), {ToUser("nobody")}}}};
  fixed.participants.push_back({.members = {ToUser("alice")}});
  const std::vector<std::string> problems =
      Roster::Problems(MakeOrganisation({MakeSchedule("s", "UTC", {layer, fixed})}));
  EXPECT_THAT(
      problems,
      testing::ElementsAre(
          "schedule \"s\": layer \"day\": calendar of holidays \"mars\" is unknown",
          "schedule \"s\": layer \"day\": recurrence: FREQ=NEVER: must be DAILY, WEEKLY, MONTHLY or YEARLY",
          "schedule \"s\": layer \"fixed\": has participants and fixed shifts, which say who is on by themselves",
          HasSubstr("layer \"fixed\": shift 1: start 2024-01-01T08:00:00Z is not before end"),
          "schedule \"s\": layer \"fixed\": shift 1: user \"nobody\" is unknown"));
}

}  // namespace
}  // namespace tocsin
