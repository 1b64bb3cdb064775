// Two providers of a kind: by which of them an attempt goes, and how the first one comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel_health.h"
#include "engine/responder_providers.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Entry = TimelineEntry::Kind;
using Method = ContactMethod::Kind;
using Result = AttemptResult::Kind;
using State = Notification::State;

constexpr absl::Duration kWait = absl::Seconds(30);  // group_wait
constexpr absl::Duration kMoment = absl::Seconds(1);

Organisation Doubled() {
  Organisation organisation = SampleOrganisation();
  organisation.twilio = {.account_sid = "AC1", .auth_token = "token", .from = "+15005550006"};
  organisation.second_twilio = {
      .url = "https://other.example.com", .account_sid = "AC2", .auth_token = "token", .from = "+15005550007"};
  organisation.smtp = {.url = "smtp://a.example.com", .from = "tocsin@example.com"};
  organisation.second_smtp = {.url = "smtp://b.example.com", .from = "tocsin@example.com"};
  organisation.route.group_wait = absl::ZeroDuration();
  return organisation;
}

// What each of the two does.
struct Providers {
  std::optional<Result> first = Result::kAccepted;
  std::optional<Result> second = Result::kAccepted;
};

class ProviderTest : public testing::Test {
 protected:
  ProviderTest() : world_(Doubled()) {
    world_.SetProvider([this](const Notification& row) { return row.provider == 0 ? do_.first : do_.second; });
  }
  // The providers of the attempts that were begun since the last call, SMS only.
  std::vector<std::uint32_t> Tried() {
    std::vector<std::uint32_t> providers;
    for (const Notification& row : world_.started())
      if (row.method.kind == Method::kSms) providers.push_back(row.provider);
    world_.Forget();
    return providers;
  }
  void Fire(std::string_view name, Severity severity = Severity::kCritical) {
    world_.Observe({.name = name, .severity = severity});
  }

  Providers do_;
  World world_;
};

TEST_F(ProviderTest, TheFirstIsAskedAsLongAsItWorks) {
  for (const char* name : {"A", "B", "C"})
    Fire(name);
  EXPECT_THAT(Tried(), ElementsAre(0U, 0U, 0U));
}

TEST_F(ProviderTest, ARefusalGoesToTheSecondAtTheSameInstantAsTheSameMessage) {
  do_.first = Result::kRetryLater;
  Fire("A");
  ASSERT_EQ(world_.started().size(), 1U);
  world_.Pass(absl::ZeroDuration());
  ASSERT_EQ(world_.started().size(), 2U);
  const Notification& first = world_.started()[0];
  const Notification& second = world_.started()[1];
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.idempotency_key, first.idempotency_key);
  EXPECT_FALSE(second.repeat) << "it was certainly not delivered";
  EXPECT_EQ(second.provider, 1U);
  EXPECT_EQ(world_.state().notifications.at(first.id).state, State::kAccepted);
  EXPECT_THAT(world_.Told(Entry::kNotificationStarted, "second provider"),
              HasSubstr("attempt 2 by the second provider"));
}

TEST_F(ProviderTest, WhatMayHaveArrivedIsRepeatedByTheSecondAfterAMomentAndSaysSo) {
  do_.first = Result::kAmbiguous;
  Fire("A");
  EXPECT_THAT(Tried(), ElementsAre(0U));
  world_.Pass(kMoment - absl::Milliseconds(1));
  EXPECT_THAT(Tried(), IsEmpty());
  world_.Pass(absl::Milliseconds(1));
  ASSERT_EQ(world_.started().size(), 1U);
  EXPECT_TRUE(world_.started()[0].repeat);
  EXPECT_THAT(Tried(), ElementsAre(1U));
}

// 45 s of lease and a second; a real provider that hangs is given up after 20.
TEST_F(ProviderTest, WhoNeverAnswersIsFollowedByTheSecondWhenTheLeaseIsOver) {
  do_.first = std::nullopt;
  Fire("A");
  world_.Pass(World::Options().lease + kMoment);
  EXPECT_THAT(Tried(), ElementsAre(0U, 1U));
}

TEST_F(ProviderTest, NumbersThatAreRefusedForGoodAreNoProvidersFailure) {
  world_.SetProvider(
      [](const Notification& row) { return row.method.kind == Method::kSms ? Result::kRejected : Result::kAccepted; });
  Fire("A");
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
  world_.Forget();
  Fire("B");
  EXPECT_THAT(Tried(), ElementsAre(0U));
}

TEST_F(ProviderTest, WhileTheFirstFailsTheSecondIsAskedFirstAlsoAfterARestart) {
  do_.first = Result::kRetryLater;
  Fire("A");
  world_.Pass(kMoment);
  EXPECT_THAT(Tried(), ElementsAre(0U, 1U));
  Fire("B");
  EXPECT_THAT(Tried(), ElementsAre(1U));
  world_.Crash();
  Tried();
  Fire("C");
  EXPECT_THAT(Tried(), ElementsAre(1U));
}

