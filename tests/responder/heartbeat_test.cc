// Signals that stay away: what expires, what must not, and that the alert table hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "engine/responder_heartbeats.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kInterval = absl::Minutes(60);
constexpr absl::Duration kGrace = absl::Minutes(5);
constexpr absl::Duration kPeriod = absl::Minutes(66);  // with the minute in which two signals are one

HeartbeatRule RuleOf(std::string_view name) {
  HeartbeatRule rule;
  rule.id = HeartbeatName(name);
  rule.interval = kInterval;
  rule.grace = kGrace;
  return rule;
}

Organisation Declaring(std::vector<HeartbeatRule> rules) {
  Organisation organisation = SampleOrganisation();
  organisation.heartbeats = std::move(rules);
  return organisation;
}

absl::Status Ping(World& world, std::string_view name) {
  return world.Do(PingHeartbeat{HeartbeatName(name)}, "integration:cron").status;
}

const Heartbeat* Named(const World& world, std::string_view name) {
  const auto found = world.state().heartbeat_of.find(HeartbeatName(name));
  return found == world.state().heartbeat_of.end() ? nullptr : &world.state().heartbeats.at(found->second);
}

TEST(HeartbeatTest, ExpiresAfterIntervalAndGraceAndTheNextSignalEndsIt) {
  World world(Declaring({RuleOf("nightly")}));
  ASSERT_TRUE(Ping(world, "nightly").ok());
  world.Pass(kPeriod - absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  world.Pass(absl::Seconds(2));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger nightly"));
  EXPECT_TRUE(IsExpired(*Named(world, "nightly")));
  world.Pass(10 * kPeriod);
  EXPECT_THAT(world.TakeRaised(), IsEmpty()) << "it is said once";
  ASSERT_TRUE(Ping(world, "nightly").ok());
  EXPECT_THAT(world.TakeRaised(), ElementsAre("resolve nightly"));
  world.Pass(kPeriod + absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger nightly"));
}

TEST(HeartbeatTest, SignalsInTimeKeepItAliveForEver) {
  World world(Declaring({RuleOf("nightly")}));
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Ping(world, "nightly").ok());
    world.Pass(i % 2 == 0 ? kInterval + kGrace : absl::Minutes(3));
  }
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
}

