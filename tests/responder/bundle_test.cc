// Storms towards one person: what goes at once, what is held, what a bundle says, and what becomes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/responder_bundles.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = TimelineEntry::Kind;
using Result = AttemptResult::Kind;
using State = Notification::State;

// bob, by e-mail, at most four messages in ten minutes, one of them critical; each alert is a group without delay.
Organisation Limited(absl::Duration bundle_window = absl::Minutes(1)) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps = {StepOf(absl::Hours(24), {To("bob")})};
  organisation.route.group_wait = absl::ZeroDuration();
  organisation.limits.bundle_window = bundle_window;
  organisation.limits.kinds = {
      {ContactMethod::Kind::kEmail, {{4, 1, absl::Minutes(10)}}},
      {ContactMethod::Kind::kSms,   {}                         },
      {ContactMethod::Kind::kVoice, {}                         }
  };
  return organisation;
}

Say Warning(std::string_view name) {
  return {.name = name, .severity = Severity::kHigh};
}
Say Critical(std::string_view name) {
  return {.name = name, .severity = Severity::kCritical};
}

class BundleTest : public testing::Test {
 protected:
  explicit BundleTest() : world_(Limited()) {}
  void Fire(const std::vector<std::string>& names, Severity severity = Severity::kHigh) {
    for (const std::string& name : names)
      world_.Observe({.name = name, .severity = severity});
  }
  const Notification& Bundle() const {
    for (const Notification& row : world_.started())
      if (IsBundle(row)) return world_.state().notifications.at(row.id);
    ADD_FAILURE() << "no bundle was sent";
    return world_.started().front();
  }
  GroupId G(std::string_view name) const { return world_.Current(name)->id; }

  World world_;
};

TEST_F(BundleTest, E21TheFirstPageGoesAtOnceAndFurtherOnesAreToldTogether) {
  Fire({"A", "B", "C", "D"});
  ASSERT_THAT(world_.started(), SizeIs(1));
  EXPECT_THAT(world_.started()[0].title, HasSubstr("] A"));
  EXPECT_EQ(world_.Count(Kind::kNotificationHeld), 3);
  world_.Pass(absl::Minutes(1));
  ASSERT_THAT(world_.started(), SizeIs(2));
  const Notification& bundle = Bundle();
  EXPECT_THAT(bundle.title, HasSubstr("] B (1 alert), +2 more"));
  for (const char* name : {"B", "C", "D"})
    EXPECT_THAT(bundle.body, HasSubstr("G" + std::to_string(G(name).value()) + " "));
  EXPECT_THAT(bundle.members, SizeIs(3));
  EXPECT_EQ(bundle.state, State::kAccepted);
  for (const BundleMember& member : bundle.members)
    EXPECT_EQ(world_.state().notifications.at(member.notification).state, State::kAccepted);
  EXPECT_EQ(world_.Count(Kind::kNotificationBundled), 3);
  world_.Pass(absl::Hours(2));
  EXPECT_THAT(world_.started(), SizeIs(2)) << "nothing is told twice";
}

TEST_F(BundleTest, ServicesHaveTheirFirstPagesAtOnceAsFarAsTheLimitGoes) {
  Organisation organisation = Limited();
  organisation.services = {
      {ServiceId("a"), "a", TeamId(), {{"alertname", MatchOp::kEqual, "A"}}},
      {ServiceId("b"), "b", TeamId(), {{"alertname", MatchOp::kEqual, "B"}}}
  };
  world_.Apply(organisation);
  Fire({"A", "B", "C", "D"});
  EXPECT_THAT(world_.started(), SizeIs(2)) << "half of the three that others than critical ones may use, rounded up";
}

TEST_F(BundleTest, ACriticalPageBreaksThroughWhatIsHeld) {
  Fire({"A", "B", "C", "D", "E"});
  ASSERT_THAT(world_.started(), SizeIs(1));
  world_.Observe(Critical("Meltdown"));
  ASSERT_THAT(world_.started(), SizeIs(2));
  EXPECT_EQ(world_.started()[1].lane, Notification::Lane::kCritical);
  EXPECT_THAT(world_.started()[1].title, HasSubstr("Meltdown"));
}

