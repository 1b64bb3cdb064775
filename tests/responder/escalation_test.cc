// Escalations as stories. The numbers are those of the decisions in the on-call specification.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

Organisation WithPolicy(std::vector<PolicyStep> steps, std::int32_t repeats = 0, absl::Duration repeat_interval = {}) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps = std::move(steps);
  organisation.policies[0].repeats = repeats;
  organisation.policies[0].repeat_interval = repeat_interval;
  return organisation;
}

TEST(EscalationTest, PagesThePersonOnCallAfterGroupWaitAndTheNextOneLater) {
  World world;
  world.Observe({.firing = 12});
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
  EXPECT_THAT(world.Told(Kind::kStepExecuted, "step 1"), HasSubstr("schedule primary"));
}

TEST(EscalationTest, E1StaleTimerIsDropped) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  // A timer of the state before: its generation is old.
  Change change;
  change.now = world.now();
  Timer timer = world.state().timers.at(
      world.state().timer_of.at({Timer::Kind::kEscalationStep, world.EscalationOf()->id.value()}));
  timer.generation = Generation(timer.generation.value() - 1);
  timer.due = world.now().engine + absl::Seconds(1);
  change.rows = {timer};
  world.Damage(change);
  world.Pass(absl::Seconds(2));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_FALSE(world.state().timers.contains(timer.id));
}

TEST(EscalationTest, E3TargetsAreResolvedWhenTheStepIsExecutedAndThePolicyIsPinned) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  Organisation changed = SampleOrganisation();
  changed.policies[0].steps[1].targets = {To("carol")};  // for groups to come
  changed.schedules[0] = SampleSchedule("primary", {UserId("bob")});
  world.Apply(changed);
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
  world.Forget();
  world.Observe({.name = "Other", .age = absl::Minutes(1)});
  EXPECT_THAT(world.Sent(), ElementsAre("email bob")) << "the schedule is read live";
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
}

TEST(EscalationTest, E4DeletedUserResolvesToNobody) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  Organisation changed = SampleOrganisation();
  std::erase_if(changed.users, [](const User& user) { return user.id == UserId("bob"); });
  changed.policies[0].steps.pop_back();
  world.Apply(changed);
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  EXPECT_THAT(world.Told(Kind::kStepSkipped), HasSubstr("nobody is behind user bob"));
}

TEST(EscalationTest, E5PersonBehindSeveralTargetsIsPagedOnce) {
  World world(WithPolicy(
      {StepOf(absl::Minutes(1), {To("bob"), To("bob"), OnCall("primary")}), StepOf(absl::Minutes(1), {To("bob")})}));
  world.Observe({});
  world.Pass(kWait + absl::Minutes(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
  EXPECT_THAT(world.Told(Kind::kStepExecuted, "already paged"),
              HasSubstr("step 2 of 2 of policy db: already paged in this pass: bob"));
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kRunning) << "a step that adds nobody still waits";
}

TEST(EscalationTest, E6EmptyStepIsSkippedAtOnce) {
  World world(WithPolicy({StepOf(absl::Minutes(30), {OnCall("nobody")}), StepOf(absl::Minutes(10), {To("bob")})}));
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  EXPECT_THAT(world.Told(Kind::kStepSkipped), HasSubstr("nobody is behind schedule nobody; skipped at once"));
}

TEST(EscalationTest, E6PassThatReachesNobodyPagesTheOwnersAndTriesAgain) {
  World world(WithPolicy({StepOf(absl::Minutes(7), {OnCall("nobody")})}));
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback"));
  EXPECT_EQ(world.Count(Kind::kFallback), 1);
  world.Pass(absl::Minutes(7) - absl::Seconds(1));
  EXPECT_EQ(world.Count(Kind::kStepSkipped), 1);
  Organisation staffed = WithPolicy({StepOf(absl::Minutes(7), {OnCall("nobody")})});
  staffed.schedules[1] = SampleSchedule("nobody", {UserId("bob")});
  world.Apply(staffed);
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback", "email bob"));
}

TEST(EscalationTest, E6FallbackIsNeverABusyLoopAndDoesNotPageTheSamePersonForEver) {
  World world(WithPolicy({StepOf(absl::ZeroDuration(), {OnCall("nobody")})}));
  world.Observe({});
  const std::size_t before = world.journal().size();
  world.Pass(absl::Hours(10));
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback"));
  EXPECT_LE(world.journal().size() - before, 10 * 12 * 2 + 5) << "one try in five minutes";
  EXPECT_EQ(world.Current()->quiet_reason, "");
}

TEST(EscalationTest, E6WithoutReachableOwnersTheFallbackUserIsPaged) {
  Organisation organisation = WithPolicy({StepOf(absl::Minutes(1), {OnCall("nobody")})});
  organisation.teams[0].members = {UserId("mute")};
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email dave fallback"));
  EXPECT_THAT(world.Told(Kind::kUnreachable), HasSubstr("mute cannot be reached: no contact method"));
}

TEST(EscalationTest, E7StepWithoutDelayRunsInTheSameTurn) {
  World world(WithPolicy({StepOf(absl::ZeroDuration(), {OnCall("primary")}), StepOf(absl::Minutes(10), {To("bob")}),
                          StepOf(absl::Minutes(10), {To("carol")})}));
  world.Observe({.age = absl::Hours(1)});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
}

TEST(EscalationTest, E7DelayCountsFromExecution) {
  World world;
  world.Observe({});
  world.Sleep(absl::Minutes(3));  // the flush is late
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Pass(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
}

TEST(EscalationTest, E9AcknowledgementByAnyoneStopsStepsRulesAndMessages) {
  World world;
  world.SetProvider([](const Notification&) { return std::nullopt; });  // hangs
  world.Observe({});
  world.Pass(kWait);
  ASSERT_EQ(world.started().size(), 1U);
  const Notification attempt = world.started()[0];
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "link:carol").ok());
  EXPECT_TRUE(world.closed().contains(attempt.id));
  EXPECT_EQ(world.state().notifications.at(attempt.id).state, Notification::State::kCancelled);
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kStopped);
  EXPECT_EQ(world.EscalationOf()->stop_reason, "acknowledged by link:carol");
  world.Pass(absl::Hours(5));
  EXPECT_EQ(world.started().size(), 1U);
  // The provider had taken it after all: a fact, and nothing else changes.
  world.Answer(attempt, AttemptResult::Kind::kAccepted);
  EXPECT_EQ(world.state().notifications.at(attempt.id).state, Notification::State::kCancelled);
  EXPECT_NE(world.state().notifications.at(attempt.id).accepted_at, absl::Time());
}