TEST(HeartbeatTest, ADeclaredOneCountsFromItsDeclarationAnotherFromItsFirstSignal) {
  World world(Declaring({RuleOf("declared")}));
  ASSERT_TRUE(world.Do(PutHeartbeat{RuleOf("made"), {}, "", false}).status.ok());
  world.Pass(kPeriod + absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger declared"));
  world.Pass(30 * kPeriod);
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  ASSERT_TRUE(Ping(world, "made").ok());
  world.Pass(kPeriod + absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger made"));
}

TEST(HeartbeatTest, NothingExpiresBecauseWeWereAwayAndNothingIsForgotten) {
  World world(Declaring({RuleOf("alive"), RuleOf("dead")}));
  ASSERT_TRUE(Ping(world, "alive").ok());
  ASSERT_TRUE(Ping(world, "dead").ok());
  world.Pass(kInterval / 2);
  world.Crash(/*report_all=*/true, absl::Hours(24));
  world.FireDue();
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  world.Pass(kInterval);
  ASSERT_TRUE(Ping(world, "alive").ok());
  EXPECT_THAT(world.TakeRaised(), IsEmpty()) << "one whole interval and grace";
  world.Pass(kPeriod - kInterval + absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger dead"));
}

TEST(HeartbeatTest, WhileCommandsAreRefusedNothingExpires) {
  World world(Declaring({RuleOf("nightly")}));
  ASSERT_TRUE(Ping(world, "nightly").ok());
  world.Pass(kPeriod - absl::Minutes(1));
  world.responder().ListensSince(world.now().engine);
  world.Pass(kPeriod - absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  world.Pass(absl::Seconds(2));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger nightly"));
}

TEST(HeartbeatTest, AServerThatRestartsMoreOftenThanItIsDueForgetsItNot) {
  HeartbeatRule rule = RuleOf("daily");
  rule.interval = absl::Hours(24);
  World world(Declaring({rule}));
  ASSERT_TRUE(Ping(world, "daily").ok());
  absl::Duration passed;
  for (; passed < absl::Hours(24 * 8) && !IsExpired(*Named(world, "daily")); passed += absl::Hours(12)) {
    world.Pass(absl::Hours(12));
    world.Crash();
  }
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger daily"));
  EXPECT_GE(passed, 2 * rule.interval);
  EXPECT_LE(passed, 3 * rule.interval);
}

TEST(HeartbeatTest, WhatWasRefusedOrLostByACrashIsRaisedAgain) {
  World world(Declaring({RuleOf("nightly")}));
  world.RefuseRaised(true);
  world.Pass(kPeriod + absl::Seconds(1));
  EXPECT_TRUE(IsExpired(*Named(world, "nightly")));
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  world.RefuseRaised(false);
  world.Pass(absl::Seconds(11));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger nightly"));
  world.RefuseRaised(true);
  ASSERT_TRUE(Ping(world, "nightly").ok());
  world.RefuseRaised(false);
  world.Crash();
  EXPECT_THAT(world.TakeRaised(), ElementsAre("resolve nightly")) << "a start waits for no timer";
  EXPECT_FALSE(IsExpired(*Named(world, "nightly")));
}

TEST(HeartbeatTest, ItsAlertSaysWhatIsMissing) {
  HeartbeatRule rule = RuleOf("nightly");
  rule.labels = {
      {"env", "prod"}
  };
  rule.severity = Severity::kCritical;
  rule.description = "the backup of the orders";
  World world(Declaring({rule}));
  Decision decision;
  for (bool more = true; more;) {
    Now late = world.now();
    late.engine = late.engine + 2 * kPeriod;
    late.wall += 2 * kPeriod;
    decision = world.responder().FireTimers(late, 3, more);
    if (!decision.effects.empty()) break;
  }
  ASSERT_EQ(decision.effects.size(), 1U);
  const auto& event = std::get<RaiseAlert>(decision.effects.front()).event;
  EXPECT_EQ(event.dedup_key, "heartbeat/nightly");
  EXPECT_EQ(Format(event.labels), "{alertname=\"HeartbeatMissed\", env=\"prod\", heartbeat=\"nightly\"}");
  EXPECT_EQ(event.severity, Severity::kCritical);
  EXPECT_THAT(Find(std::span<const Label>(event.annotations), "summary"), HasSubstr("no signal from nightly"));
  EXPECT_EQ(Find(std::span<const Label>(event.annotations), "description"), rule.description);
}

TEST(HeartbeatTest, WhatIsDisabledOrRemovedIsSilentAndItsAlertEnds) {
  World world;
  ASSERT_TRUE(world.Do(PutHeartbeat{RuleOf("one"), {}, "P1", true}).status.ok());
  EXPECT_EQ(world.Do(PutHeartbeat{RuleOf("one"), {}, "", true}).status.code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(Ping(world, "one").ok());
  world.Pass(kPeriod + absl::Seconds(1));
  ASSERT_TRUE(world.Do(EnableHeartbeat{HeartbeatName("one"), false}).status.ok());
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger one", "resolve one"));
  world.Pass(5 * kPeriod);
  ASSERT_TRUE(world.Do(EnableHeartbeat{HeartbeatName("one"), true}).status.ok());
  world.Pass(kPeriod - absl::Seconds(1));
  EXPECT_THAT(world.TakeRaised(), IsEmpty());
  world.Pass(absl::Seconds(2));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger one"));
  world.RefuseRaised(true);
  ASSERT_TRUE(world.Do(RemoveHeartbeat{HeartbeatName("one")}).status.ok());
  EXPECT_EQ(Named(world, "one"), nullptr);
  EXPECT_TRUE(absl::IsNotFound(Ping(world, "one")));
  world.Crash();
  world.RefuseRaised(false);
  world.Pass(absl::Seconds(11));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("resolve one"));
  EXPECT_TRUE(world.state().heartbeats.empty());
}

TEST(HeartbeatTest, AnOrganisationMakesChangesAndRemovesItsOwn) {
  World world(Declaring({RuleOf("kept"), RuleOf("dropped")}));
  ASSERT_TRUE(world.Do(PutHeartbeat{RuleOf("made"), {}, "", false}).status.ok());
  ASSERT_TRUE(Ping(world, "kept").ok());
  const absl::Time heard = Named(world, "kept")->last_ping;
  EXPECT_TRUE(absl::IsFailedPrecondition(world.Do(RemoveHeartbeat{HeartbeatName("kept")}).status));
  EXPECT_TRUE(absl::IsFailedPrecondition(world.Do(PutHeartbeat{RuleOf("kept"), {}, "", false}).status));
  world.Pass(absl::Minutes(10));
  HeartbeatRule shorter = RuleOf("kept");
  shorter.interval = absl::Minutes(20);
  world.Apply(Declaring({shorter}));
  world.Crash();
  EXPECT_EQ(Named(world, "dropped"), nullptr);
  ASSERT_NE(Named(world, "made"), nullptr);
  EXPECT_EQ(Named(world, "kept")->last_ping, heard);
  EXPECT_EQ(Named(world, "kept")->rule.interval, absl::Minutes(20));
  world.Pass(absl::Minutes(26));
  EXPECT_THAT(world.TakeRaised(), ElementsAre("trigger kept"));
}

TEST(HeartbeatTest, ASignalRightAfterAnotherWritesNothing) {
  World world(Declaring({RuleOf("nightly")}));
  ASSERT_TRUE(Ping(world, "nightly").ok());
  world.Pass(absl::Seconds(30));
  const std::size_t before = world.journal().size();
  ASSERT_TRUE(Ping(world, "nightly").ok());
  EXPECT_TRUE(world.journal().at(before).empty());
}

// Against a plain idea of when one may expire: only after it could have been heard for interval and grace since its last
// signal, and at the latest when that was so without a break.
TEST(HeartbeatTest, OverManyLivesNoneExpiresEarlyAndNoneIsForgotten) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    World world(Declaring({RuleOf("beat")}));
    absl::Duration heard_for;  // since its last signal, in all
    absl::Duration unbroken;   // and in this life
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t dice = random.Below(10);
      if (dice == 0) {
        world.Crash();
        unbroken = absl::ZeroDuration();
      } else if (dice == 1) {
        ASSERT_TRUE(Ping(world, "beat").ok());
        heard_for = unbroken = absl::ZeroDuration();
      } else {
        const absl::Duration passed = absl::Seconds(random.Between(1, 1200));
        world.Pass(passed);
        heard_for += passed;
        unbroken += passed;
      }
      const bool expired = IsExpired(*Named(world, "beat"));
      ASSERT_TRUE(!expired || heard_for >= kInterval + kGrace) << "seed " << seed << " step " << step;
      ASSERT_TRUE(expired || unbroken <= kPeriod) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace tocsin
