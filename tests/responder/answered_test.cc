// What an answer ends and what goes on after it, and who is asked when those who were meant cannot be: stories of states
// that meet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kTen = absl::Minutes(10);
using LowUrgency = EscalationPolicy::LowUrgency;

Organisation With(std::vector<PolicyStep> steps) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps = std::move(steps);
  return organisation;
}

PolicyStep UntilResolved(absl::Duration delay, std::vector<Target> targets) {
  PolicyStep step = StepOf(delay, std::move(targets));
  step.unless = PolicyStep::Unless::kResolved;
  return step;
}

PolicyStep OnceManyFire(std::vector<Target> targets) {
  PolicyStep step = StepOf(kTen, std::move(targets));
  step.min_rate = {.count = 5, .window = absl::Minutes(20)};
  return step;
}

// On call from 9 to 17 each day, bob and carol by turns; nobody at night.
Schedule Office() {
  Schedule schedule = SampleSchedule("primary", {UserId("bob"), UserId("carol")});
  Rotation& rotation = std::get<Rotation>(schedule.layers[0].pattern);
  rotation.type = Rotation::Type::kDaily;
  rotation.start = absl::CivilMinute(2023, 12, 25, 9, 0);
  schedule.layers[0].restrictions.push_back({Restriction::Type::kDaily, 9 * 60, 1, 8 * 60});
  return schedule;
}

void Begin(World& world, Severity severity = Severity::kCritical) {
  world.Observe({.severity = severity});
  world.Pass(kWait);
}

World::Provider Failing(std::string user) {
  return [user](const Notification& row) {
    return row.user.value() == user ? AttemptResult::Kind::kRejected : AttemptResult::Kind::kAccepted;
  };
}

TEST(AnsweredTest, WhoeverHasAcknowledgedIsNotAskedByStepsThatGoOn) {
  Organisation organisation = With({UntilResolved(kTen, {To("alice"), To("bob")})});
  organisation.policies[0].repeats = 2;
  World world(organisation);
  Begin(world);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Forget();
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email bob")) << "bob has not said anything";
}

