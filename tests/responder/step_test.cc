// What a policy's steps may ask for, as stories. The numbers are those of the decisions in the on-call specification.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kTen = absl::Minutes(10);

EscalationPolicy& PolicyIn(Organisation& organisation) {
  return organisation.policies[0];
}

Organisation WithSteps(std::vector<PolicyStep> steps) {
  Organisation organisation = SampleOrganisation();
  PolicyIn(organisation).steps = std::move(steps);
  return organisation;
}

// On every day from one hour of the day to another, in UTC.
TimeInterval Daily(std::string_view id, int from, int until) {
  TimeInterval interval;
  interval.id = TimeIntervalId(id);
  RecurringTime& time = interval.time_intervals.emplace_back();
  time.times.push_back({from * 60, until * 60});
  return interval;
}

// Hands over each day at 13:00 UTC; the first of them is on call at noon.
Schedule DailyAt13(std::string_view name, std::vector<UserId> people) {
  Schedule schedule = SampleSchedule(name, std::move(people));
  Rotation& rotation = std::get<Rotation>(schedule.layers[0].pattern);
  rotation.type = Rotation::Type::kDaily;
  rotation.start = absl::CivilMinute(2023, 12, 25, 13, 0);
  return schedule;
}

void Begin(World& world, std::string_view name = "DatabaseDown") {
  world.Observe({.name = name});
  world.Pass(kWait);
}

TEST(StepTest, E7DelaysFromTheBeginningKeepTheirDistances) {
  PolicyStep first = StepOf(absl::Minutes(5), {To("bob")});
  first.delay_from = PolicyStep::DelayFrom::kBeginning;
  PolicyStep second = StepOf(absl::Minutes(15), {To("carol")});
  second.delay_from = PolicyStep::DelayFrom::kBeginning;
  World world(WithSteps({first, second, StepOf(kTen, {To("dave")})}));
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  world.Pass(kTen - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), SizeIs(2));
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol", "email dave")) << "15 minutes from the beginning";
}

