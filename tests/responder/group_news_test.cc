// Groups that flap, that are held below a threshold, that break through a wait, and how they end.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/event_counts.h"
#include "engine/flapping.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

Organisation With(const std::function<void(Route&)>& change) {
  Organisation organisation = SampleOrganisation();
  change(organisation.route);
  return organisation;
}

// A group that was paged and then forgotten by the list of what was sent.
void Begin(World& world, const Say& say = {}) {
  world.Observe(say);
  world.Pass(kWait);
  world.Forget();
}

// Flapping.

Organisation Flapping(std::uint32_t changes = 5) {
  return With([&](Route& route) {
    route.flapping = {.changes = changes, .window = absl::Minutes(30), .stable_for = absl::Minutes(15)};
    route.reopen_window = absl::Minutes(5);
  });
}

TEST(FlappingTest, TheOracleCountsChangesInTheWindow) {
  const FlappingRule rule{.changes = 4, .window = absl::Seconds(100), .stable_for = absl::Seconds(1)};
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<EngineTime> kept;
    std::vector<EngineTime> all;
    EngineTime now(1);
    for (int i = 0; i < 60; ++i) {
      now = now + absl::Seconds(random.Between(0, 59));
      RecordFlap(kept, rule, now);
      all.push_back(now);
      const auto naive = std::ranges::count_if(all, [&](EngineTime at) { return now - at < rule.window; });
      ASSERT_EQ(Flaps(kept, rule, now), naive >= 4) << "seed " << seed << ", change " << i;
      ASSERT_LE(kept.size(), 4U);
    }
  }
}

TEST(FlappingTest, IsPagedOnceAndThenHeldUntilStable) {
  World world(Flapping());
  for (int i = 0; i < 2; ++i) {  // two times like any other
    world.Observe({});
    world.Pass(kWait);
    world.Observe({.firing = 0});
    world.Pass(absl::Minutes(1));
  }
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
  world.Forget();
  world.Observe({});
  EXPECT_TRUE(world.Current()->flapping);
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_THAT(world.started().back().title, HasSubstr("flapping: 5 changes"));
  EXPECT_THAT(world.started().back().body, HasSubstr("held until it has not changed for 15m"));
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.Forget();
  for (int i = 0; i < 10; ++i) {
    world.Observe({.firing = 0});
    EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged) << "held while nothing of it fires";
    world.Pass(absl::Minutes(4));
    world.Crash();
    world.Observe({});
    world.Pass(absl::Minutes(4));
    EXPECT_THAT(world.Audit(), IsEmpty());
  }
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_EQ(world.Current()->flaps, 25U);
  world.Observe({.firing = 0});
  world.Pass(absl::Minutes(15));
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
  EXPECT_THAT(world.Told(Kind::kStable), HasSubstr("stable for 15m after 26 changes"));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved"));
}

TEST(FlappingTest, FasterThanGroupWaitIsPagedAllTheSame) {
  World world(Flapping());
  for (int i = 0; i < 3; ++i) {
    world.Observe({});
    world.Pass(absl::Seconds(5));
    world.Observe({.firing = 0});
    world.Pass(absl::Seconds(5));
  }
  EXPECT_TRUE(world.Current()->flapping);
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "although nothing fires at this moment";
  EXPECT_THAT(world.started().back().title, HasSubstr("[CRITICAL]"));
}

