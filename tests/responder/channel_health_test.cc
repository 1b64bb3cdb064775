// How channels do: since when nothing is taken, what was said last, and when nobody at all can be told.
#include "engine/channel_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = ContactMethod::Kind;
using Answered = AttemptResult::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kTolerance = absl::Minutes(2);

ChannelHealth HealthOf(const World& world, Kind kind) {
  for (const ChannelHealth& health : HealthOfChannels(world.state()))
    if (health.kind == kind) return health;
  return {};
}

std::string Why(const World& world) {
  return WhyNobodyIsTold(world.state(), world.now().wall, kTolerance);
}

TEST(ChannelHealthTest, NothingIsSaidOfWhatWasNeverTried) {
  World world;
  EXPECT_THAT(HealthOfChannels(world.state()), IsEmpty());
  world.Pass(absl::Hours(1));
  EXPECT_EQ(Why(world), "");
}

TEST(ChannelHealthTest, AProviderThatIsAwayIsFailingUntilItTakesAMessage) {
  World world;
  bool away = false;
  world.SetProvider([&](const Notification&) { return away ? Answered::kRetryLater : Answered::kAccepted; });
  world.Observe({.name = "First"});
  world.Pass(kWait);
  EXPECT_FALSE(HealthOf(world, Kind::kSms).is_failing());
  const absl::Time taken = HealthOf(world, Kind::kSms).accepted_at;
  EXPECT_EQ(taken, world.now().wall);
  away = true;
  world.Pass(absl::Hours(1));
  world.Observe({.name = "Second"});
  world.Pass(kWait + absl::Minutes(1));
  const ChannelHealth failing = HealthOf(world, Kind::kSms);
  EXPECT_EQ(failing.failing_since, world.now().wall - absl::Minutes(1));
  EXPECT_EQ(failing.accepted_at, taken);
  EXPECT_GT(failing.attempts, 1U);
  EXPECT_EQ(failing.error, "status 500");
  away = false;
  ASSERT_TRUE(world.Do(TestPage{UserId("alice")}).status.ok());
  world.Pass(absl::Seconds(1));
  EXPECT_FALSE(HealthOf(world, Kind::kSms).is_failing());
}

TEST(ChannelHealthTest, WhatIsRefusedByEveryProviderMeansThatNobodyCanBeTold) {
  World world;
  world.SetProvider([](const Notification&) { return Answered::kRejected; });
  world.Observe({});
  world.Pass(kWait + absl::Minutes(2));
  EXPECT_EQ(Why(world), "") << "a moment's trouble";
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(Why(world), AllOf(HasSubstr("no provider has taken a page since 2024-01-01 12:00:30 UTC"),
                                HasSubstr("email has failed"), HasSubstr("sms has failed"), HasSubstr("status 500")));
  EXPECT_TRUE(HealthOf(world, Kind::kSms).is_failing());
  // Over a restart, too, and until something gets through.
  world.Crash();
  EXPECT_THAT(Why(world), HasSubstr("no provider has taken a page since 2024-01-01 12:00:30 UTC"));
  world.SetProvider([](const Notification&) { return Answered::kAccepted; });
  ASSERT_TRUE(world.Do(TestPage{UserId("bob")}).status.ok());
  world.Pass(absl::Seconds(1));
  EXPECT_EQ(Why(world), "");
  EXPECT_FALSE(HealthOf(world, Kind::kEmail).is_failing());
}

TEST(ChannelHealthTest, OnePersonsWrongNumberIsNobodyElses) {
  World world;
  world.SetProvider([](const Notification& message) {
    return message.method.kind == Kind::kEmail ? Answered::kAccepted : Answered::kRejected;
  });
  world.Observe({});
  world.Pass(kWait + absl::Hours(1));
  EXPECT_EQ(Why(world), "") << "bob was told by mail";
  EXPECT_TRUE(HealthOf(world, Kind::kSms).is_failing());
  EXPECT_FALSE(HealthOf(world, Kind::kEmail).is_failing());
}

TEST(ChannelHealthTest, ATestOfABrokenMethodIsNoOutage) {
  World world;
  world.SetProvider([](const Notification&) { return Answered::kRejected; });
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(world.Do(TestPage{UserId("bob")}).status.ok());
    world.Pass(absl::Minutes(5));
  }
  EXPECT_EQ(Why(world), "");
  EXPECT_TRUE(HealthOf(world, Kind::kEmail).is_failing());
}

// It was tried in vain and is held back now: that nobody has been told of it is as it should be, for as long as that lasts.
TEST(ChannelHealthTest, WhatIsHeldBackIsNobodysToTell) {
  World world;
  bool away = true;
  world.SetProvider([&](const Notification&) { return away ? Answered::kRetryLater : Answered::kAccepted; });
  const auto why_not = [&] {
    std::string why;
    for (int round = 0; round < 2; ++round)
      world.Audit();
    world.responder().CanPage(world.now(), absl::Minutes(1), why);
    return why;
  };
  world.Observe({});
  world.Pass(kWait + absl::Minutes(6));
  EXPECT_THAT(why_not(), HasSubstr("no provider has taken a page for"));
  world.Observe({.firing = 0, .suppressed = 1});
  away = false;
  ASSERT_TRUE(world.Do(TestPage{UserId("bob")}).status.ok());
  world.Pass(absl::Hours(3));
  EXPECT_EQ(why_not(), "");
}

}  // namespace
}  // namespace tocsin