TEST(EscalationTest, E10AcknowledgementRunsOutAndTheStepIsRunAgainForItsPeopleAndTheAcknowledger) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].acknowledge_timeout = absl::Minutes(30);
  World world(organisation);
  world.Observe({});
  world.Pass(kWait + absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:carol").ok());
  world.Forget();
  world.Pass(absl::Minutes(30) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email carol"));
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_THAT(world.Told(Kind::kUnacknowledged), HasSubstr("the acknowledgement ran out 30m after it was given"));
}

TEST(EscalationTest, E10LaterAcknowledgementHasItsOwnTimeout) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].acknowledge_timeout = absl::Minutes(30);
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Pass(absl::Minutes(20));
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Pass(absl::Minutes(20));
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
  world.Pass(absl::Minutes(10));
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
}

TEST(EscalationTest, E11MoreAlertsOfAnAcknowledgedGroupPageNobodyUnlessTheyAreWorse) {
  World world;
  world.Observe({.severity = Severity::kHigh});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Forget();
  world.Observe({.firing = 50, .severity = Severity::kHigh});
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 51, .severity = Severity::kCritical});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_THAT(world.Told(Kind::kUnacknowledged), HasSubstr("severity rose from high to critical"));
  // Falling back and rising again to what is known is nothing new.
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Observe({.firing = 50, .severity = Severity::kHigh});
  world.Observe({.firing = 51, .severity = Severity::kCritical});
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
}

TEST(EscalationTest, E13ManualEscalationRunsTheNextStepNowAndTakesBackTheAcknowledgement) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Forget();
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}, "user:alice").status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
}

TEST(EscalationTest, E16RepeatsPageAgainAndThenTheGroupStaysOpenWithAReason) {
  World world(WithPolicy({StepOf(absl::Minutes(10), {To("bob")})}, 1, absl::Minutes(20)));
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  world.Pass(absl::Minutes(30) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email bob"));
  EXPECT_NE(world.started()[0].idempotency_key, world.started()[1].idempotency_key);
  world.Pass(absl::Hours(48));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "email bob"));
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_EQ(world.Current()->quiet_reason, "escalation exhausted");
  EXPECT_EQ(world.Count(Kind::kEscalationExhausted), 1);
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(EscalationTest, E16NewAlertsAskAgainWhenNobodyHasAnswered) {
  World world(WithPolicy({StepOf(absl::Minutes(10), {To("bob")})}));
  world.Observe({.firing = 1, .fired_total = 1});
  world.Pass(absl::Hours(1));
  ASSERT_EQ(world.EscalationOf()->state, Escalation::State::kExhausted);
  world.Forget();
  world.Observe({.firing = 1, .fired_total = 1});  // the same again
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 2, .fired_total = 2});
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  EXPECT_EQ(world.Current()->quiet_reason, "");
  world.Pass(absl::Hours(1));
  EXPECT_EQ(world.Count(Kind::kEscalationExhausted), 2);
}