TEST_F(BundleTest, CriticalPagesWaitForNothingButTheLimits) {
  Fire({"A", "B"}, Severity::kCritical);
  EXPECT_THAT(world_.started(), SizeIs(2)) << "half of the four that critical ones may use";
  EXPECT_EQ(world_.Count(Kind::kNotificationHeld), 0);
  Fire({"C", "D", "E"}, Severity::kCritical);
  EXPECT_THAT(world_.started(), SizeIs(2));
  EXPECT_THAT(world_.Told(Kind::kNotificationHeld), HasSubstr("held back by the limits"));
  world_.Pass(absl::Minutes(4));
  ASSERT_THAT(world_.started(), SizeIs(3)) << "a storm of critical ones is bundled as well";
  EXPECT_THAT(world_.started()[2].members, SizeIs(3));
}

TEST_F(BundleTest, WhatIsHeldSaysWhetherItIsForTheBundleWindowOrForTheLimits) {
  Fire({"A", "B"});
  EXPECT_THAT(world_.Told(Kind::kNotificationHeld),
              HasSubstr("held back by the bundle window: something about route root was told less than 1m ago"));
  world_.Pass(absl::Minutes(1));  // two of three
  Fire({"C"});
  world_.Pass(absl::Minutes(10));
  world_.Apply(Limited(absl::ZeroDuration()));
  Fire({"D", "E", "F", "G"});
  EXPECT_THAT(world_.Told(Kind::kNotificationHeld, "the limits"), HasSubstr("allow no more for now"));
}

TEST_F(BundleTest, ABundleStandsInTheWayOfWhatItTellsOnly) {
  Organisation organisation = Limited();
  organisation.services = {
      {ServiceId("other"), "other", TeamId(), {{"alertname", MatchOp::kEqual, "Other"}}}
  };
  organisation.limits.kinds[0].limits = {
      {20, 1, absl::Minutes(10)}
  };
  world_.Apply(organisation);
  Fire({"A", "B", "C"});
  world_.Pass(absl::Minutes(1));
  ASSERT_THAT(world_.started(), SizeIs(2));
  EXPECT_TRUE(IsBundle(world_.started()[1]));
  Fire({"Other"});
  EXPECT_THAT(world_.started(), SizeIs(3)) << "the first about this service";
  Fire({"D"});
  EXPECT_THAT(world_.started(), SizeIs(3));
}

// What is sent meanwhile puts it off, and whoever asks is told so.
TEST_F(BundleTest, WhatIsHeldIsExpectedWhenItComes) {
  Fire({"A", "B"});
  const auto held = [&] {
    for (const auto& [id, row] : world_.state().notifications)
      if (row.state == State::kHeld) return std::optional(ExplainHeld(world_.state(), row, world_.now()));
    return std::optional<HeldUntil>();
  };
  ASSERT_TRUE(held());
  EXPECT_EQ(held()->due - world_.now().engine, absl::Minutes(1));
  EXPECT_THAT(held()->why, HasSubstr("bundle window"));
  world_.Pass(absl::Seconds(30));
  Fire({"X", "Y", "Z"}, Severity::kCritical);
  world_.Pass(absl::Seconds(31));
  ASSERT_TRUE(held()) << "three of four are used up, and the last is for critical ones";
  EXPECT_THAT(held()->why, HasSubstr("limits"));
  const std::size_t before = world_.started().size();
  while (held()) {
    const EngineTime due = held()->due;
    ASSERT_GT(due, world_.now().engine);
    world_.Pass(due - world_.now().engine);
  }
  EXPECT_EQ(world_.started().size(), before + 1);
}

TEST_F(BundleTest, NobodyGetsMoreThanTheLimitAndEverythingIsTold) {
  Random random(7);
  std::vector<EngineTime> sent;
  std::set<std::uint64_t> told;
  world_.SetProvider([&](const Notification& row) {
    sent.push_back(world_.now().engine);
    if (row.members.empty()) told.insert(row.subject.id);
    for (const BundleMember& member : row.members)
      told.insert(member.subject.id);
    return Result::kAccepted;
  });
  for (int i = 0; i < 300; ++i) {
    world_.Observe(
        {.name = "Alert" + std::to_string(i), .severity = random.OneIn(20) ? Severity::kCritical : Severity::kHigh});
    world_.Pass(absl::Seconds(random.Between(0, 20)));
  }
  world_.Pass(absl::Hours(1));
  EXPECT_EQ(told.size(), 300U);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto within =
        std::ranges::count_if(sent, [&](EngineTime at) { return at >= sent[i] && at - sent[i] < absl::Minutes(10); });
    ASSERT_LE(within, 4);
  }
  for (const auto& [id, row] : world_.state().notifications)
    EXPECT_NE(row.state, State::kHeld);
  EXPECT_THAT(world_.Audit(), IsEmpty());
}

