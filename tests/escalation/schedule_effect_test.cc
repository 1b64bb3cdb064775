// What a change does to who is on call, against asking both rosters at instants; and who goes by a schedule.
#include "escalation/schedule_effect.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "escalation/schedule_use.h"
#include "tests/escalation/random_schedule.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

bool Holds(const std::vector<Stint>& stints, absl::Time at) {
  return std::ranges::any_of(stints, [&](const Stint& stint) { return stint.start <= at && at < stint.end; });
}
bool Holds(const std::map<UserId, std::vector<Stint>>& all, const UserId& user, absl::Time at) {
  const auto found = all.find(user);
  return found != all.end() && Holds(found->second, at);
}

bool Contains(const std::vector<UserId>& users, const UserId& user) {
  return std::ranges::find(users, user) != users.end();
}

TEST(ScheduleEffectTest, IsTheDifferenceOfWhoIsOnCallAtEveryInstant) {
  Random random(7);
  const std::vector<std::string> zones = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"};
  const absl::Time around = At("2026-03-29T00:00Z");
  int gaps = 0;
  for (int round = 0; round < 200; ++round) {
    const Organisation organisation =
        RandomOrganisation(random, zones[static_cast<std::size_t>(round) % 3], zones, around);
    Organisation changed = organisation;
    Override change;
    change.id = "new";
    change.seq = 1'000'000;
    change.start = around - absl::Minutes(random.Between(0, 3000));
    change.end = around + absl::Minutes(random.Between(1, 3000));
    change.type = static_cast<Override::Type>(random.Below(3));
    const bool nobody = change.type == Override::Type::kAssign && random.OneIn(2);
    if (!nobody) change.users = {UserTarget{organisation.users[random.Below(organisation.users.size())].id}};
    changed.schedules[random.Below(3)].overrides.push_back(change);
    const Roster before = Compile(organisation);
    const Roster after = Compile(changed);
    const ScheduleId schedule = organisation.schedules[random.Below(3)].id;
    const absl::Time since = around - absl::Hours(72);
    const auto effect = EffectOf(before, after, schedule, since, around + absl::Hours(72));
    ASSERT_TRUE(effect.ok()) << effect.status();
    gaps += effect->gaps_opened.empty() ? 0 : 1;
    for (int probe = 0; probe < 300; ++probe) {
      const absl::Time at = since + absl::Minutes(random.Between(0, 144 * 60 - 1));
      const std::vector<UserId> was = before.OnCall(schedule, at);
      const std::vector<UserId> is = after.OnCall(schedule, at);
      for (const User& user : organisation.users) {
        EXPECT_EQ(Holds(effect->put_on, user.id, at), Contains(is, user.id) && !Contains(was, user.id));
        EXPECT_EQ(Holds(effect->taken_off, user.id, at), Contains(was, user.id) && !Contains(is, user.id));
      }
      EXPECT_EQ(Holds(effect->gaps_opened, at), is.empty() && !was.empty());
    }
  }
  EXPECT_GT(gaps, 5) << "the rounds say something about gaps";
}

TEST(ScheduleEffectTest, StretchesThatTouchAreOne) {
  Organisation organisation = MakeOrganisation({MakeSchedule(
      "s", "UTC", {MakeLayer("l", Rotation::Type::kDaily, "2026-01-05T00:00", {ToUser("alice"), ToUser("bob")})})});
  const Roster before = Compile(organisation);
  organisation.schedules[0].overrides.push_back({.id = "o",
                                                 .seq = 1,
                                                 .start = At("2026-01-05T12:00Z"),
                                                 .end = At("2026-01-07T00:00Z"),
                                                 .type = Override::Type::kAssign,
                                                 .users = {ToUser("carol")}});
  const auto effect =
      EffectOf(before, Compile(organisation), ScheduleId("s"), At("2026-01-05T00:00Z"), At("2026-01-09T00:00Z"));
  ASSERT_TRUE(effect.ok());
  EXPECT_THAT(effect->put_on,
              ElementsAre(Pair(UserId("carol"), ElementsAre(Stint{At("2026-01-05T12:00Z"), At("2026-01-07T00:00Z")}))));
  EXPECT_THAT(effect->taken_off.at(UserId("alice")),
              ElementsAre(Stint{At("2026-01-05T12:00Z"), At("2026-01-06T00:00Z")}));
  EXPECT_THAT(effect->gaps_opened, IsEmpty());
}

TEST(ScheduleUseTest, PoliciesAndSchedulesThatGoByASchedule) {
  Organisation organisation = MakeOrganisation(
      {MakeSchedule("inner", "UTC", {MakeLayer("l", Rotation::Type::kDaily, "2026-01-05T00:00", {ToUser("alice")})}),
       MakeSchedule("middle", "UTC",
                    {MakeLayer("l", Rotation::Type::kDaily, "2026-01-05T00:00", {ToSchedule("inner")})}),
       MakeSchedule("outer", "UTC",
                    {MakeLayer("l", Rotation::Type::kDaily, "2026-01-05T00:00", {ToSchedule("middle")})}),
       MakeSchedule("other", "UTC", {MakeLayer("l", Rotation::Type::kDaily, "2026-01-05T00:00", {ToUser("bob")})})});
  EXPECT_THAT(SchedulesThatGoBy(organisation, ScheduleId("inner")),
              UnorderedElementsAre(ScheduleId("inner"), ScheduleId("middle"), ScheduleId("outer")));
  EXPECT_THAT(SchedulesThatGoBy(organisation, ScheduleId("outer")), UnorderedElementsAre(ScheduleId("outer")));
  EscalationPolicy first;
  first.id = PolicyId("first");
  first.steps.resize(1);
  first.steps[0].targets = {ToSchedule("outer")};
  EscalationPolicy second;
  second.id = PolicyId("second");
  second.steps.resize(1);
  second.steps[0].targets = {PolicyTarget{PolicyId("first")}, PolicyTarget{PolicyId("second")}};
  organisation.policies = {first, second};
  const std::set<ScheduleId> inner = SchedulesThatGoBy(organisation, ScheduleId("inner"));
  EXPECT_TRUE(GoesByAny(organisation, first, inner));
  EXPECT_TRUE(GoesByAny(organisation, second, inner)) << "by way of the first";
  EXPECT_FALSE(GoesByAny(organisation, second, {ScheduleId("other")}));
  EXPECT_TRUE(IsInUse(organisation, ScheduleId("outer")));
  EXPECT_FALSE(IsInUse(organisation, ScheduleId("inner"))) << "gaps of it are the outer one's";
  EXPECT_THAT(SchedulesInUse(organisation), ElementsAre(Pair(ScheduleId("outer"), PolicyId("first"))));
}

}  // namespace
}  // namespace tocsin