TEST(FlappingTest, AnUnansweredOneThatStaysIsAskedAboutAgain) {
  World world(Flapping(3));
  world.Observe({});
  world.Observe({.firing = 0});
  world.Observe({});
  ASSERT_TRUE(world.Current()->flapping);
  for (int i = 0; i < 4; ++i) {
    world.Pass(absl::Minutes(6));
    world.Observe({.firing = 0});
    world.Observe({});
  }
  ASSERT_EQ(world.EscalationOf()->state, Escalation::State::kExhausted);
  world.Forget();
  world.Pass(absl::Minutes(15));
  EXPECT_FALSE(world.Current()->flapping);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(FlappingTest, SilencedAndOverIsOver) {
  World world(Flapping(3));
  world.Observe({});
  world.Observe({.firing = 0});
  world.Observe({});
  ASSERT_TRUE(world.Current()->flapping);
  world.Observe({.firing = 0, .suppressed = 1});
  EXPECT_EQ(world.Current()->quiet_reason, "silenced by S5");
  world.Observe({.firing = 0});
  EXPECT_EQ(world.Current()->state, Group::State::kResolved);
}

TEST(FlappingTest, ResolvedByAPersonItBeginsAnew) {
  World world(Flapping(3));
  world.Observe({});
  world.Observe({.firing = 0});
  world.Observe({});
  ASSERT_TRUE(world.Do(ResolveGroup{world.Current()->id, std::nullopt}).status.ok());
  EXPECT_FALSE(world.Current()->flapping);
  world.Observe({.firing = 2});
  EXPECT_FALSE(world.Current()->flapping);
}

// Threshold before paging.

Organisation FiveInTenMinutes() {
  return With([](Route& route) { route.threshold = {.count = 5, .window = absl::Minutes(10)}; });
}

TEST(ThresholdTest, NobodyIsToldBelowItAndEverybodyAtIt) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 2});
  EXPECT_TRUE(world.Current()->below_threshold);
  world.Pass(absl::Minutes(3));
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Observe({.events = 4});
  EXPECT_EQ(world.Current()->quiet_reason, "below the threshold: 4 of 5 events within 10m (route root)");
  world.Crash();
  world.Observe({.events = 1});
  EXPECT_FALSE(world.Current()->below_threshold);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_EQ(world.Told(Kind::kThresholdMet), "5 of 5 events within 10m (route root)");
}

// After a start shards count from nothing: that a count is what it was before means nothing.
TEST(ThresholdTest, EventsRightAfterAStartCountWhateverTheCountWasBefore) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 2});
  world.Crash();
  world.Observe({.events = 2});
  EXPECT_THAT(world.Current()->quiet_reason, HasSubstr("4 of 5 events"));
  world.Observe({.events = 3});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

// What came while it was above the threshold is not counted again for its next time.
TEST(ThresholdTest, EventsOfAnEpisodeThatWasPagedDoNotCountForTheNext) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 5});
  world.Observe({.events = 9});
  world.Observe({.firing = 0, .events = 9});
  world.Pass(absl::Minutes(20));
  world.Forget();
  world.Observe({.events = 10});
  EXPECT_TRUE(world.Current()->below_threshold);
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(ThresholdTest, EventsLeaveTheWindow) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 4});
  world.Pass(absl::Minutes(11));
  world.Observe({.events = 5});
  EXPECT_TRUE(world.Current()->below_threshold);
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(ThresholdTest, RecoveringBelowItTellsNobodyAndSaysSo) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 3});
  world.Observe({.firing = 0, .events = 3});
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_THAT(world.Told(Kind::kThresholdNotMet, "nobody was told"), HasSubstr("3 of 5 events"));
}

TEST(ThresholdTest, EventsOfGroupsThatCameBeforeCount) {
  World world(FiveInTenMinutes());
  for (std::uint64_t events = 1; events <= 4; ++events) {
    world.Observe({.events = events});
    world.Observe({.firing = 0, .events = events});
    world.Pass(absl::Minutes(1));
  }
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({.events = 5});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(ThresholdTest, IsGivenUpWhenTheShardsCountNoMoreOrAPersonEscalates) {
  World world(FiveInTenMinutes());
  world.Observe({.events = 1});
  world.Observe({.firing = 1});  // after a start, before the shards have the rules by which they count
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Apply(SampleOrganisation());
  world.Observe({.firing = 1});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Observe({.name = "Other", .events = 1});
  world.Forget();
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current("Other")->id}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(EventCountsTest, NeverCountsLongerThanTheWindowAndHardlyShorter) {
  const Threshold threshold{.count = 5, .window = absl::Seconds(160)};
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    std::vector<EventCount> counts;
    std::vector<EngineTime> all;
    EngineTime now(1);
    for (int i = 0; i < 200; ++i) {
      now = now + absl::Seconds(random.Between(0, 7));
      RecordEvents(counts, threshold, now, 1);
      all.push_back(now);
      const auto within = [&](absl::Duration window) {
        return static_cast<std::uint64_t>(std::ranges::count_if(all, [&](EngineTime at) { return now - at < window; }));
      };
      const std::uint64_t counted = EventsWithin(counts, threshold.window, now);
      ASSERT_LE(counted, within(threshold.window));
      ASSERT_GE(counted, within(threshold.window - absl::Seconds(10)));  // less a grain
      ASSERT_LE(counts.size(), 17U);
    }
  }
}

