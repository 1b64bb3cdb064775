// The life of groups: opening, silences, acknowledgement, resolution, new episodes, receivers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/responder_groups.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TimelineEntry::Kind;
using Result = AttemptResult::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

TEST(GroupTest, OpensWithRouteServiceAndUrgencyPinned) {
  Organisation organisation = SampleOrganisation();
  Service service;
  service.id = ServiceId("databases");
  service.matchers = {
      {"instance", MatchOp::kRegex, "db.*"}
  };
  organisation.services = {service};
  World world(organisation);
  world.Observe({.firing = 3, .severity = Severity::kWarning});
  const Group& group = *world.Current();
  EXPECT_EQ(group.service, ServiceId("databases")) << "by an alert's labels";
  EXPECT_EQ(group.urgency, Urgency::kLow);
  EXPECT_EQ(group.route.policy, PolicyId("db"));
  EXPECT_EQ(group.firing, 3U);
  EXPECT_THAT(world.Told(Kind::kOpened), HasSubstr("opened by route root (rules version"));
}

TEST(GroupTest, UrgencyFollowsSeverityUnlessTheRouteSays) {
  const struct {
    Severity severity;
    std::optional<Urgency> route;
    Urgency expected;
  } cases[] = {
      {Severity::kCritical, std::nullopt,   Urgency::kHigh},
      {Severity::kHigh,     std::nullopt,   Urgency::kHigh},
      {Severity::kUnknown,  std::nullopt,   Urgency::kHigh},
      {Severity::kWarning,  std::nullopt,   Urgency::kLow },
      {Severity::kLow,      std::nullopt,   Urgency::kLow },
      {Severity::kInfo,     std::nullopt,   Urgency::kLow },
      {Severity::kCritical, Urgency::kLow,  Urgency::kLow },
      {Severity::kInfo,     Urgency::kHigh, Urgency::kHigh},
  };
  for (const auto& c : cases) {
    Route route;
    route.urgency = c.route;
    EXPECT_EQ(UrgencyOf(route, c.severity), c.expected) << Name(c.severity);
  }
}

TEST(GroupTest, AlertsOlderThanGroupWaitAreFlushedAtOnce) {
  World world;
  world.Observe({.age = absl::Seconds(29)});
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.name = "Old", .age = absl::Seconds(30)});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(GroupTest, ResolvesWhenNothingFiresAndNotBefore) {
  World world;
  world.Observe({.firing = 2});
  world.Pass(kWait);
  world.Observe({.firing = 1});
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  world.Observe({.firing = 0});
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
  EXPECT_EQ(world.Current()->resolved_by, "alerts recovered");
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kStopped);
  world.Forget();
  world.Pass(absl::Hours(3));
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(GroupTest, GroupSpreadOverShardsResolvesWhenAllOfThemSaySo) {
  Responder::Options options = World::Options();
  options.shard_count = 2;
  World world(SampleOrganisation(), options);
  world.ObserveAll({
      {.firing = 2, .shard = 0},
      {.firing = 3, .shard = 1}
  });
  EXPECT_EQ(world.Current()->firing, 5U);
  world.Observe({.firing = 0, .shard = 0});
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  world.Observe({.firing = 0, .shard = 1});
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
}

TEST(GroupTest, FiringAgainIsANewEpisode) {
  World world;
  world.Observe({});
  const GroupId first = world.Current()->id;
  world.Observe({.firing = 0});
  world.Observe({.firing = 1});
  EXPECT_NE(world.Current()->id, first);
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_THAT(world.Told(Kind::kOpened, "fires again after G" + std::to_string(first.value())),
              testing::Not(IsEmpty()));
}

TEST(GroupTest, SilencedGroupIsQuietWithAReasonAndStartsAgainWhenTheSilenceEnds) {
  World world;
  world.Observe({.firing = 2});
  world.Pass(kWait + absl::Minutes(5));
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Forget();
  world.Observe({.firing = 0, .suppressed = 2, .silence = 5});
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_EQ(world.Current()->quiet_reason, "silenced by S5");
  EXPECT_EQ(world.EscalationOf()->state, Escalation::State::kStopped);
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Pass(absl::Hours(2));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 2});
  EXPECT_EQ(world.Current()->quiet_reason, "");
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "from step 1 again";
}

