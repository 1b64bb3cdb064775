// Who owns a group and for how long; when a group that comes back is the same one.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = TimelineEntry::Kind;
using Then = AcknowledgementRule::Then;
using AskAgain = AcknowledgementRule::AskAgain;

constexpr absl::Duration kWait = absl::Seconds(30);

Organisation With(const std::function<void(Route&)>& change) {
  Organisation organisation = SampleOrganisation();
  change(organisation.route);
  return organisation;
}

absl::Status Snooze(World& world, absl::Duration duration, std::string_view actor = "user:alice") {
  return world.Do(SnoozeGroup{world.Current()->id, std::nullopt, std::nullopt, duration}, actor).status;
}

// A group that was paged and then forgotten by the list of what was sent.
void Begin(World& world, const Say& say = {}) {
  world.Observe(say);
  world.Pass(kWait);
  world.Forget();
}

// Acknowledgement and snooze: when it ends and what is paged then (E10, E14).

TEST(SnoozeTest, E14EndsAfterTheLongerOfSnoozeAndTimeout) {
  const struct {
    const char* name;
    std::optional<absl::Duration> route;
    absl::Duration policy;
    absl::Duration snooze;
    absl::Duration ends;
  } cases[] = {
      {"no time-out",                    std::nullopt,         absl::ZeroDuration(), absl::Hours(2),   absl::Hours(2)   },
      {"the snooze is longer",           std::nullopt,         absl::Minutes(30),    absl::Hours(2),   absl::Hours(2)   },
      {"the time-out is longer",         std::nullopt,         absl::Minutes(30),    absl::Minutes(5), absl::Minutes(30)},
      {"the route's hides the policy's", absl::Minutes(20),    absl::Minutes(30),    absl::Minutes(5), absl::Minutes(20)},
      {"the route's may be none",        absl::ZeroDuration(), absl::Minutes(30),    absl::Minutes(5), absl::Minutes(5) },
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Organisation organisation = With([&](Route& route) { route.acknowledgement.timeout = c.route; });
    organisation.policies[0].acknowledge_timeout = c.policy;
    World world(organisation);
    Begin(world);
    ASSERT_TRUE(Snooze(world, c.snooze).ok());
    EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
    EXPECT_TRUE(world.Current()->snoozed);
    EXPECT_EQ(world.Current()->acknowledged_until, world.now().wall + c.ends);
    world.Pass(c.ends - absl::Seconds(1));
    EXPECT_THAT(world.Sent(), IsEmpty());
    EXPECT_THAT(world.Audit(), IsEmpty());
    world.Crash();
    world.Pass(absl::Seconds(1));
    EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
    EXPECT_EQ(world.Current()->state, Group::State::kOpen);
    EXPECT_FALSE(world.Current()->snoozed);
    EXPECT_THAT(world.Told(Kind::kUnacknowledged), HasSubstr("the snooze is over"));
  }
}

TEST(SnoozeTest, UntilATimeIsTheSameAsForSoLong) {
  World world;
  Begin(world);
  const absl::Time until = world.now().wall + absl::Hours(9);
  ASSERT_TRUE(world.Do(SnoozeGroup{world.Current()->id, std::nullopt, until, std::nullopt}).status.ok());
  EXPECT_EQ(world.Current()->acknowledged_until, until);
  EXPECT_THAT(world.Told(Kind::kSnoozed), HasSubstr("snoozed by user:alice for 9h, until 2024-01-01 21:00:30 UTC"));
}

TEST(SnoozeTest, RefusesWhatMakesNoSense) {
  World world;
  Begin(world);
  const GroupId id = world.Current()->id;
  const struct {
    const char* part;
    SnoozeGroup command;
  } cases[] = {
      {"either until when, or for how long", {id, std::nullopt, std::nullopt, std::nullopt}            },
      {"that is past",                       {id, std::nullopt, Noon(), std::nullopt}                  },
      {"1s to 31 days",                      {id, std::nullopt, std::nullopt, absl::Hours(24 * 32)}    },
      {"1s to 31 days",                      {id, std::nullopt, std::nullopt, absl::InfiniteDuration()}},
      {"you saw generation 9",               {id, Generation(9), std::nullopt, absl::Hours(1)}         },
      {"is not known",                       {GroupId(999), std::nullopt, std::nullopt, absl::Hours(1)}},
  };
  for (const auto& c : cases) {
    const absl::Status status = world.Do(c.command).status;
    EXPECT_FALSE(status.ok()) << c.part;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.part));
  }
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
}

TEST(SnoozeTest, E14ResolvingCancelsIt) {
  World world;
  Begin(world);
  ASSERT_TRUE(Snooze(world, absl::Hours(1)).ok());
  world.Observe({.firing = 0});
  world.Forget();
  world.Pass(absl::Hours(5));
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_EQ(world.Count(Kind::kUnacknowledged), 0);
}

TEST(SnoozeTest, TakesOverFromTheFormerOwner) {
  World world;
  Begin(world);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  ASSERT_TRUE(Snooze(world, absl::Hours(1), "user:bob").ok());
  EXPECT_EQ(world.Current()->acknowledged_by, "user:bob");
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), UnorderedElementsAre("sms alice", "email bob"))
      << "those of the step, and the former owner";
}

