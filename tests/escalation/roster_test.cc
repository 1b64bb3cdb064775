// What a schedule means beyond single turns: layers, overrides, nesting, reasons, questions for ranges.
#include "escalation/roster.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Type = Rotation::Type;

Layer Weekly(const char* id, const std::vector<Target>& targets) {
  return MakeLayer(id, Type::kWeekly, "2024-01-01T09:00", targets);
}

Override MakeOverride(const char* id, Override::Type type, const std::vector<Target>& users) {
  Override change;
  change.id = id;
  change.type = type;
  change.start = At("2024-06-05T00:00Z");
  change.end = At("2024-06-06T00:00Z");
  change.users = users;
  return change;
}

Override Swap(const char* id, const char* from, const char* to) {
  Override change = MakeOverride(id, Override::Type::kSwap, {});
  change.from_user = UserId(from);
  change.to_user = UserId(to);
  return change;
}

std::vector<std::string> Reasons(const Roster& roster, const std::vector<Target>& targets, absl::Time at) {
  std::vector<std::string> lines;
  for (const Person& person : roster.Resolve(targets, at))
    lines.push_back(person.user.value() + ": " + person.reason);
  return lines;
}

const absl::Time kWednesday = At("2024-06-05T12:00Z");  // in turn 22 of Weekly: an even one

TEST(RosterTest, APersonComesWithTheLayerAndTheTurn) {
  Layer layer = Weekly("w", {ToUser("alice"), ToUser("bob")});
  layer.name = "weekly";
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("payments", "UTC", {layer})}));
  const std::vector<Target> targets = {ToSchedule("payments")};
  EXPECT_THAT(Reasons(roster, targets, kWednesday), ElementsAre("alice: schedule payments: layer weekly, turn 22"));
  EXPECT_THAT(Reasons(roster, targets, At("2024-01-08T09:00Z")),
              ElementsAre("bob: schedule payments: layer weekly, turn 1"));
}

TEST(RosterTest, APersonComesWithTheOverrideAndWhoMadeIt) {
  Schedule schedule = MakeSchedule("payments", "UTC", {Weekly("w", {ToUser("alice"), ToUser("bob")})});
  schedule.overrides = {Swap("o7", "alice", "dave")};
  schedule.overrides[0].created_by = "carol";
  schedule.overrides[0].reason = "dentist";
  schedule.overrides.push_back(MakeOverride("o8", Override::Type::kAdd, {ToUser("eva")}));
  schedule.overrides[1].seq = 1;
  const Roster roster = Compile(MakeOrganisation({schedule}));
  EXPECT_THAT(Reasons(roster, {ToSchedule("payments")}, kWednesday),
              ElementsAre("dave: schedule payments: override o7 by carol: swap for alice (dentist)",
                          "eva: schedule payments: override o8: add"));
}

TEST(RosterTest, AReasonLeadsThroughNestedSchedulesAndTeams) {
  const Roster roster = Compile(MakeOrganisation({
      MakeSchedule("world", "UTC", {Weekly("all", {ToSchedule("apac")})}),
      MakeSchedule("apac", "Asia/Tokyo", {Weekly("night", {ToTeam("db")})}),
  }));
  EXPECT_THAT(Reasons(roster, {ToUser("dave"), ToSchedule("world"), ToTeam("db")}, kWednesday),
              ElementsAre("carol: schedule world: layer all, turn 22: schedule apac: layer night, turn 22: team db",
                          "dave: named directly"));
  EXPECT_THAT(Reasons(roster, {ToTeam("db")}, kWednesday), ElementsAre("carol: team db", "dave: team db"));
}

TEST(RosterTest, ATemporaryScheduleIsTheReasonInsideItsRange) {
  Schedule schedule = MakeSchedule("payments", "UTC", {Weekly("w", {ToUser("alice")})});
  schedule.overrides = {MakeOverride("o1", Override::Type::kAdd, {ToUser("eva")})};
  schedule.temporary_schedules = {
      {.start = At("2024-06-05T06:00Z"),
       .end = At("2024-06-05T18:00Z"),
       .shifts = {{.start = At("2024-06-05T00:00Z"), .end = At("2024-06-05T15:00Z"), .members = {ToUser("bob")}}}}
  };
  const Roster roster = Compile(MakeOrganisation({schedule}));
  EXPECT_THAT(Reasons(roster, {ToSchedule("payments")}, kWednesday),
              ElementsAre("bob: schedule payments: temporary schedule of 2024-06-05T06:00Z"));
  EXPECT_EQ(OnCall(roster, "payments", At("2024-06-05T05:59Z")), "alice eva");
  EXPECT_EQ(OnCall(roster, "payments", At("2024-06-05T15:00Z")), "");
  EXPECT_EQ(OnCall(roster, "payments", At("2024-06-05T18:00Z")), "alice eva");
}