// Two shards; nobody has answered, and nobody is asked any more.
World Exhausted(std::vector<Say> firing) {
  Responder::Options options = World::Options();
  options.shard_count = 2;
  World world(WithPolicy({StepOf(absl::Minutes(10), {To("bob")})}), options);
  for (Say& say : firing)
    world.Observe(std::move(say));
  world.Pass(absl::Hours(1));
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kExhausted);
  world.Forget();
  return world;
}

TEST(EscalationTest, NewAlertsAskAgainAlthoughAnotherShardHasForgottenMore) {
  World world = Exhausted({
      {.firing = 1, .fired_total = 1, .shard = 0},
      {.firing = 5, .fired_total = 5, .shard = 1}
  });
  world.Observe({.firing = 0, .fired_total = 5, .shard = 1});
  world.Crash();
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 1, .fired_total = 1, .shard = 1});  // its count began anew
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(EscalationTest, ANewAlertThatIsToldOnlyAfterARestartAsksAgainAlthoughAnotherHasRecovered) {
  World world = Exhausted({
      {.firing = 1, .fired_total = 1, .shard = 0},
      {.firing = 5, .fired_total = 5, .shard = 1}
  });
  world.Crash(/*report_all=*/false);
  world.Observe({.firing = 2, .fired_total = 2, .shard = 0});
  EXPECT_THAT(world.Sent(), IsEmpty()) << "the other shard has not reported";
  world.Observe({.firing = 0, .fired_total = 5, .shard = 1});
  world.Take(world.responder().ShardReported(0, world.now()));
  world.Take(world.responder().ShardReported(1, world.now()));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(EscalationTest, WhatHasRecoveredLongAgoIsNotNewAfterARestart) {
  Responder::Options options = World::Options();
  options.shard_count = 2;
  World world(WithPolicy({StepOf(absl::Minutes(10), {To("bob")})}), options);
  world.Observe({.firing = 3, .shard = 1});
  world.Observe({.firing = 0, .shard = 1});
  world.Pass(absl::Hours(2));
  world.Observe({.firing = 1, .shard = 0});
  world.Pass(absl::Hours(1));
  ASSERT_EQ(world.EscalationOf()->state, Escalation::State::kExhausted);
  world.Forget();
  world.Crash();
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(EscalationTest, E17AfterDowntimeOneStepRunsAndTheNextWaitsItsDelay) {
  World world(WithPolicy({StepOf(absl::Minutes(10), {OnCall("primary")}), StepOf(absl::Minutes(10), {To("bob")}),
                          StepOf(absl::Minutes(10), {To("carol")})}));
  world.Observe({});
  world.Pass(kWait);
  world.Forget();
  world.Crash();
  world.Sleep(absl::Hours(2));
  EXPECT_THAT(world.Sent(), ElementsAre("voice alice", "email bob"));
  world.Pass(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("voice alice", "email bob"));
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("voice alice", "email bob", "email carol"));
}

TEST(EscalationTest, E17OverduePersonalRulesCollapseToOneMessagePerMethod) {
  Organisation organisation = SampleOrganisation();
  organisation.users[0].notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("sms")  },
      {Urgency::kHigh, absl::Minutes(1),     ContactMethodId("voice")},
      {Urgency::kHigh, absl::Minutes(2),     ContactMethodId("voice")},
      {Urgency::kHigh, absl::Minutes(3),     ContactMethodId("sms")  }
  };
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  world.Forget();
  world.Sleep(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("voice alice", "sms alice"));
}

TEST(EscalationTest, E17MostSevereFirst) {
  World world;
  std::vector<Say> all;
  all.push_back({.name = "Minor", .severity = Severity::kHigh});
  all.push_back({.name = "Major", .severity = Severity::kCritical});
  all.push_back({.name = "Also minor", .severity = Severity::kHigh});
  for (const Say& say : all)
    world.Observe(say);
  world.Sleep(absl::Minutes(1));  // all are due at once
  ASSERT_EQ(world.started().size(), 3U);
  EXPECT_THAT(world.started()[0].title, HasSubstr("Major"));
  EXPECT_EQ(world.started()[0].lane, Notification::Lane::kCritical);
  EXPECT_EQ(world.started()[1].lane, Notification::Lane::kNormal);
}

TEST(EscalationTest, E18WallClockJumpsDoNotMoveEscalations) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  Now now = world.now();
  now.wall -= absl::Hours(24 * 365);
  bool more = false;
  EXPECT_TRUE(world.responder().FireTimers(now, 100, more).effects.empty());
  now.wall += absl::Hours(2 * 24 * 365);
  EXPECT_TRUE(world.responder().FireTimers(now, 100, more).effects.empty());
}