// What breaks through a wait.

TEST(BreakThroughTest, SeverityAndChosenLabelsDoNotWaitForGroupWait) {
  const struct {
    const char* name;
    bool severity;
    std::vector<std::string> labels;
    Say second;
    bool at_once;
  } cases[] = {
      {"severity rises",           true,  {},         {.firing = 2, .severity = Severity::kCritical}, true },
      {"severity rises, not said", false, {},         {.firing = 2, .severity = Severity::kCritical}, false},
      {"a new value",
       false,                             {"region"},
       {.firing = 2, .severity = Severity::kWarning, .values = {"region=eu", "region=us"}},
       true                                                                                                },
      {"the same value",
       true,                              {"region"},
       {.firing = 2, .severity = Severity::kWarning, .values = {"region=eu"}},
       false                                                                                               },
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world(With([&](Route& route) {
      route.break_through = {.severity = c.severity, .labels = c.labels};
      route.urgency = Urgency::kHigh;
    }));
    world.Observe({.severity = Severity::kWarning, .values = {"region=eu"}});
    world.Observe(c.second);
    EXPECT_EQ(world.Sent().size(), c.at_once ? 1U : 0U);
    world.Pass(kWait);
    EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "once in any case";
  }
}

TEST(BreakThroughTest, TheReceiverIsToldWithinGroupInterval) {
  Organisation organisation = With([](Route& route) {
    route.break_through = {.severity = true, .labels = {"region"}};
    route.policy = PolicyId();
    route.receiver = ReceiverId("chat");
  });
  Receiver receiver;
  receiver.id = ReceiverId("chat");
  receiver.targets = SampleUser("chat").contact_methods;
  organisation.receivers = {receiver};
  World world(organisation);
  Begin(world, {.severity = Severity::kWarning, .values = {"region=eu"}});
  world.Observe({.firing = 2, .severity = Severity::kWarning, .values = {"region=eu"}});
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Observe({
      .firing = 3, .severity = Severity::kWarning, .values = {"region=eu", "region=us"}
  });
  ASSERT_THAT(world.Sent(), ElementsAre("email chat update"));
  EXPECT_THAT(world.started().back().body, HasSubstr("Sent because: new here: region=us"));
  world.Observe({
      .firing = 3, .severity = Severity::kCritical, .values = {"region=eu", "region=us"}
  });
  EXPECT_EQ(world.Sent().size(), 2U);
  EXPECT_THAT(world.started().back().body, HasSubstr("severity rose from warning to critical"));
  world.Pass(absl::Minutes(5));
  EXPECT_EQ(world.Sent().size(), 2U) << "nothing is told twice";
}

// How a group ends.

TEST(AutoCloseTest, SaysThatThereWasNoNews) {
  World world(With([](Route& route) { route.auto_close = absl::Hours(24); }));
  Begin(world);
  world.Observe({.firing = 0, .last_end = "no news"});
  EXPECT_EQ(world.Current()->resolved_by, "closed automatically: no news for 24h");
  EXPECT_THAT(world.started().back().body, HasSubstr("closed automatically: no news for 24h"));
}

TEST(ResolvedTest, IsToldOnceToEachPersonByWhatReachedThemFirst) {
  World world;
  world.Observe({.firing = 3});
  world.Pass(kWait + absl::Minutes(11));  // sms and voice to alice, then e-mail to bob
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice", "email bob"));
  world.Forget();
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), UnorderedElementsAre("sms alice resolved", "email bob resolved"));
  EXPECT_THAT(world.started().back().title, HasSubstr("[RESOLVED] DatabaseDown (3 alerts)"));
  EXPECT_EQ(world.Current()->highest, Severity::kCritical) << "what it had been";
}

}  // namespace
}  // namespace tocsin