TEST_F(BundleTest, WhatIsAcknowledgedWhileItIsHeldIsNotTold) {
  Fire({"A", "B", "C"});
  ASSERT_TRUE(world_.Acknowledge(G("B")).ok());
  world_.Pass(absl::Minutes(1));
  ASSERT_THAT(world_.started(), SizeIs(2));
  EXPECT_TRUE(world_.started()[1].members.empty()) << "one alone is an ordinary page";
  EXPECT_THAT(world_.started()[1].title, HasSubstr("] C"));
  world_.Observe({.name = "B", .firing = 0});
  EXPECT_THAT(world_.started(), SizeIs(2)) << "who was not told of it is not told that it is over";
}

TEST_F(BundleTest, AcknowledgingABundleAcknowledgesWhatItNamesAndNothingElse) {
  Fire({"A", "B", "C", "D"});
  world_.Pass(absl::Minutes(1));
  Fire({"E"});
  world_.Observe({.name = "D", .firing = 0});
  const NotificationId id = Bundle().id;
  EXPECT_THAT(Bundle().acknowledge_url, HasSubstr("https://tocsin.example.com/ack/"));
  ASSERT_TRUE(world_.Do(AcknowledgeBundle{id}, "link:bob").status.ok());
  for (const char* name : {"B", "C"}) {
    EXPECT_EQ(world_.Current(name)->state, Group::State::kAcknowledged) << name;
    EXPECT_EQ(world_.Current(name)->acknowledged_by, "link:bob");
  }
  EXPECT_EQ(world_.Current("A")->state, Group::State::kOpen);
  EXPECT_EQ(world_.Current("D")->state, Group::State::kResolved);
  EXPECT_EQ(world_.Current("E")->state, Group::State::kOpen);
  EXPECT_TRUE(world_.Do(AcknowledgeBundle{id}, "link:bob").status.ok()) << "twice is harmless";
  EXPECT_EQ(world_.Do(AcknowledgeBundle{NotificationId(999)}, "link:bob").status.code(), absl::StatusCode::kNotFound);
}

TEST_F(BundleTest, WhatIsAcknowledgedBeforeTheBundleBeginsIsTakenOutOfIt) {
  world_.SetProvider(
      [](const Notification& row) { return IsBundle(row) ? std::nullopt : std::optional<Result>(Result::kAccepted); });
  Fire({"A", "B", "C", "D"});
  world_.Pass(absl::Minutes(1));
  const NotificationId id = Bundle().id;
  ASSERT_TRUE(world_.Acknowledge(G("C")).ok());
  EXPECT_TRUE(world_.closed().contains(id));
  world_.SetProvider([](const Notification&) { return Result::kAccepted; });
  world_.Pass(absl::Seconds(2));
  const Notification& again = world_.started().back();
  EXPECT_EQ(again.id, id);
  EXPECT_THAT(again.members, SizeIs(2));
  EXPECT_THAT(again.body, Not(HasSubstr("] C ")));
  EXPECT_THAT(again.title, HasSubstr("+1 more"));
}

TEST_F(BundleTest, ABundleOfWhichAllIsSettledIsCancelled) {
  world_.SetProvider([](const Notification& row) { return IsBundle(row) ? Result::kRetryLater : Result::kAccepted; });
  Fire({"A", "B", "C"});
  world_.Pass(absl::Minutes(1));
  const NotificationId id = Bundle().id;
  const std::size_t before = world_.started().size();
  ASSERT_TRUE(world_.Acknowledge(G("B")).ok());
  ASSERT_TRUE(world_.Acknowledge(G("C")).ok());
  EXPECT_EQ(world_.state().notifications.at(id).state, State::kCancelled);
  world_.Pass(absl::Minutes(10));
  EXPECT_EQ(world_.started().size(), before);
}

TEST_F(BundleTest, ABundleThatIsRejectedUsesThePersonsNextMethodForAllThatItTold) {
  Organisation organisation = Limited();
  organisation.policies[0].steps[0].targets = {To("alice")};
  organisation.users[0].notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("mail")},
      {Urgency::kHigh, absl::Hours(5),       ContactMethodId("sms") }
  };
  world_.Apply(organisation);
  world_.SetProvider([](const Notification& row) {
    return row.method.kind == ContactMethod::Kind::kEmail ? Result::kRejected : Result::kAccepted;
  });
  Fire({"A", "B", "C"});
  world_.Pass(absl::Minutes(2));
  std::set<std::uint64_t> told;
  for (const Notification& row : world_.started()) {
    if (row.method.kind != ContactMethod::Kind::kSms) continue;
    if (row.members.empty()) told.insert(row.subject.id);
    for (const BundleMember& member : row.members)
      told.insert(member.subject.id);
  }
  EXPECT_EQ(told.size(), 3U);
}