TEST(RosterTest, WhoIsReachedTwiceIsThereOnceWithTheFirstReason) {
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", {Weekly("w", {ToUser("carol")})})}));
  EXPECT_THAT(Reasons(roster, {ToSchedule("s"), ToTeam("db"), ToUser("carol")}, kWednesday),
              ElementsAre("carol: schedule s: layer w, turn 22", "dave: team db"));
}

TEST(RosterTest, TargetsThatNoLongerExistAreNobody) {
  const Roster roster = Compile(MakeOrganisation({}));
  EXPECT_THAT(Reasons(roster, {ToUser("gone"), ToTeam("gone"), ToSchedule("gone"), ToUser("bob")}, kWednesday),
              ElementsAre("bob: named directly"));
  EXPECT_THAT(roster.OnCall(ScheduleId("gone"), kWednesday), IsEmpty());
  EXPECT_EQ(roster.NextChange(ScheduleId("gone"), kWednesday), std::nullopt);
  EXPECT_EQ(roster.FinalSchedule(ScheduleId("gone"), kWednesday, kWednesday + absl::Hours(1)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(RosterTest, ANestedScheduleWithNobodyOnCallIsTransparent) {
  Layer upper = Weekly("upper", {ToSchedule("silent")});
  upper.priority = 1;
  const Roster roster = Compile(MakeOrganisation({
      MakeSchedule("outer", "UTC", {upper, Weekly("lower", {ToUser("alice")})}),
      MakeSchedule("silent", "UTC", {}),
  }));
  EXPECT_EQ(OnCall(roster, "outer", kWednesday), "alice");
}

TEST(RosterTest, OverridesActOnThePeopleBehindATeamOrASchedule) {
  Schedule schedule = MakeSchedule("s", "UTC", {Weekly("w", {ToTeam("db")})});
  schedule.overrides = {Swap("o1", "carol", "eva"), MakeOverride("o2", Override::Type::kRemove, {ToUser("dave")})};
  EXPECT_EQ(OnCall(Compile(MakeOrganisation({schedule})), "s", kWednesday), "eva");
}

TEST(RosterTest, OverridesApplyInSequenceAndEqualOnesInTheirOrder) {
  struct Row {
    const char* what;
    std::vector<Override> overrides;
    const char* people;
  };
  Override first = MakeOverride("a", Override::Type::kAssign, {ToUser("bob")});
  Override second = MakeOverride("b", Override::Type::kAssign, {ToUser("carol")});
  Override silence = MakeOverride("c", Override::Type::kAssign, {});
  Override late = MakeOverride("d", Override::Type::kAdd, {ToUser("eva")});
  late.seq = 9;
  const Row rows[] = {
      {"none",                         {},                                                    "alice"},
      {"the later created",            {first, second},                                       "carol"},
      {"and the other way round",      {second, first},                                       "bob"  },
      {"nobody is opaque",             {first, silence},                                      ""     },
      {"what comes after the silence", {late, first, silence},                                "eva"  },
      {"a swap of who is off",         {Swap("x", "bob", "carol")},                           "alice"},
      {"a chain of swaps",             {Swap("x", "alice", "bob"), Swap("y", "bob", "dave")}, "dave" },
      {"a swap with who is on too",    {late, Swap("x", "alice", "eva")},                     "eva"  },
  };
  for (const Row& row : rows) {
    Schedule schedule = MakeSchedule("s", "UTC", {Weekly("w", {ToUser("alice")})});
    schedule.overrides = row.overrides;
    const Roster roster = Compile(MakeOrganisation({schedule}));
    EXPECT_EQ(OnCall(roster, "s", kWednesday), row.people) << row.what;
    EXPECT_EQ(OnCall(roster, "s", At("2024-06-06T00:00Z")), "alice") << row.what;
    EXPECT_EQ(OnCall(roster, "s", At("2024-06-04T23:59Z")), "alice") << row.what;
  }
}

TEST(RosterTest, AnOverrideOfALayerTouchesNothingElse) {
  Layer upper = Weekly("upper", {ToUser("alice")});
  upper.priority = 5;
  Schedule schedule = MakeSchedule("s", "UTC", {Weekly("lower", {ToUser("bob")}), upper});
  schedule.overrides = {MakeOverride("o1", Override::Type::kAssign, {})};
  schedule.overrides[0].layers = {LayerId("upper")};
  EXPECT_EQ(OnCall(Compile(MakeOrganisation({schedule})), "s", kWednesday), "bob");
  // A layer of which nobody is a participant can still be given to somebody.
  schedule.layers[1].participants.clear();
  schedule.overrides[0].users = {ToUser("eva")};
  EXPECT_EQ(OnCall(Compile(MakeOrganisation({schedule})), "s", kWednesday), "eva");
}

TEST(RosterTest, InstantsAtTheEndsOfTimeHaveAnAnswer) {
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "Asia/Tokyo", {Weekly("w", {ToUser("bob")})})}));
  EXPECT_EQ(OnCall(roster, "s", absl::InfinitePast()), "");
  EXPECT_EQ(OnCall(roster, "s", absl::InfiniteFuture()), "bob");
  EXPECT_EQ(roster.NextChange(ScheduleId("s"), absl::InfinitePast()), std::nullopt);
  EXPECT_EQ(roster.NextChange(ScheduleId("s"), absl::InfiniteFuture()), std::nullopt);
}