TEST(GroupTest, SilencedWithinGroupWaitIsNotPagedAtItsFlush) {
  World world;
  world.Observe({});
  world.Observe({.firing = 0, .suppressed = 1});
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 1});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(GroupTest, SilencedFromTheStartOpensNothing) {
  World world;
  world.Observe({.firing = 0, .suppressed = 3});
  EXPECT_EQ(world.Current(), nullptr);
}

TEST(GroupTest, SilencedGroupThatRecoversTellsThoseWhoWereTold) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  world.Observe({.firing = 0, .suppressed = 1});
  world.Forget();
  world.Observe({.firing = 0});
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved"));
}

TEST(GroupTest, AcknowledgedAtTheSourceForAsLongAsAllAlertsAre) {
  World world;
  world.Observe({.firing = 2});
  world.Pass(kWait);
  world.Observe({.firing = 2, .acknowledged = 1});
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  world.Observe({.firing = 2, .acknowledged = 2});
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
  EXPECT_EQ(world.Current()->acknowledged_by, "source");
  world.Forget();
  world.Observe({.firing = 3, .acknowledged = 2});
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_THAT(world.Told(Kind::kUnacknowledged), HasSubstr("1 of 3 alerts are not acknowledged at their source"));
}

TEST(GroupTest, ResolvedByAPersonStaysResolvedUntilAnAlertFiresAnew) {
  World world;
  world.Observe({.firing = 3});
  world.Pass(kWait);
  const GroupId first = world.Current()->id;
  ASSERT_TRUE(world.Do(ResolveGroup{first, std::nullopt}, "user:bob").status.ok());
  EXPECT_EQ(world.Current()->resolved_by, "user:bob");
  world.Observe({.firing = 3});  // still the same three
  world.Observe({.firing = 2});
  EXPECT_EQ(world.Current()->id, first);
  world.Observe({.firing = 3});
  EXPECT_NE(world.Current()->id, first);
}

TEST(GroupTest, ResolvedByAPersonThenRecoveredThenFiringIsNewWhateverTheTotalsSay) {
  World world;
  world.Observe({.firing = 3});
  const GroupId first = world.Current()->id;
  ASSERT_TRUE(world.Do(ResolveGroup{first, std::nullopt}).status.ok());
  world.Observe({.firing = 0});
  world.Observe({.firing = 1, .fired_total = 1});  // the shard's table began anew
  EXPECT_NE(world.Current()->id, first);
}

TEST(GroupTest, ResolvedByAPersonSurvivesARestartWhileAlertsFire) {
  World world;
  world.Observe({.firing = 3});
  const GroupId first = world.Current()->id;
  ASSERT_TRUE(world.Do(ResolveGroup{first, std::nullopt}).status.ok());
  world.Crash();
  EXPECT_EQ(world.Current()->id, first);
}

TEST(GroupTest, NothingResolvesBeforeAllShardsHaveReported) {
  Responder::Options options = World::Options();
  options.shard_count = 2;
  World world(SampleOrganisation(), options);
  world.Observe({.name = "Here", .firing = 1, .shard = 0});
  world.Observe({.name = "There", .firing = 1, .shard = 1});
  world.Observe({.name = "Gone", .firing = 1, .shard = 0});
  world.Pass(kWait);
  world.Crash(/*report_all=*/false);
  world.Observe({.name = "Here", .firing = 1, .shard = 0});
  world.Observe({.name = "Gone", .firing = 0, .shard = 0});
  world.Take(world.responder().ShardReported(0, world.now()));
  EXPECT_EQ(world.Current("There")->state, Group::State::kOpen);
  EXPECT_EQ(world.Current("Gone")->state, Group::State::kOpen);
  std::string why;
  EXPECT_FALSE(world.responder().CanPage(world.now(), absl::Minutes(1), why));
  EXPECT_EQ(why, "1 of 2 shards have reported");
  world.Take(world.responder().ShardReported(1, world.now()));
  EXPECT_EQ(world.Current("Here")->state, Group::State::kOpen);
  EXPECT_EQ(world.Current("There")->state, Group::State::kResolved) << "no shard knows it any more";
  EXPECT_EQ(world.Current("Gone")->state, Group::State::kResolved);
}