TEST_F(BundleTest, RecoveriesAreToldTogetherToThoseWhoWereTold) {
  Fire({"A", "B", "C", "D"});
  world_.Pass(absl::Minutes(1));
  world_.Forget();
  for (const char* name : {"A", "B", "C", "D"})
    world_.Observe({.name = name, .firing = 0});
  world_.Pass(absl::Minutes(30));
  ASSERT_THAT(world_.started(), SizeIs(1)) << "pages have used up what notices may use: they wait for their share";
  EXPECT_EQ(world_.started()[0].purpose, Notification::Purpose::kResolved);
  EXPECT_THAT(world_.started()[0].members, SizeIs(4));
  EXPECT_THAT(world_.started()[0].body, HasSubstr("4 resolved meanwhile"));
  EXPECT_THAT(world_.started()[0].acknowledge_url, IsEmpty());
}

TEST_F(BundleTest, AttemptsThatCertainlyDeliveredNothingAreNotCounted) {
  int failures = 5;
  world_.SetProvider([&](const Notification&) { return failures-- > 0 ? Result::kRetryLater : Result::kAccepted; });
  world_.Observe(Warning("A"));
  world_.Pass(absl::Minutes(5));
  ASSERT_THAT(world_.started(), SizeIs(6));
  EXPECT_EQ(world_.state().throttles.begin()->second.sent.size(), 1U);
}

TEST_F(BundleTest, ACrashForgetsNeitherWhatIsHeldNorWhatWasSent) {
  Fire({"A", "B", "C"});
  world_.Pass(absl::Seconds(30));
  world_.Crash();
  EXPECT_THAT(world_.started(), SizeIs(1));
  Fire({"D"});
  EXPECT_THAT(world_.started(), SizeIs(1)) << "what was sent before the crash counts";
  world_.Pass(absl::Minutes(1));
  ASSERT_THAT(world_.started(), SizeIs(2));
  EXPECT_THAT(world_.started()[1].members, SizeIs(3));
}

TEST_F(BundleTest, WhatIsHeldWithoutATimerIsFoundByTheAuditor) {
  Fire({"A", "B"});
  const Throttle throttle = world_.state().throttles.begin()->second;
  Change damage;
  damage.now = world_.now();
  for (const auto& [id, timer] : world_.state().timers) {
    if (timer.kind == Timer::Kind::kThrottle) damage.removed.push_back(KeyOf(Row(timer)));
  }
  world_.Damage(damage);
  EXPECT_THAT(world_.Audit(), ElementsAre(HasSubstr("without a timer")));
  world_.Pass(absl::Minutes(2));
  EXPECT_THAT(world_.started(), SizeIs(3)) << "and the fallback user hears of it";
  EXPECT_THAT(world_.Notices(), SizeIs(1));
}

TEST_F(BundleTest, NewLimitsApplyToWhatWaits) {
  Fire({"A", "B", "C"});
  ASSERT_THAT(world_.started(), SizeIs(1));
  world_.Apply(Limited(absl::ZeroDuration()));
  world_.Pass(absl::Milliseconds(1));
  EXPECT_THAT(world_.started(), SizeIs(2));
}

TEST_F(BundleTest, AQuietMethodLeavesNothingBehind) {
  Fire({"A", "B"});
  world_.Pass(absl::Hours(3));
  EXPECT_THAT(world_.state().throttles, IsEmpty());
  EXPECT_THAT(world_.state().held, IsEmpty());
}

TEST_F(BundleTest, AReceiverThatIsOverItsLimitIsToldTheNewestOnly) {
  Organisation organisation = Limited(absl::ZeroDuration());
  organisation.route.policy = PolicyId();
  organisation.route.receiver = ReceiverId("chat");
  organisation.route.group_interval = absl::Seconds(10);
  organisation.receivers = {
      {ReceiverId("chat"), {{ContactMethodId("m"), ContactMethod::Kind::kEmail, "chat@example.com", ""}}, true}
  };
  world_.Apply(organisation);
  for (std::uint32_t firing = 1; firing <= 20; ++firing) {
    world_.Observe({.name = "A", .firing = firing, .severity = Severity::kHigh});
    world_.Pass(absl::Seconds(10));
  }
  int held = 0;
  for (const auto& [id, row] : world_.state().notifications)
    held += row.state == State::kHeld ? 1 : 0;
  EXPECT_EQ(held, 1);
  EXPECT_LE(world_.started().size(), 4U);
}

}  // namespace
}  // namespace tocsin
