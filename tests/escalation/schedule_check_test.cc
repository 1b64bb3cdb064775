#include "escalation/schedule_check.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "base/status.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Type = Rotation::Type;

Schedule Good() {
  Schedule schedule =
      MakeSchedule("db", "Europe/Berlin", {MakeLayer("weekly", Type::kWeekly, "2024-01-01T09:00", {ToUser("alice")})});
  schedule.layers[0].restrictions.push_back({.start_minute = 540, .duration_minutes = 480});
  Override change;
  change.id = "o1";
  change.start = At("2024-06-05T00:00Z");
  change.end = At("2024-06-06T00:00Z");
  schedule.overrides.push_back(change);
  schedule.temporary_schedules.push_back(
      {.start = At("2024-06-05T00:00Z"),
       .end = At("2024-06-06T00:00Z"),
       .shifts = {{.start = At("2024-06-05T00:00Z"), .end = At("2024-06-05T12:00Z"), .members = {}}}});
  return schedule;
}

void ExpectProblem(const std::function<void(Schedule&)>& spoil, const char* problem) {
  Schedule schedule = Good();
  spoil(schedule);
  EXPECT_THAT(FindScheduleProblems(MakeOrganisation({schedule})), testing::Contains(problem));
}

TEST(ScheduleCheckTest, AGoodScheduleHasNoProblems) {
  EXPECT_THAT(FindScheduleProblems(MakeOrganisation({Good()})), IsEmpty());
}