TEST(StepTest, AStepThatRunsUntilItIsResolvedRunsAfterAnAcknowledgement) {
  PolicyStep last = StepOf(kTen, {To("carol")});
  last.unless = PolicyStep::Unless::kResolved;
  World world(WithSteps({StepOf(kTen, {OnCall("primary")}), StepOf(kTen, {To("bob")}), last}));
  Begin(world);
  world.Pass(absl::Minutes(1));
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Pass(absl::Minutes(19) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "bob is for when nobody has answered";
  world.Crash();
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email carol")) << "at the time that it would have had";
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
  world.Pass(kTen);
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kStopped);
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(StepTest, E10GivenBackTheStepsForNobodyHasAnsweredRunAgain) {
  PolicyStep last = StepOf(kTen, {To("carol")});
  last.unless = PolicyStep::Unless::kResolved;
  World world(WithSteps({StepOf(kTen, {To("bob")}), last}));
  Begin(world);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Forget();
  ASSERT_TRUE(world.Do(UnacknowledgeGroup{world.Current()->id, std::nullopt}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol")) << "once, not by the run before, too";
}

TEST(StepTest, E6AStepOutsideOfItsHoursIsSkippedOrWaitsForThem) {
  for (const bool waits : {false, true}) {
    PolicyStep evening = StepOf(kTen, {To("bob")});
    evening.only_during = {TimeIntervalId("evening")};
    evening.outside = waits ? PolicyStep::Outside::kWait : PolicyStep::Outside::kSkip;
    Organisation organisation = WithSteps({evening, StepOf(kTen, {To("carol")})});
    organisation.time_intervals = {Daily("evening", 18, 19)};
    World world(organisation);
    Begin(world);
    if (!waits) {
      EXPECT_THAT(world.Sent(), ElementsAre("email carol"));
      EXPECT_THAT(world.Told(Kind::kStepSkipped), HasSubstr("it is outside of evening; skipped at once"));
      continue;
    }
    EXPECT_THAT(world.Sent(), IsEmpty());
    EXPECT_THAT(world.Told(Kind::kStepWaits), HasSubstr("waits for evening, until 2024-01-01 18:00 UTC"));
    EXPECT_THAT(world.Audit(), IsEmpty());
    world.Crash();
    world.Pass(absl::Hours(6) - kWait - absl::Seconds(1));
    EXPECT_THAT(world.Sent(), IsEmpty());
    world.Pass(absl::Seconds(1));
    EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
    world.Pass(kTen);
    EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  }
}

TEST(StepTest, WhatIsWaitedForFollowsTheOrganisationThatIsApplied) {
  PolicyStep evening = StepOf(kTen, {To("bob")});
  evening.only_during = {TimeIntervalId("evening")};
  evening.outside = PolicyStep::Outside::kWait;
  Organisation organisation = WithSteps({evening});
  organisation.time_intervals = {Daily("evening", 18, 19)};
  World world(organisation);
  Begin(world);
  organisation.time_intervals = {Daily("evening", 14, 19)};
  world.Apply(organisation);
  world.Pass(absl::Hours(2) - kWait - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));

  World other(organisation);
  Begin(other);
  organisation.time_intervals = {Daily("evening", 11, 19)};
  other.Apply(organisation);
  other.Pass(absl::Seconds(1));
  EXPECT_THAT(other.Sent(), ElementsAre("email bob")) << "they have begun already";

  PolicyStep step = StepOf(absl::Hours(3), {OnCall("primary")});
  step.page_at_handoff = true;
  Organisation handover = WithSteps({step});
  handover.schedules[0] = DailyAt13("primary", {UserId("bob"), UserId("carol")});
  World third(handover);
  Begin(third);
  handover.schedules[0] = SampleSchedule("primary", {UserId("dave")});
  third.Apply(handover);
  third.Pass(absl::Seconds(1));
  EXPECT_THAT(third.Sent(), ElementsAre("email bob", "email dave"));
}

TEST(StepTest, AStepThatWaitsForMoreAlertsGoesOnWhenTheyCome) {
  PolicyStep many = StepOf(kTen, {To("carol")});
  many.min_rate = {.count = 5, .window = absl::Minutes(20)};
  World world(WithSteps({StepOf(kTen, {To("bob")}), many}));
  Begin(world);
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  EXPECT_THAT(world.Told(Kind::kStepWaits), HasSubstr("waits for 5 alerts within 20m, 1 have begun to fire"));
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Observe({.firing = 4});
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob")) << "3 within 20 minutes";
  world.Observe({.firing = 6});
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
}

TEST(StepTest, ReceiversAreToldAsWell) {
  PolicyStep step = StepOf(kTen, {To("bob")});
  step.receivers = {ReceiverId("chat")};
  PolicyStep alone = StepOf(kTen, {});
  alone.receivers = {ReceiverId("chat")};
  Organisation organisation = WithSteps({step, alone, StepOf(kTen, {To("carol")})});
  organisation.receivers = {
      {ReceiverId("chat"), {{ContactMethodId("x"), ContactMethod::Kind::kWebhook, "https://chat.example.com/", ""}}}
  };
  World world(organisation);
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update", "email bob"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update", "email bob", "webhook chat update"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update", "email bob", "webhook chat update", "email carol"))
      << "a step that tells a receiver only has its delay all the same";
}

TEST(StepTest, E16RoundRobinTakesOnePersonAfterTheOtherFromRunToRunAndOverARestart) {
  PolicyStep step = StepOf(kTen, {To("carol"), To("bob"), To("mute")});
  step.strategy = PolicyStep::Strategy::kRoundRobin;
  World world(WithSteps({step}));
  Begin(world, "A");
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  Begin(world, "B");
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  world.Crash();
  Begin(world, "C");
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol", "email bob")) << "mute cannot be reached";
  Organisation grown = WithSteps({step});
  PolicyIn(grown).steps[0].targets.push_back(To("alice"));
  world.Apply(grown);
  Begin(world, "D");
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol", "email bob", "email carol"))
      << "whoever comes after bob, however many there are";
}

TEST(StepTest, OneOfThemAtRandomIsTheSameAfterACrashAndNotAlwaysTheSame) {
  PolicyStep step = StepOf(kTen, {To("carol"), To("bob")});
  step.strategy = PolicyStep::Strategy::kRandom;
  World world(WithSteps({step}));
  std::set<std::string> paged;
  for (int i = 0; i < 20; ++i) {
    world.Forget();
    Begin(world, "Alert" + std::to_string(i));
    ASSERT_THAT(world.Sent(), ElementsAre(AnyOf("email bob", "email carol")));
    paged.insert(world.Sent()[0]);
  }
  EXPECT_THAT(paged, SizeIs(2));
}

TEST(StepTest, E6AnEmptyStepMayWaitOrPageTheOwners) {
  PolicyStep waits = StepOf(kTen, {});
  waits.on_empty = PolicyStep::OnEmpty::kWait;
  World patient(WithSteps({waits, StepOf(kTen, {To("bob")})}));
  Begin(patient);
  patient.Pass(kTen - absl::Seconds(1));
  EXPECT_THAT(patient.Sent(), IsEmpty());
  patient.Pass(absl::Seconds(1));
  EXPECT_THAT(patient.Sent(), ElementsAre("email bob"));

  PolicyStep falls_back = StepOf(kTen, {OnCall("nobody")});
  falls_back.on_empty = PolicyStep::OnEmpty::kFallback;
  World world(WithSteps({falls_back, StepOf(kTen, {To("bob")})}));
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback", "email bob"));
}

TEST(StepTest, E9WhereEachAcknowledgesOnlyTheOwnPageEnds) {
  PolicyStep step = StepOf(kTen, {To("alice"), To("bob")});
  step.each_acknowledges = true;
  World world(WithSteps({step, StepOf(kTen, {To("carol")})}));
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob", "voice alice")) << "alice has not answered";
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), SizeIs(3)) << "but nobody else is asked";

  World other(WithSteps({step}));
  Begin(other);
  ASSERT_TRUE(other.Acknowledge(other.Current()->id, "user:bob").ok());
  ASSERT_TRUE(other.Acknowledge(other.Current()->id, "user:alice").ok());
  other.Pass(absl::Hours(1));
  EXPECT_THAT(other.Sent(), ElementsAre("sms alice", "email bob"));
  EXPECT_THAT(other.Told(Kind::kAcknowledged, "too"), HasSubstr("acknowledged by user:alice, too"));
}