TEST(RosterTest, TheFinalScheduleOfANestingOneFollowsTheInnerHandoffs) {
  const Roster roster = Compile(MakeOrganisation({
      MakeSchedule("outer", "UTC", {Weekly("w", {ToSchedule("inner")})}),
      MakeSchedule("inner", "UTC", {MakeLayer("d", Type::kDaily, "2024-01-01T06:00", {ToUser("bob"), ToUser("eva")})}),
  }));
  const std::vector<Shift> shifts =
      *roster.FinalSchedule(ScheduleId("outer"), At("2024-06-05T00:00Z"), At("2024-06-07T00:00Z"));
  ASSERT_EQ(shifts.size(), 3U);
  EXPECT_EQ(shifts[0].end, At("2024-06-05T06:00Z"));
  EXPECT_EQ(shifts[1].end, At("2024-06-06T06:00Z"));
  EXPECT_NE(shifts[0].users, shifts[1].users);
  EXPECT_EQ(roster.NextChange(ScheduleId("outer"), At("2024-06-05T00:00Z")), At("2024-06-05T06:00Z"));
}

TEST(RosterTest, ARangeKeepsItsOwnEdgesToTheNanosecond) {
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", {Weekly("w", {ToUser("bob")})})}));
  const absl::Time since = At("2024-06-05T00:00Z") + absl::Nanoseconds(7);
  const std::vector<Shift> shifts = *roster.FinalSchedule(ScheduleId("s"), since, since + absl::Nanoseconds(1));
  ASSERT_EQ(shifts.size(), 1U);
  EXPECT_EQ(shifts[0].start, since);
  EXPECT_EQ(shifts[0].end, since + absl::Nanoseconds(1));
}