TEST(AnsweredTest, ADowntimeOfADayDoesNotAskThoseAgainWhoHaveAnswered) {
  World world(With({StepOf(kTen, {To("bob")}), UntilResolved(kTen, {To("carol")})}));
  Begin(world);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Forget();
  world.Sleep(absl::Hours(25));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol"));
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(AnsweredTest, ASilenceDoesNotEndTheStepsThatGoOn) {
  World world(With({StepOf(kTen, {To("bob")}), UntilResolved(kTen, {To("carol")})}));
  Begin(world);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Observe({.firing = 0, .suppressed = 1});
  world.Pass(absl::Minutes(2));
  world.Observe({});
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
}

TEST(AnsweredTest, AnAnswerToLowUrgencyStartsNothing) {
  World world(With({StepOf(absl::Hours(2), {To("bob")}), UntilResolved(kTen, {To("carol")})}));
  Begin(world, Severity::kWarning);
  world.Pass(absl::Hours(5));
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Pass(absl::Hours(5));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(AnsweredTest, WhatIsGivenBackIsAskedAtOnceWhateverTheStepWaitedForBefore) {
  World world(With({OnceManyFire({To("bob")})}));
  world.Observe({.firing = 6});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:carol").ok());
  world.Pass(absl::Hours(1));
  world.Forget();
  ASSERT_TRUE(world.Do(UnacknowledgeGroup{world.Current()->id, std::nullopt}, "user:carol").status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
}

TEST(AnsweredTest, WhoWasAskedBesidesKeepsTheOwnPageWhateverBecomesOfTheEscalation) {
  World world(With({StepOf(kTen, {To("bob")})}));
  Begin(world);
  ASSERT_TRUE(world.Do(AddResponders{SubjectOf(world.Current()->id), {To("alice")}, "help"}).status.ok());
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Pass(absl::Minutes(3));
  ASSERT_TRUE(world.Do(UnacknowledgeGroup{world.Current()->id, std::nullopt}, "user:bob").status.ok());
  world.Pass(absl::Minutes(2));
  EXPECT_THAT(world.Sent(), Contains("voice alice"));
}

TEST(AnsweredTest, ByHandTheNextStepRunsWhateverItWaitsFor) {
  World world(With({StepOf(absl::Minutes(1), {To("bob")}), OnceManyFire({To("carol")})}));
  Begin(world);
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
}

TEST(UnreachedTest, AStepThatWaitsDoesNotKeepEverybodyInTheDark) {
  for (const bool empty : {false, true}) {
    World world(With({StepOf(kTen, {empty ? OnCall("nobody") : To("bob")}), OnceManyFire({To("dave")})}));
    if (!empty) world.SetProvider(Failing("bob"));
    Begin(world);
    world.Pass(absl::Minutes(5));
    EXPECT_THAT(world.Sent(), Contains("email carol fallback"));
  }
}

TEST(UnreachedTest, AFallbackThatCannotBeReachedIsTriedAgain) {
  PolicyStep step = StepOf(kTen, {OnCall("nobody")});
  step.on_empty = PolicyStep::OnEmpty::kFallback;
  for (const Severity severity : {Severity::kCritical, Severity::kWarning}) {
    World world(With({step}));
    world.SetProvider([](const Notification&) { return AttemptResult::Kind::kRejected; });
    Begin(world, severity);
    world.Pass(absl::Minutes(5));
    world.Forget();
    world.SetProvider([](const Notification&) { return AttemptResult::Kind::kAccepted; });
    world.Pass(absl::Hours(1));
    EXPECT_THAT(world.Sent(), Not(IsEmpty())) << "providers are back";
  }
}

TEST(UnreachedTest, TheNextShiftIsThatOfSomebody) {
  Organisation organisation = With({StepOf(kTen, {OnCall("primary")})});
  organisation.schedules[0] = Office();
  organisation.policies[0].low_urgency = LowUrgency::kNextShift;
  World world(organisation);
  Begin(world, Severity::kWarning);
  world.Pass(absl::Hours(20));
  EXPECT_THAT(world.Sent(), IsEmpty()) << "at 17:00 comes a gap";
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), SizeIs(1));
}

TEST(HandoffTest, EveryStepThatAsksForItIsFollowedAlsoWhereNobodyWasOnCall) {
  PolicyStep step = StepOf(kTen, {OnCall("primary")});
  step.page_at_handoff = true;
  Organisation organisation = With({step, StepOf(absl::Hours(72), {To("dave")})});
  organisation.schedules[0] = Office();
  World world(organisation);
  Begin(world);
  world.Pass(absl::Hours(21));
  EXPECT_THAT(world.Sent(), SizeIs(3)) << "one of bob and carol, dave, and the other one in the morning";

  organisation.schedules[0].layers[0].restrictions[0].start_minute = 14 * 60;
  World empty(organisation);
  Begin(empty);
  EXPECT_THAT(empty.Sent(), ElementsAre("email dave"));
  empty.Pass(absl::Hours(2));
  EXPECT_THAT(empty.Sent(), SizeIs(2));
}

TEST(GivenTest, StaysGivenOverSilencesAndOnRoutesWithoutAPolicy) {
  World world(With({StepOf(kTen, {To("bob")}), StepOf(kTen, {To("dave")})}));
  Begin(world);
  ASSERT_TRUE(world.Do(ReassignGroup{world.Current()->id, std::nullopt, {To("carol")}}).status.ok());
  world.Observe({.firing = 0, .suppressed = 1});
  world.Forget();
  world.Observe({});
  world.Pass(absl::Hours(2));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol"));

  Organisation silent = SampleOrganisation();
  silent.route.policy = PolicyId();
  World other(silent);
  Begin(other);
  ASSERT_TRUE(other.Do(ReassignGroup{other.Current()->id, std::nullopt, {To("carol")}}).status.ok());
  ASSERT_TRUE(other.Acknowledge(other.Current()->id, "user:carol").ok());
  other.Forget();
  ASSERT_TRUE(other.Do(UnacknowledgeGroup{other.Current()->id, std::nullopt}, "user:carol").status.ok());
  EXPECT_THAT(other.Sent(), ElementsAre("email carol"));
}

}  // namespace
}  // namespace tocsin