TEST_F(ProviderTest, TheFirstIsTriedAgainByWhatIsNotCriticalAndComesBack) {
  do_.first = Result::kRetryLater;
  Fire("A");
  world_.Pass(kFirstTriedAgainAfter - kMoment);
  Tried();
  Fire("Early", Severity::kHigh);
  EXPECT_THAT(Tried(), ElementsAre(1U));
  world_.Pass(kMoment);
  Fire("Critical");
  EXPECT_THAT(Tried(), ElementsAre(1U)) << "nothing is tried out with what is critical";
  Fire("Probe", Severity::kHigh);
  world_.Pass(absl::ZeroDuration());
  EXPECT_THAT(Tried(), ElementsAre(0U, 1U));
  Fire("Next", Severity::kHigh);
  EXPECT_THAT(Tried(), ElementsAre(1U)) << "once in a while, not each time";
  do_.first = Result::kAccepted;
  world_.Pass(kFirstTriedAgainAfter);
  Tried();
  Fire("Probe again", Severity::kHigh);
  Fire("Back");
  EXPECT_THAT(Tried(), ElementsAre(0U, 0U));
}

TEST_F(ProviderTest, WithBothAwayTheyTakeTurnsAndTheWaitsGrow) {
  do_.first = do_.second = Result::kRetryLater;
  Fire("A");
  const NotificationId id = world_.started()[0].id;
  world_.Pass(absl::ZeroDuration());
  EXPECT_THAT(Tried(), ElementsAre(0U, 1U));
  for (const std::uint32_t next : {0U, 1U, 0U}) {
    const Notification& row = world_.state().notifications.at(id);
    ASSERT_EQ(row.state, State::kPending);
    EXPECT_GE(row.due - world_.now().engine, kMoment);
    world_.Pass(row.due - world_.now().engine);
    EXPECT_THAT(Tried(), ElementsAre(next));
  }
}

TEST_F(ProviderTest, ARefusalSaysNothingOfTheOtherProvidersPause) {
  world_.SetProvider([](const Notification&) { return std::nullopt; });
  Fire("A");
  world_.Answer(world_.started().back(), Result::kRetryLater, absl::Minutes(4));
  world_.Pass(absl::ZeroDuration());
  EXPECT_THAT(Tried(), ElementsAre(0U, 1U));
}

TEST_F(ProviderTest, MailHasTwoRelaysAndAWebhookHasOne) {
  do_.first = Result::kRetryLater;
  ASSERT_TRUE(world_.Do(TestPage{UserId("bob")}).status.ok());
  world_.Pass(absl::ZeroDuration());
  ASSERT_EQ(world_.started().size(), 2U);
  EXPECT_EQ(world_.started()[1].provider, 1U);
  Organisation organisation = Doubled();
  organisation.second_smtp = {};
  world_.Apply(organisation);
  world_.Forget();
  ASSERT_TRUE(world_.Do(TestPage{UserId("bob")}).status.ok());
  world_.Pass(absl::Minutes(1));
  ASSERT_GE(world_.started().size(), 2U);
  for (const Notification& row : world_.started())
    EXPECT_EQ(row.provider, 0U);
}

TEST_F(ProviderTest, WhoTakesMessagesAndDeliversNoneIsNotAskedFirst) {
  Organisation organisation = Doubled();
  organisation.twilio.receipts = organisation.second_twilio.receipts = true;
  world_.Apply(organisation);
  ASSERT_TRUE(world_.Do(TestPage{UserId("alice")}).status.ok());
  for (const Notification& row : std::vector<Notification>(world_.started())) {
    if (row.method.kind != Method::kSms) continue;
    const std::string sid = world_.state().notifications.at(row.id).provider_id;
    ASSERT_TRUE(world_.Do(ProviderReceipt{sid, true, ""}, "notify").status.ok());
  }
  world_.Pass(kMoment);
  Tried();
  Fire("A");
  Fire("B");
  world_.Pass(organisation.twilio.receipt_timeout);
  EXPECT_THAT(Tried(), ElementsAre(0U, 0U));
  Fire("C");
  EXPECT_THAT(Tried(), ElementsAre(1U));
  for (const ChannelHealth& health : HealthOfChannels(world_.state())) {
    if (health.kind != Method::kSms) continue;
    EXPECT_TRUE(health.score.fails());
    EXPECT_EQ(health.second.taken, 1U);
    EXPECT_FALSE(health.is_failing()) << "the second has taken its place";
  }
}

}  // namespace
}  // namespace tocsin