TEST(UnacknowledgeTest, GoesOnWhereTheRouteSays) {
  const struct {
    Then then;
    std::vector<std::string> sent;
  } cases[] = {
      {Then::kResume,  {"email bob", "sms alice"}}, // step 2, and the former owner
      {Then::kRestart, {"sms alice"}             },
  };
  for (const auto& c : cases) {
    World world(With([&](Route& route) { route.acknowledgement.then = c.then; }));
    world.Observe({});
    world.Pass(kWait + absl::Minutes(11));
    ASSERT_EQ(world.EscalationOf()->next_step, 2);
    ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
    world.Forget();
    const Generation seen = world.Current()->generation;
    ASSERT_TRUE(world.Do(UnacknowledgeGroup{world.Current()->id, seen}, "user:bob").status.ok());
    EXPECT_THAT(world.Sent(), testing::UnorderedElementsAreArray(c.sent));
    EXPECT_THAT(world.Told(Kind::kUnacknowledged), HasSubstr("given back by user:bob"));
    EXPECT_EQ(world.Do(UnacknowledgeGroup{world.Current()->id, std::nullopt}).status.code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST(UnacknowledgeTest, WhatIsNewAsksAgainAsTheRouteSays) {
  const struct {
    const char* name;
    AskAgain ask_again;
    Severity severity;  // of the second alert; the first is a warning
    bool asks;
  } cases[] = {
      {"the same severity, by default", AskAgain::kOnHigherSeverity, Severity::kWarning,  false},
      {"a higher severity, by default", AskAgain::kOnHigherSeverity, Severity::kCritical, true },
      {"any alert, always",             AskAgain::kAlways,           Severity::kWarning,  true },
      {"a higher severity, never",      AskAgain::kNothing,          Severity::kCritical, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world(With([&](Route& route) { route.acknowledgement.ask_again = c.ask_again; }));
    Begin(world, {.severity = Severity::kWarning});
    ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
    world.Observe({.firing = 2, .severity = c.severity});
    EXPECT_EQ(world.Current()->state, c.asks ? Group::State::kOpen : Group::State::kAcknowledged);
    EXPECT_EQ(world.Sent().empty(), !c.asks);
  }
}

// Reopen window.

TEST(ReopenTest, FiringAgainIsTheSameGroupOnlyWithinTheWindow) {
  const struct {
    const char* name;
    absl::Duration window;
    absl::Duration pause;
    bool same;
  } cases[] = {
      {"no window",         absl::ZeroDuration(), absl::ZeroDuration(), false},
      {"within the window", absl::Minutes(10),    absl::Minutes(9),     true },
      {"at its end",        absl::Minutes(10),    absl::Minutes(10),    true },
      {"after it",          absl::Minutes(10),    absl::Minutes(11),    false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world(With([&](Route& route) { route.reopen_window = c.window; }));
    Begin(world);
    const GroupId first = world.Current()->id;
    ASSERT_TRUE(world.Acknowledge(first).ok());
    world.Observe({.firing = 0});
    world.Pass(c.pause);
    world.Crash();
    world.Forget();
    world.Observe({});
    EXPECT_EQ(world.Current()->id == first, c.same);
    EXPECT_EQ(world.Current()->episode, c.same ? 2U : 1U);
    EXPECT_EQ(world.Current()->state, Group::State::kOpen);
    EXPECT_EQ(world.Current()->acknowledged_by, "");
    world.Pass(kWait);
    EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "from step 1";
    EXPECT_EQ(world.Count(Kind::kReopened), c.same ? 1 : 0);
    EXPECT_THAT(world.Audit(), IsEmpty());
  }
}

TEST(ReopenTest, StaysKnownLongAfterTheFirstEpisodeWouldHaveBeenForgotten) {
  World world(With([](Route& route) { route.reopen_window = absl::Minutes(10); }));
  Begin(world);
  const GroupId first = world.Current()->id;
  world.Observe({.firing = 0});
  world.Observe({});
  ASSERT_TRUE(world.Acknowledge(first).ok());
  world.Pass(absl::Hours(72));
  ASSERT_NE(world.Current(), nullptr);
  EXPECT_EQ(world.Current()->id, first);
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
}

TEST(ReopenTest, OnlyThoseToldInThisEpisodeAreToldOfItsEnd) {
  World world(With([](Route& route) { route.reopen_window = absl::Hours(1); }));
  world.Observe({});
  world.Pass(kWait + absl::Minutes(11));  // alice, then bob
  world.Observe({.firing = 0});
  world.Forget();
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Forget();
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved"));
}

TEST(ReopenTest, ALinkOfAnEarlierEpisodeTouchesNothing) {
  World world(With([](Route& route) { route.reopen_window = absl::Hours(1); }));
  Begin(world);
  const GroupId id = world.Current()->id;
  world.Observe({.firing = 0});
  world.Observe({});
  const absl::Status old = world.Do(AcknowledgeGroup{id, std::nullopt, 1}, "link:alice").status;
  EXPECT_THAT(std::string(old.message()), HasSubstr("has fired again since (episode 2)"));
  EXPECT_TRUE(world.Do(AcknowledgeGroup{id, std::nullopt, 2}, "link:alice").status.ok());
}

}  // namespace
}  // namespace tocsin