TEST(RosterTest, RangesThatCannotBeAnsweredAreRefused) {
  Layer busy = MakeLayer("h", Type::kHourly, "2024-01-01T00:00", {ToUser("alice"), ToUser("bob")});
  std::vector<Layer> layers;
  for (int i = 0; i < 24; ++i) {
    layers.push_back(busy);
    layers.back().id = LayerId("h" + std::to_string(i));
    std::get<Rotation>(layers.back().pattern).start += i;  // boundaries at 24 minutes of each hour
  }
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", layers)}));
  const absl::Time since = At("2024-06-05T00:00Z");
  const ScheduleId id("s");
  const auto code = [&](absl::Time from, absl::Time to) { return roster.FinalSchedule(id, from, to).status().code(); };
  EXPECT_EQ(code(since, since), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(since, since - absl::Hours(1)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(absl::InfinitePast(), absl::InfiniteFuture()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(since, since + absl::Hours(24 * 366 * 11)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(since, since + absl::Hours(24 * 366 * 2)), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(since, since + absl::Hours(24 * 30)), absl::StatusCode::kOk);
}

TEST(RosterTest, NextChangeLooksFourHundredDaysAhead) {
  Layer layer = Weekly("w", {ToUser("bob")});
  layer.effective_until = kWednesday + absl::Hours(24 * 399);
  EXPECT_EQ(Compile(MakeOrganisation({MakeSchedule("s", "UTC", {layer})})).NextChange(ScheduleId("s"), kWednesday),
            layer.effective_until);
  layer.effective_until = kWednesday + absl::Hours(24 * 401);
  EXPECT_EQ(Compile(MakeOrganisation({MakeSchedule("s", "UTC", {layer})})).NextChange(ScheduleId("s"), kWednesday),
            std::nullopt);
}

TEST(RosterTest, ANightOnWhichClocksChangeWeighsItsRealLength) {
  Organisation organisation =
      MakeOrganisation({MakeSchedule("s", "UTC", {Weekly("w", {ToUser("alice"), ToUser("bob")})})});
  for (User& user : organisation.users) {
    if (user.id == UserId("alice")) user.time_zone = "Europe/London";
  }
  const Roster roster = Compile(organisation);
  // The Sunday of the spring change in London, when alice (turn 12) is on.
  const auto duties = *roster.Fairness(ScheduleId("s"), At("2024-03-30T22:00Z"), At("2024-04-01T00:00Z"));
  ASSERT_EQ(duties.size(), 1U);
  const Duty duty = duties.at(UserId("alice"));
  EXPECT_EQ(duty.total, absl::Hours(26));
  EXPECT_EQ(duty.night, absl::Hours(10));  // 7 hours from 22:00 to 06:00, and 3 from the next 22:00 on
  EXPECT_EQ(duty.weekend, absl::Hours(25));
}

TEST(RosterTest, CountsShiftsAndHandoffsAtNightAndTheLongestStretch) {
  // alice and bob hand over at 23:00 each day; carol is on by day as well, on the higher layer.
  Layer nights = MakeLayer("nights", Rotation::Type::kDaily, "2024-01-01T23:00", {ToUser("alice"), ToUser("bob")});
  Layer days = MakeLayer("days", Rotation::Type::kWeekly, "2024-01-01T00:00", {ToUser("carol")});
  days.priority = 1;
  days.restrictions.push_back({.start_minute = 9 * 60, .duration_minutes = 60});
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", {nights, days})}));
  const auto duties = *roster.Fairness(ScheduleId("s"), At("2024-01-10T12:00Z"), At("2024-01-12T12:00Z"));
  // alice from the start to 23:00, again from 23:00 on the 11th to 9:00 and from 10:00 to the end.
  const Duty alice = duties.at(UserId("alice"));
  EXPECT_EQ(alice.shifts, 3);
  EXPECT_EQ(alice.night_handoffs, 1);
  EXPECT_EQ(alice.longest, absl::Hours(11));
  EXPECT_EQ(duties.at(UserId("bob")).shifts, 2);
  EXPECT_EQ(duties.at(UserId("bob")).longest, absl::Hours(13));
  EXPECT_EQ(duties.at(UserId("carol")).shifts, 2);
  EXPECT_EQ(duties.at(UserId("carol")).night_handoffs, 0);
  // 23 hours each, carol 2: the pairs are 1, 2/23 and 2/23.
  EXPECT_NEAR(Roster::Balance(duties), (1 + 2 * 2.0 / 23) / 3, 1e-9);
  EXPECT_EQ(Roster::Balance({}), 1);
}

TEST(RosterTest, FindsAPersonsNextShifts) {
  const Layer nights =
      MakeLayer("nights", Rotation::Type::kDaily, "2024-01-01T23:00", {ToUser("alice"), ToUser("bob")});
  const Roster roster = Compile(MakeOrganisation({MakeSchedule("s", "UTC", {nights})}));
  const auto shifts = *roster.ShiftsOf(UserId("bob"), ScheduleId("s"), At("2024-01-02T23:30Z"), 2);
  ASSERT_EQ(shifts.size(), 2U);
  EXPECT_EQ(shifts[0].start, At("2024-01-02T23:30Z")) << "on now: from now on";
  EXPECT_EQ(shifts[0].end, At("2024-01-03T23:00Z"));
  EXPECT_EQ(shifts[1].start, At("2024-01-04T23:00Z"));
  EXPECT_THAT(*roster.ShiftsOf(UserId("carol"), ScheduleId("s"), At("2024-01-02T23:30Z"), 2), testing::IsEmpty());
  EXPECT_FALSE(roster.ShiftsOf(UserId("nobody"), ScheduleId("s"), At("2024-01-02T23:30Z"), 2).ok());
}

}  // namespace
}  // namespace tocsin
