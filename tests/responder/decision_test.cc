// Decisions of the on-call specification, by their numbers, that are nobody else's story.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

TEST(DecisionTest, E2AStepThatIsADayLateIsDroppedAndThePolicyBeginsAgain) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  world.Forget();
  world.Sleep(absl::Hours(30));
  EXPECT_THAT(world.Told(Kind::kStepSkipped), HasSubstr("step 2 of 2 was due 29h50m ago: it is dropped"));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "whoever is first now";
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
}

TEST(DecisionTest, E2WhatIsSilencedWhenItsTimeComesIsNotPaged) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  world.Observe({.firing = 0, .suppressed = 1});
  world.Forget();
  world.Sleep(absl::Hours(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(DecisionTest, E4StartingAgainWithThePresentPolicyIsAnActOfItsOwn) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  Organisation changed = SampleOrganisation();
  changed.policies[0].steps = {StepOf(absl::Minutes(10), {To("carol")})};
  world.Apply(changed);
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
  ASSERT_TRUE(world.Do(RerouteGroup{world.Current()->id, std::nullopt, {}}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob", "email carol"));
}

TEST(DecisionTest, E18AClockThatIsPutBackSendsNothingTwice) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  const std::size_t before = world.Sent().size();
  world.Crash();
  EXPECT_THAT(world.Sent(), SizeIs(before));
}

TEST(DecisionTest, E19APageIsSentAgainAfterACrashAndANoticeIsNot) {
  World world;
  world.SetProvider([](const Notification&) -> std::optional<AttemptResult::Kind> { return std::nullopt; });
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.SetProvider([](const Notification&) { return AttemptResult::Kind::kAccepted; });
  world.Crash();
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), SizeIs(2)) << "what was under way is sent again";
  world.Forget();
  world.SetProvider([](const Notification&) -> std::optional<AttemptResult::Kind> { return std::nullopt; });
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), SizeIs(1)) << "that it is over";
  world.SetProvider([](const Notification&) { return AttemptResult::Kind::kAccepted; });
  world.Crash();
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), SizeIs(1));
  EXPECT_THAT(world.Told(Kind::kNotificationAmbiguous, "a notice"), HasSubstr("a notice is not sent again"));
}

TEST(DecisionTest, E22TwoPoliciesThatPageOnePersonAreTwoEscalationsAndOneThrottle) {
  Organisation organisation = SampleOrganisation();
  EscalationPolicy other = organisation.policies[0];
  other.id = PolicyId("other");
  organisation.policies.push_back(other);
  Route child;
  child.id = RouteId("other");
  child.policy = other.id;
  child.matchers = {
      {"alertname", MatchOp::kEqual, "Other"}
  };
  organisation.route.children = {child};
  for (KindLimits& kind : organisation.limits.kinds)
    kind.limits = {
        {1, 0, absl::Minutes(3)}
    };
  World world(organisation);
  world.Observe({});
  world.Observe({.name = "Other", .route = "other"});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "one message in three minutes on one number";
  ASSERT_TRUE(world.Acknowledge(world.Current("DatabaseDown")->id).ok());
  EXPECT_EQ(world.EscalationOf("Other")->state, Escalation::State::kRunning);
  world.Pass(absl::Minutes(3));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "sms alice")) << "the other is told when its turn comes";
  EXPECT_EQ(world.state().throttles.size(), 1U);
}

TEST(DecisionTest, E23NobodysNightKeepsBackWhatIsUrgent) {
  Organisation organisation = SampleOrganisation();
  organisation.users[0].quiet_hours = {.start_minute = 11 * 60, .end_minute = 14 * 60};
  organisation.policies[0].low_urgency = EscalationPolicy::LowUrgency::kMorning;
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  World low(organisation);
  low.Observe({.severity = Severity::kWarning});
  low.Pass(kWait);
  EXPECT_THAT(low.Sent(), IsEmpty());
}

TEST(DecisionTest, E24TheTimelineSaysWhoWasPagedWhyAndByWhichTurnOfWhichLayer) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps.insert(organisation.policies[0].steps.begin(),
                                        StepOf(absl::Minutes(1), {OnCall("nobody")}));
  World world(organisation);
  world.Observe({});
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Told(Kind::kEscalationStarted), HasSubstr("policy db begins at step 1 of 3, high urgency"));
  EXPECT_THAT(world.Told(Kind::kStepSkipped), HasSubstr("nobody is behind schedule nobody; skipped at once"));
  EXPECT_THAT(world.Told(Kind::kPaged, "alice"),
              HasSubstr("alice is paged: step 2 of 3 of policy db: schedule primary: layer weekly, turn 52"));
  EXPECT_THAT(world.Told(Kind::kEscalationExhausted), HasSubstr("policy db is exhausted after 1 passes"));
  absl::Time last = absl::InfinitePast();
  for (const TimelineEntry& entry : world.timeline()) {
    EXPECT_GE(entry.at, last) << "one order of all";
    last = entry.at;
  }
}

}  // namespace
}  // namespace tocsin