TEST(StepTest, E8WhoeverComesOnCallWhileItIsUnansweredIsPagedToo) {
  PolicyStep step = StepOf(absl::Hours(3), {OnCall("primary")});
  step.page_at_handoff = true;
  Organisation organisation = WithSteps({step});
  organisation.schedules[0] = DailyAt13("primary", {UserId("bob"), UserId("carol")});
  World world(organisation);
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  world.Crash();
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  EXPECT_THAT(world.Told(Kind::kStepExecuted, "handed over"), HasSubstr("pages carol"));

  World answered(organisation);
  Begin(answered);
  ASSERT_TRUE(answered.Acknowledge(answered.Current()->id, "user:bob").ok());
  answered.Pass(absl::Hours(1));
  EXPECT_THAT(answered.Sent(), ElementsAre("email bob"));

  PolicyIn(organisation).steps[0].page_at_handoff = false;
  World keeps(organisation);
  Begin(keeps);
  keeps.Pass(absl::Hours(1));
  EXPECT_THAT(keeps.Sent(), ElementsAre("email bob")) << "the earlier person keeps the page";
}

TEST(StepTest, E5AnImportantStepAddsMethodsAndDoesNotBeginAgain) {
  PolicyStep loud = StepOf(kTen, {To("alice")});
  loud.important = true;
  Organisation organisation = WithSteps({StepOf(absl::Minutes(1), {To("alice")}), loud});
  organisation.users[0].notification_rules.push_back(
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("sms"), /*important=*/true});
  organisation.users[0].notification_rules.push_back(
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("voice"), /*important=*/true});
  World world(organisation);
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice")) << "the call at once, and no second message";
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), SizeIs(2));
}

TEST(StepTest, NeighboursInAScheduleAndTheFirstOfAnotherPolicyMayBeMeant) {
  Organisation organisation = WithSteps({
      StepOf(absl::Minutes(1), {ScheduleTarget{ScheduleId("primary"), ScheduleTarget::Turn::kNext}    }
       ),
      StepOf(absl::Minutes(1), {ScheduleTarget{ScheduleId("primary"), ScheduleTarget::Turn::kPrevious}}
       ),
      StepOf(absl::Minutes(1), {PolicyTarget{PolicyId("other")}                                       }
       )
  });
  organisation.schedules[0] = DailyAt13("primary", {UserId("bob"), UserId("carol"), UserId("alice")});
  EscalationPolicy other;
  other.id = PolicyId("other");
  other.steps = {StepOf(kTen, {OnCall("nobody")}), StepOf(kTen, {To("dave")})};
  organisation.policies.push_back(other);
  World world(organisation);
  Begin(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email carol"));
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol", "sms alice"));
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol", "sms alice", "email dave"));
  EXPECT_THAT(world.Told(Kind::kPaged, "dave"), HasSubstr("policy other, step 2: named directly"));
  EXPECT_THAT(world.Told(Kind::kPaged, "carol"), HasSubstr("next in schedule primary: layer weekly"));
}

TEST(StepTest, E16APolicyMaySpareWhomItHasToldAndMayResolveAtItsEnd) {
  Organisation organisation = WithSteps({StepOf(kTen, {To("bob")}), StepOf(kTen, {To("carol")})});
  PolicyIn(organisation).repeats = 1;
  PolicyIn(organisation).repeats_page_again = false;
  PolicyIn(organisation).resolve_when_exhausted = true;
  World world(organisation);
  Begin(world);
  world.Pass(absl::Minutes(39));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  world.Pass(absl::Minutes(1));
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
  EXPECT_THAT(world.Told(Kind::kEscalationExhausted), HasSubstr("it is resolved, as the policy says"));
}

TEST(StepTest, E17AfterADowntimeOneStepComesOrAllThatAreOverdue) {
  for (const bool at_once : {false, true}) {
    Organisation organisation =
        WithSteps({StepOf(kTen, {To("bob")}), StepOf(kTen, {To("carol")}), StepOf(kTen, {To("dave")})});
    if (at_once) PolicyIn(organisation).catch_up = EscalationPolicy::CatchUp::kAtOnce;
    World world(organisation);
    Begin(world);
    world.Sleep(absl::Minutes(25));
    if (at_once) {
      EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol", "email dave"));
    } else {
      EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
      world.Pass(kTen - absl::Seconds(1));
      EXPECT_THAT(world.Sent(), SizeIs(2));
      world.Pass(absl::Seconds(1));
      EXPECT_THAT(world.Sent(), SizeIs(3));
    }
  }
}

}  // namespace
}  // namespace tocsin