TEST(GroupTest, NewAlertsPageBeforeAllShardsHaveReported) {
  Responder::Options options = World::Options();
  options.shard_count = 2;
  World world(SampleOrganisation(), options);
  world.Crash(/*report_all=*/false);
  world.Observe({.age = absl::Minutes(1)});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(GroupTest, AlertsWaitForTheFirstOrganisation) {
  Responder responder(World::Options());
  const Now now{Noon(), EngineTime(1)};
  Decision decision = responder.Start(now);
  responder.ShardReported(0, now);
  GroupReport report;
  report.key = KeyOf("DatabaseDown");
  report.route = RouteId("root");
  report.firing = 1;
  report.highest = Severity::kCritical;
  report.oldest_start = Noon() - absl::Hours(1);
  EXPECT_TRUE(responder.Observe({report}, now).change.rows.empty());
  Command command;
  command.actor = "user:admin";
  command.body = ApplyOrganisation{std::make_shared<const Organisation>(SampleOrganisation()), ""};
  decision = responder.Handle(command, now);
  ASSERT_TRUE(decision.result.status.ok());
  EXPECT_TRUE(std::ranges::any_of(decision.effects,
                                  [](const Effect& effect) { return std::holds_alternative<StartAttempt>(effect); }));
}

// Notify-only routes: what Alertmanager does.

Organisation WithReceiver(bool send_resolved) {
  Organisation organisation = SampleOrganisation();
  Receiver receiver;
  receiver.id = ReceiverId("chat");
  ContactMethod hook;
  hook.id = ContactMethodId("hook");
  hook.kind = ContactMethod::Kind::kWebhook;
  hook.address = "https://chat.example.com/hook";
  receiver.targets = {hook};
  receiver.send_resolved = send_resolved;
  organisation.receivers = {receiver};
  organisation.route.policy = PolicyId();
  organisation.route.receiver = receiver.id;
  return organisation;
}

TEST(ReceiverTest, IsToldOfNewAlertsAtTheNextIntervalAndRepeatsAfterRepeatInterval) {
  World world(WithReceiver(true));
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update"));
  EXPECT_THAT(world.Current()->quiet_reason, HasSubstr("only tells receiver chat"));
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Forget();
  world.Observe({.firing = 2});
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update"));
  world.Pass(absl::Hours(4) - absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update"));
  world.Pass(absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat update", "webhook chat update"));
}

TEST(ReceiverTest, IsToldThatSomeAndThatAllHaveResolvedIfItWantsTo) {
  for (const bool send_resolved : {true, false}) {
    World world(WithReceiver(send_resolved));
    world.Observe({.firing = 2});
    world.Pass(kWait);
    world.Forget();
    world.Observe({.firing = 1});
    world.Pass(absl::Minutes(5));
    EXPECT_EQ(world.Sent().size(), send_resolved ? 1U : 0U);
    world.Forget();
    world.Observe({.firing = 0});
    EXPECT_EQ(world.Sent().size(), send_resolved ? 1U : 0U);
    world.Pass(absl::Hours(10));
    EXPECT_EQ(world.Sent().size(), send_resolved ? 1U : 0U);
  }
}

TEST(ReceiverTest, IsNotToldOfWhatIsAcknowledgedUntilItIsResolved) {
  World world(WithReceiver(true));
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Forget();
  world.Observe({.firing = 5});
  world.Pass(absl::Hours(10));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), ElementsAre("webhook chat resolved"));
}

TEST(ReceiverTest, RouteWithPolicyAndReceiverDoesBoth) {
  Organisation organisation = WithReceiver(true);
  organisation.route.policy = PolicyId("db");
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), testing::UnorderedElementsAre("sms alice", "webhook chat update"));
}

TEST(ReceiverTest, RouteWithNeitherSaysSo) {
  Organisation organisation = SampleOrganisation();
  organisation.route.policy = PolicyId();
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Current()->quiet_reason, HasSubstr("neither policy nor receiver"));
}

}  // namespace
}  // namespace tocsin