TEST(EscalationTest, E20PersonWhoseMethodsAllFailIsUnreachableAndTheNextStepRunsNow) {
  World world;
  world.SetProvider([](const Notification& row) {
    return row.user == UserId("alice") ? AttemptResult::Kind::kRejected : AttemptResult::Kind::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email alice", "email bob"));
  EXPECT_THAT(world.Told(Kind::kUnreachable), HasSubstr("alice cannot be reached: sms rejected: status 500; voice"));
  world.Pass(absl::Minutes(9));
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kRunning) << "bob has his ten minutes";
}

// As in the server: what fails is tried on for two hours.
Responder::Options Patient() {
  Responder::Options options = World::Options();
  options.last_attempt = 120;
  return options;
}

// Nobody's notification rules name the second method, as for everyone who has none.
TEST(EscalationTest, E20AMethodThatIsTriedAgainInVainIsFollowedByOneThatNoRuleNames) {
  Organisation organisation =
      WithPolicy({StepOf(absl::Minutes(30), {To("alice")}), StepOf(absl::Minutes(1), {To("bob")})});
  for (User& user : organisation.users)
    user.notification_rules.clear();
  World world(organisation, Patient());
  world.SetProvider([](const Notification& row) {
    return row.method.kind == ContactMethod::Kind::kSms ? AttemptResult::Kind::kRetryLater
                                                        : AttemptResult::Kind::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait + absl::Minutes(5));
  EXPECT_THAT(world.Sent(), testing::Contains("voice alice"));
  EXPECT_THAT(world.Sent(), testing::Not(testing::Contains("email bob"))) << "alice has her half an hour";
}

TEST(EscalationTest, E20WhoIsTriedInVainIsPassedOverAndTriedOn) {
  World world(WithPolicy({StepOf(absl::Minutes(30), {To("alice")})}), Patient());
  bool down = true;
  world.SetProvider([&](const Notification& row) {
    return down && row.user == UserId("alice") ? AttemptResult::Kind::kRetryLater : AttemptResult::Kind::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait + absl::Minutes(10));
  EXPECT_THAT(world.Told(Kind::kUnreachable), HasSubstr("failed 6 times and is tried on"));
  EXPECT_THAT(world.Sent(), testing::Contains("email carol fallback")) << "long before the step's half hour is over";
  down = false;
  world.Forget();
  world.Pass(absl::Minutes(3));
  EXPECT_THAT(world.Sent(), testing::UnorderedElementsAre("sms alice", "voice alice", "email alice"))
      << "late beats lost";
  const auto& pages = world.responder().state().pages;
  EXPECT_TRUE(std::ranges::any_of(pages, [](const auto& page) {
    return page.second.user == UserId("alice") && page.second.state == Page::State::kDone;
  }));
}

TEST(EscalationTest, E20StepInWhichSomebodyIsReachedKeepsItsDelay) {
  World world(WithPolicy(
      {StepOf(absl::Minutes(10), {OnCall("primary"), To("carol")}), StepOf(absl::Minutes(10), {To("bob")})}));
  world.SetProvider([](const Notification& row) {
    return row.user == UserId("alice") ? AttemptResult::Kind::kRejected : AttemptResult::Kind::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait + absl::Minutes(9));
  EXPECT_THAT(world.Sent(), testing::Not(testing::Contains("email bob")));
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), testing::Contains("email bob"));
}

TEST(EscalationTest, E20WithEverybodyUnreachableItIsTriedUntilProvidersAreBack) {
  World world;
  bool down = true;
  world.SetProvider(
      [&](const Notification&) { return down ? AttemptResult::Kind::kRejected : AttemptResult::Kind::kAccepted; });
  world.Observe({});
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), testing::Contains("email dave fallback"));
  down = false;
  world.Forget();
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), testing::Contains("sms alice"));
}

TEST(EscalationTest, SteppingUpUrgencyAddsTheLouderMethodsToThePagesThatRun) {
  World world;
  world.Observe({.severity = Severity::kWarning});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice"));
  world.Observe({.firing = 2, .severity = Severity::kCritical});
  EXPECT_EQ(world.Current()->urgency, Urgency::kHigh);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice"));
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice", "voice alice"));
}

// What is applied was checked, but nothing a file can say may leave an alert without anybody.
TEST(EscalationTest, MissingPolicyPagesTheFallbackUser) {
  Organisation organisation = SampleOrganisation();
  organisation.route.policy = PolicyId("nowhere");
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email dave"));
}

}  // namespace
}  // namespace tocsin