TEST(ScheduleCheckTest, EachMistakeInALayerIsSaidWithItsPath) {
  ExpectProblem([](Schedule& s) { s.time_zone = "Mars/Olympus"; },
                R"(schedule "db": time zone "Mars/Olympus" is unknown)");
  ExpectProblem([](Schedule& s) { s.time_zone = ""; }, R"(schedule "db": time zone "" is unknown)");
  ExpectProblem([](Schedule& s) { s.layers[0].time_zone = "Mars/Olympus"; },
                R"(schedule "db": layer "weekly": time zone "Mars/Olympus" is unknown)");
  ExpectProblem([](Schedule& s) { s.id = ScheduleId(); }, R"(schedule 1: has no id)");
  ExpectProblem([](Schedule& s) { s.layers[0].id = LayerId(); }, R"(schedule "db": layer 1: has no id)");
  ExpectProblem([](Schedule& s) { s.layers.push_back(s.layers[0]); },
                R"(schedule "db": layer "weekly": the id is used twice)");
  ExpectProblem([](Schedule& s) { std::get<Rotation>(s.layers[0].pattern).length = 0; },
                R"(schedule "db": layer "weekly": the rotation's length is 0, must be 1 to 10000)");
  ExpectProblem([](Schedule& s) { std::get<Rotation>(s.layers[0].pattern).length = 10'001; },
                R"(schedule "db": layer "weekly": the rotation's length is 10001, must be 1 to 10000)");
  ExpectProblem(
      [](Schedule& s) { std::get<Rotation>(s.layers[0].pattern).start = absl::CivilMinute(9'000'000'000); },
      R"(schedule "db": layer "weekly": the rotation starts in the year 9000000000, must be after 1900 and before 2399)");
  ExpectProblem(
      [](Schedule& s) {
        std::get<Rotation>(s.layers[0].pattern).type = Type::kMonthly;
        std::get<Rotation>(s.layers[0].pattern).count = Rotation::Count::kElapsed;
      },
      R"(schedule "db": layer "weekly": monthly turns cannot be counted in elapsed time)");
  ExpectProblem(
      [](Schedule& s) {
        std::get<Rotation>(s.layers[0].pattern).type = Type::kShifts;
        s.layers[0].restrictions.clear();
      },
      R"(schedule "db": layer "weekly": turns by shift need restrictions: they are the shifts)");
  ExpectProblem(
      [](Schedule& s) {
        std::get<Rotation>(s.layers[0].pattern).type = Type::kShifts;
        s.layers[0].restrictions.push_back({.start_minute = 600, .duration_minutes = 1});
      },
      R"(schedule "db": layer "weekly": turns by shift need restrictions that do not overlap)");
  ExpectProblem([](Schedule& s) { s.layers[0].restrictions[0].start_minute = 1440; },
                R"(schedule "db": layer "weekly": restriction 1: starts at minute 1440 of the day, must be 0 to 1439)");
  ExpectProblem([](Schedule& s) { s.layers[0].restrictions[0].duration_minutes = 1441; },
                R"(schedule "db": layer "weekly": restriction 1: lasts 1441 minutes, must be 1 to 1440)");
  ExpectProblem([](Schedule& s) { s.layers[0].restrictions[0].duration_minutes = 0; },
                R"(schedule "db": layer "weekly": restriction 1: lasts 0 minutes, must be 1 to 1440)");
  ExpectProblem(
      [](Schedule& s) {
        s.layers[0].restrictions[0].type = Restriction::Type::kWeekly;
        s.layers[0].restrictions[0].start_day_of_week = 0;
      },
      R"(schedule "db": layer "weekly": restriction 1: starts on day 0 of the week, must be 1 (Monday) to 7 (Sunday))");
  ExpectProblem([](Schedule& s) { s.layers[0].participants.push_back({.members = {ToUser("zoe")}}); },
                R"(schedule "db": layer "weekly": participant 2: user "zoe" is unknown)");
  ExpectProblem([](Schedule& s) { s.layers[0].participants[0].members = {ToTeam("web")}; },
                R"(schedule "db": layer "weekly": participant 1: team "web" is unknown)");
  ExpectProblem([](Schedule& s) { s.layers[0].participants[0].members = {ToSchedule("web")}; },
                R"(schedule "db": layer "weekly": participant 1: schedule "web" is unknown)");
  ExpectProblem([](Schedule& s) { s.layers[0].participants[0].members = {ToSchedule("db")}; },
                R"(schedule "db": nests itself: "db" -> "db")");
  ExpectProblem([](Schedule& s) { s.layers[0].effective_until = absl::InfiniteFuture(); },
                R"(schedule "db": layer "weekly": effective_until must be between the years 1900 and 2400)");
  ExpectProblem(
      [](Schedule& s) {
        s.layers[0].effective_since = At("2024-06-05T00:00Z");
        s.layers[0].effective_until = At("2024-06-05T00:00Z");
      },
      R"(schedule "db": layer "weekly": effective_since 2024-06-05T00:00:00Z is not before effective_until 2024-06-05T00:00:00Z)");
}

TEST(ScheduleCheckTest, EachMistakeInAnOverrideOrTemporaryScheduleIsSaidWithItsPath) {
  ExpectProblem([](Schedule& s) { s.overrides.push_back(s.overrides[0]); },
                R"(schedule "db": override "o1": the id is used twice)");
  ExpectProblem([](Schedule& s) { s.overrides[0].end = s.overrides[0].start; },
                R"(schedule "db": override "o1": start 2024-06-05T00:00:00Z is not before end 2024-06-05T00:00:00Z)");
  ExpectProblem([](Schedule& s) { s.overrides[0].start += absl::Milliseconds(1500); },
                R"(schedule "db": override "o1": start 2024-06-05T00:00:01.5Z is not a whole minute)");
  ExpectProblem([](Schedule& s) { s.overrides[0].layers = {LayerId("gone")}; },
                R"(schedule "db": override "o1": layer "gone" is unknown)");
  ExpectProblem([](Schedule& s) { s.overrides[0].users = {ToUser("zoe")}; },
                R"(schedule "db": override "o1": user "zoe" is unknown)");
  ExpectProblem([](Schedule& s) { s.overrides[0].type = Override::Type::kRemove; },
                R"(schedule "db": override "o1": names nobody)");
  ExpectProblem([](Schedule& s) { s.overrides[0].from_user = UserId("alice"); },
                R"(schedule "db": override "o1": only a swap has people from and to)");
  ExpectProblem(
      [](Schedule& s) {
        s.overrides[0].type = Override::Type::kSwap;
        s.overrides[0].from_user = UserId("alice");
        s.overrides[0].to_user = UserId("alice");
      },
      R"(schedule "db": override "o1": swaps "alice" with the same person)");
  ExpectProblem(
      [](Schedule& s) {
        s.temporary_schedules.push_back(s.temporary_schedules[0]);
        s.temporary_schedules[1].start += absl::Hours(1);
        s.temporary_schedules[1].shifts.clear();
      },
      R"(schedule "db": two temporary schedules overlap from 2024-06-05T01:00:00Z)");
  ExpectProblem(
      [](Schedule& s) { s.temporary_schedules[0].shifts[0].end = At("2024-06-04T00:00Z"); },
      R"(schedule "db": temporary schedule 1: shift 1: start 2024-06-05T00:00:00Z is not before end 2024-06-04T00:00:00Z)");
  ExpectProblem(
      [](Schedule& s) {
        s.temporary_schedules[0].shifts[0] = {
            .start = At("2024-06-07T00:00Z"), .end = At("2024-06-08T00:00Z"), .members = {}};
      },
      R"(schedule "db": temporary schedule 1: shift 1: lies outside its temporary schedule)");
}

TEST(ScheduleCheckTest, EverythingIsReportedAtOnce) {
  Schedule one = Good();
  one.time_zone = "Nowhere";
  std::get<Rotation>(one.layers[0].pattern).length = -3;
  Schedule two = Good();
  two.id = ScheduleId("web");
  two.overrides[0].users = {ToTeam("gone")};
  const Organisation organisation = MakeOrganisation({one, two});
  EXPECT_THAT(FindScheduleProblems(organisation),
              ElementsAre(R"(schedule "db": time zone "Nowhere" is unknown)",
                          R"(schedule "db": layer "weekly": the rotation's length is -3, must be 1 to 10000)",
                          R"(schedule "web": override "o1": team "gone" is unknown)"));
  EXPECT_EQ(Roster::Problems(organisation).size(), 3U);
  EXPECT_EQ(Message(Roster::Compile(std::make_shared<const Organisation>(organisation)).status()),
            R"(schedule "db": time zone "Nowhere" is unknown (and 2 more problems))");
}

TEST(ScheduleCheckTest, TextOfPeopleCannotBreakALine) {
  Schedule schedule = Good();
  schedule.time_zone = "a\"b\n\xff";
  const std::vector<std::string> problems = FindScheduleProblems(MakeOrganisation({schedule}));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0], HasSubstr(R"(time zone "a\"b\n)"));
}

// Schedules "0", "1", ... of which each holds the next, `count` in all.
std::vector<Schedule> Chain(int count) {
  std::vector<Schedule> schedules;
  for (int i = 0; i < count; ++i) {
    const std::string id = std::to_string(i);
    const std::string next = std::to_string(i + 1);
    std::vector<Layer> layers;
    if (i + 1 < count) {
      layers.push_back(MakeLayer("w", Type::kWeekly, "2024-01-01T09:00", {ToSchedule(next.c_str())}));
    } else {
      layers.push_back(MakeLayer("w", Type::kWeekly, "2024-01-01T09:00", {ToUser("alice")}));
    }
    schedules.push_back(MakeSchedule(id.c_str(), "UTC", layers));
  }
  return schedules;
}

TEST(ScheduleCheckTest, SchedulesNestFourDeepAndNoDeeper) {
  const Organisation deep = MakeOrganisation(Chain(5));
  EXPECT_EQ(OnCall(Compile(deep), "0", At("2024-06-05T00:00Z")), "alice");
  EXPECT_THAT(FindScheduleProblems(MakeOrganisation(Chain(6))),
              ElementsAre(R"(schedule "0": schedules are nested 5 deep, at most 4 are possible)"));
}

TEST(ScheduleCheckTest, EachCycleIsReportedOnceThroughWhateverItLeads) {
  // 0 -> 1 -> 2 -> 0 by a layer, an override and a temporary schedule; 3 leads into it, 4 holds itself.
  std::vector<Schedule> schedules = Chain(5);
  for (Schedule& schedule : schedules)
    schedule.layers.clear();
  schedules[0].layers = Chain(2)[0].layers;
  Override change;
  change.start = At("2024-06-05T00:00Z");
  change.end = At("2024-06-06T00:00Z");
  change.users = {ToSchedule("2")};
  schedules[1].overrides = {change};
  schedules[2].temporary_schedules = {
      {.start = change.start, .end = change.end, .shifts = {{change.start, change.end, {ToSchedule("0")}}}}
  };
  change.users = {ToSchedule("0")};
  schedules[3].overrides = {change};
  change.users = {ToSchedule("4")};
  schedules[4].overrides = {change};
  EXPECT_THAT(FindScheduleProblems(MakeOrganisation(schedules)),
              ElementsAre(R"(schedule "0": nests itself: "0" -> "1" -> "2" -> "0")",
                          R"(schedule "4": nests itself: "4" -> "4")"));
}

TEST(ScheduleCheckTest, AnOrganisationOfNestsIsCheckedInTimeAndItsCostIsBounded) {
  // A chain that is far too long, and five storeys each of which holds all of the one below: 20^4 visits.
  EXPECT_EQ(FindScheduleProblems(MakeOrganisation(Chain(20'000))).size(), 20'000U - 5);
  std::vector<Schedule> schedules;
  for (int storey = 0; storey < 5; ++storey) {
    for (int i = 0; i < 20; ++i) {
      Layer layer = MakeLayer("w", Type::kWeekly, "2024-01-01T09:00", {ToUser("alice")});
      for (int below = 0; storey > 0 && below < 20; ++below) {
        const std::string id = std::to_string(storey - 1) + "-" + std::to_string(below);
        layer.participants[0].members.push_back(ToSchedule(id.c_str()));
      }
      schedules.push_back(MakeSchedule((std::to_string(storey) + "-" + std::to_string(i)).c_str(), "UTC", {layer}));
    }
  }
  const std::vector<std::string> problems = FindScheduleProblems(MakeOrganisation(schedules));
  ASSERT_EQ(problems.size(), 60U);
  EXPECT_EQ(problems[0], R"(schedule "2-0": to say who is on call takes more than 256 nested schedules)");
}

}  // namespace
}  // namespace tocsin
