// Receipts: what providers say of messages that they have taken, and what becomes of a page of which they say nothing.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel_health.h"
#include "engine/responder_bundles.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Entry = TimelineEntry::Kind;
using Method = ContactMethod::Kind;
using Result = AttemptResult::Kind;
using State = Notification::State;

constexpr absl::Duration kWait = absl::Seconds(30);      // group_wait
constexpr absl::Duration kPatience = absl::Seconds(45);  // for a receipt
constexpr absl::Duration kMoment = absl::Seconds(1);

Organisation Reporting(bool receipts = true) {
  Organisation organisation = SampleOrganisation();
  organisation.twilio = {.account_sid = "AC1", .auth_token = "token", .from = "+15005550006"};
  organisation.twilio.receipts = receipts;
  return organisation;
}

Notification Row(const World& world, NotificationId id) {
  return world.state().notifications.at(id);
}

// alice's SMS are reported to have arrived: since then it is known that receipts come.
void Prove(World& world) {
  ASSERT_TRUE(world.Do(TestPage{UserId("alice")}).status.ok());
  world.Pass(kMoment);
  for (const Notification& sent : std::vector<Notification>(world.started())) {
    if (sent.method.kind != Method::kSms) continue;
    const ProviderReceipt receipt{Row(world, sent.id).provider_id, true, "delivered"};
    ASSERT_TRUE(world.Do(receipt, "notify").status.ok());
  }
  world.Forget();
}

// A world in which it is known, and an SMS about something has just been taken.
class ReceiptTest : public testing::Test {
 protected:
  ReceiptTest() : world_(Reporting()) {
    Prove(world_);
    world_.Observe({});
    world_.Pass(kWait);
  }
  NotificationId Sms() const { return world_.started().at(0).id; }
  absl::Status Say(bool delivered) {
    const ProviderReceipt receipt{Row(world_, Sms()).provider_id, delivered, delivered ? "delivered" : "landline"};
    return world_.Do(receipt, "notify").status;
  }

  World world_;
};

TEST_F(ReceiptTest, WithoutOneInTimeTheNextMethodIsUsedOnceAndTheTimelineSaysWhy) {
  world_.Pass(kPatience - kMoment);
  ASSERT_THAT(world_.Sent(), ElementsAre("sms alice"));
  world_.Pass(kMoment);
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
  EXPECT_THAT(world_.Told(Entry::kReceipt, "has not said since"), HasSubstr("sms to alice: its provider took it at"));
  EXPECT_THAT(world_.Told(Entry::kReceipt, "has not said since"),
              HasSubstr("the person's next contact method is used"));
  EXPECT_EQ(Row(world_, Sms()).state, State::kAccepted) << "it may arrive still";
  EXPECT_TRUE(Row(world_, Sms()).unconfirmed);
  world_.Pass(absl::Minutes(9));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"))
      << "the rule of five minutes was used, not doubled";
  EXPECT_THAT(world_.Audit(), IsEmpty());
}

TEST_F(ReceiptTest, InTimeItEndsTheWait) {
  world_.Pass(kPatience - kMoment);
  ASSERT_TRUE(Say(true).ok());
  EXPECT_EQ(Row(world_, Sms()).state, State::kDelivered);
  EXPECT_EQ(Row(world_, Sms()).delivered_at, world_.now().wall);
  world_.Pass(absl::Minutes(3));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice"));
  EXPECT_FALSE(Row(world_, Sms()).unconfirmed);
}

TEST_F(ReceiptTest, NothingIsSentAfterAnAcknowledgement) {
  world_.Pass(absl::Seconds(10));
  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  world_.Pass(absl::Hours(1));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice"));
  EXPECT_THAT(world_.Told(Entry::kReceipt, "has not said since"), HasSubstr("acknowledged by user:alice"));
}

TEST_F(ReceiptTest, LateOnesAreWrittenDownAndChangeNothing) {
  world_.Pass(kPatience);
  ASSERT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
  ASSERT_TRUE(Say(true).ok());
  EXPECT_EQ(Row(world_, Sms()).state, State::kDelivered);
  world_.Pass(absl::Minutes(3));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
}

TEST_F(ReceiptTest, OneMessageIsFollowedByOneMethodWhateverIsSaidOfItLater) {
  world_.Pass(kPatience);
  ASSERT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
  ASSERT_TRUE(Say(false).ok());
  EXPECT_EQ(Row(world_, Sms()).state, State::kFailed);
  world_.Pass(absl::Minutes(3));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice")) << "alice has e-mail, too";
}

TEST_F(ReceiptTest, TheWaitOutlivesARestart) {
  world_.Pass(absl::Seconds(20));
  world_.Crash(true, absl::Seconds(5));
  world_.Pass(kPatience - absl::Seconds(26));
  EXPECT_THAT(world_.Sent(), Not(Contains("voice alice")));
  world_.Pass(kMoment);
  EXPECT_THAT(world_.Sent(), Contains("voice alice"));
  world_.Crash();
  world_.Pass(absl::Minutes(3));
  EXPECT_EQ(world_.Count(Entry::kReceipt), 2) << "one of the test, one that is missing";
}

TEST_F(ReceiptTest, WhatIsOverdueAfterADowntimeIsUsedAtOnce) {
  world_.Sleep(absl::Minutes(3));
  EXPECT_THAT(world_.Sent(), ElementsAre("sms alice", "voice alice"));
}

TEST_F(ReceiptTest, AnEarlierEpisodesSilenceAsksForNobodyNow) {
  Organisation organisation = Reporting();
  organisation.route.reopen_window = absl::Minutes(10);
  organisation.route.group_wait = absl::ZeroDuration();
  World world(organisation);
  Prove(world);
  world.Observe({});
  world.Pass(absl::Seconds(10));
  const NotificationId first = world.started().at(0).id;
  world.Observe({.firing = 0});
  world.Pass(absl::Seconds(10));
  world.Observe({});
  world.Pass(kMoment);
  const NotificationId second = world.started().back().id;
  ASSERT_NE(first, second);
  ASSERT_TRUE(world.Do(ProviderReceipt{Row(world, second).provider_id, true, ""}, "notify").status.ok());
  world.Pass(absl::Minutes(2));
  EXPECT_TRUE(Row(world, first).unconfirmed);
  EXPECT_THAT(world.Sent(), Not(Contains("voice alice")));
}

TEST(ReceiptsExpectedTest, NoneIsBeforeAProviderHasGivenOne) {
  World world(Reporting());
  world.Observe({});
  world.Pass(kWait + absl::Minutes(3));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(ReceiptsExpectedTest, NoneIsOfAProviderThatIsNotAskedNorByAnotherKindOfMethod) {
  World silent(Reporting(false));
  Prove(silent);
  silent.Observe({});
  silent.Pass(kWait + absl::Minutes(3));
  EXPECT_THAT(silent.Sent(), ElementsAre("sms alice"));
  // Nothing was ever reported of calls.
  World world(Reporting());
  Prove(world);
  world.Observe({});
  world.Pass(kWait + kPatience);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Pass(absl::Minutes(4));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
}

TEST(ReceiptsExpectedTest, AReceiptOfLongAgoProvesNothing) {
  World world(Reporting());
  Prove(world);
  world.Pass(absl::Hours(24 * 31));
  world.Observe({});
  world.Pass(kWait + absl::Minutes(3));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

// A message by its number and key, before the provider has answered.
class EarlyReceiptTest : public testing::Test {
 protected:
  EarlyReceiptTest() : world_(Reporting()) {
    world_.SetProvider([](const Notification&) { return std::nullopt; });
    world_.Observe({});
    world_.Pass(kWait);
  }
  Notification Last() const { return world_.started().back(); }
  absl::Status Say(const std::string& sid, bool delivered, const std::string& key) {
    return world_.Do(ProviderReceipt{sid, delivered, "", Last().id, key}, "notify").status;
  }

  World world_;
};

TEST_F(EarlyReceiptTest, CountsBeforeTheAnswer) {
  const Notification attempt = Last();
  EXPECT_EQ(Say("SM7", true, "another message's key").code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Say("SM7", true, attempt.idempotency_key).ok());
  EXPECT_EQ(Row(world_, attempt.id).state, State::kDelivered);
  EXPECT_EQ(Row(world_, attempt.id).provider_id, "SM7");
  world_.Answer(attempt, Result::kAccepted);
  EXPECT_EQ(Row(world_, attempt.id).state, State::kDelivered);
  EXPECT_EQ(Row(world_, attempt.id).provider_id, "SM7");
}

TEST_F(EarlyReceiptTest, MakesTheRepeatOfALostAnswerUnnecessary) {
  const Notification attempt = Last();
  world_.Answer(attempt, Result::kAmbiguous);
  ASSERT_TRUE(Say("SM7", true, attempt.idempotency_key).ok());
  world_.Pass(absl::Minutes(1));
  EXPECT_EQ(world_.started().size(), 1U);
  EXPECT_EQ(Row(world_, attempt.id).state, State::kDelivered);
}

TEST_F(EarlyReceiptTest, ThatTheRepeatIsNotNeededClosesItsGate) {
  const Notification attempt = Last();
  world_.Answer(attempt, Result::kAmbiguous);
  world_.Pass(kMoment);
  ASSERT_EQ(world_.started().size(), 2U);
  ASSERT_TRUE(Say("SM7", true, attempt.idempotency_key).ok());
  EXPECT_TRUE(world_.closed().contains(attempt.id));
}

TEST_F(EarlyReceiptTest, OfAnAttemptThatFailedSaysNothingOfTheOneThatWasTaken) {
  const Notification attempt = Last();
  world_.Answer(attempt, Result::kAmbiguous);
  world_.Pass(kMoment);
  world_.Answer(Last(), Result::kAccepted);
  ASSERT_TRUE(Say("SM-of-the-first", false, attempt.idempotency_key).ok());
  EXPECT_EQ(Row(world_, attempt.id).state, State::kAccepted);
  ASSERT_TRUE(Say("SM-of-the-first", true, attempt.idempotency_key).ok());
  EXPECT_EQ(Row(world_, attempt.id).state, State::kDelivered) << "the person has it, whichever it was";
}

TEST(BundleReceiptTest, WhatItToldGoesOnByEachPagesNextMethodUnlessSomebodyHasIt) {
  Organisation organisation = Reporting();
  organisation.route.group_wait = absl::ZeroDuration();
  organisation.limits.bundle_window = absl::Minutes(1);
  World world(organisation);
  Prove(world);
  for (const std::string_view name : {"A", "B", "C"})
    world.Observe({.name = name, .severity = Severity::kHigh});
  const NotificationId first = world.started().at(0).id;
  ASSERT_TRUE(world.Do(ProviderReceipt{Row(world, first).provider_id, true, ""}, "notify").status.ok());
  world.Pass(absl::Minutes(1));
  ASSERT_TRUE(IsBundle(world.started().back()));
  const Notification bundle = world.started().back();
  ASSERT_TRUE(world.Acknowledge(world.Current("C")->id).ok());
  world.Pass(kPatience);
  std::vector<std::string> called;
  for (const auto& [id, row] : world.state().notifications)
    if (row.method.kind == Method::kVoice && !IsBundle(row) && row.purpose == Notification::Purpose::kPage)
      called.push_back(absl::StrCat("G", row.subject.id));
  EXPECT_THAT(called, ElementsAre(absl::StrCat("G", world.Current("B")->id.value())));
  EXPECT_TRUE(Row(world, bundle.id).unconfirmed);
}

// ---- how channels do, by receipts ----

ChannelHealth SmsOf(const World& world) {
  for (const ChannelHealth& health : HealthOfChannels(world.state()))
    if (health.kind == Method::kSms) return health;
  return {};
}

TEST(ChannelScoreTest, AProviderThatTakesMessagesAndDeliversNoneFailsUntilOneArrives) {
  World world(Reporting());
  Prove(world);
  const absl::Time delivered = SmsOf(world).score.delivered_at;
  world.Pass(absl::Minutes(10));
  world.Observe({.name = "First"});
  world.Pass(kWait);
  const absl::Time since = world.now().wall;
  world.Pass(kPatience);
  EXPECT_FALSE(SmsOf(world).is_failing()) << "one may be a telephone that is off";
  EXPECT_EQ(SmsOf(world).score.awaited, 2U);
  EXPECT_EQ(SmsOf(world).score.delivered, 1U);
  world.Observe({.name = "Second"});
  world.Pass(kWait + kPatience);
  const ChannelHealth health = SmsOf(world);
  EXPECT_TRUE(health.is_failing());
  EXPECT_TRUE(health.score.delivers_nothing());
  EXPECT_EQ(health.score.lost, 2U);
  EXPECT_EQ(health.failing_since, since);
  EXPECT_EQ(health.score.delivered_at, delivered);
  EXPECT_EQ(health.score.taken, health.score.tried);
  EXPECT_THAT(health.error, HasSubstr("takes messages and delivers none: 2 since the last that arrived, at "));
  world.Crash();
  EXPECT_TRUE(SmsOf(world).is_failing()) << "rows tell it, and those are kept";
  // Late, but it has arrived.
  const Notification last = [&] {
    Notification found;
    for (const auto& [id, row] : world.state().notifications)
      if (row.method.kind == Method::kSms) found = row;
    return found;
  }();
  ASSERT_TRUE(world.Do(ProviderReceipt{last.provider_id, true, ""}, "notify").status.ok());
  EXPECT_FALSE(SmsOf(world).is_failing());
  EXPECT_EQ(SmsOf(world).score.receipt_p95, kPatience);
}

TEST(ChannelScoreTest, OneTelephoneThatCannotBeReachedIsNoProvidersFailure) {
  World world(Reporting());
  Prove(world);
  for (const std::string_view name : {"First", "Second", "Third"}) {
    world.Observe({.name = name});
    world.Pass(kWait);
    const NotificationId id = [&] {
      NotificationId found;
      for (const auto& [each, row] : world.state().notifications)
        if (row.method.kind == Method::kSms) found = each;
      return found;
    }();
    ASSERT_TRUE(world.Do(ProviderReceipt{Row(world, id).provider_id, false, "off"}, "notify").status.ok());
  }
  EXPECT_FALSE(SmsOf(world).score.delivers_nothing());
  EXPECT_EQ(SmsOf(world).score.awaited, 4U);
  EXPECT_EQ(SmsOf(world).score.delivered, 1U);
}

TEST(ChannelScoreTest, WhatIsRefusedLowersTheShareThatIsTaken) {
  World world(Reporting());
  world.SetProvider(
      [](const Notification& row) { return row.method.kind == Method::kSms ? Result::kRejected : Result::kAccepted; });
  world.Observe({});
  world.Pass(kWait);
  EXPECT_EQ(SmsOf(world).score.tried, 1U);
  EXPECT_EQ(SmsOf(world).score.taken, 0U);
}

// However many rows there are, only the newest are looked at.
TEST(ChannelScoreTest, LooksAtSoManyMessagesAndNoMore) {
  World world(Reporting());
  Prove(world);
  std::uint32_t tried = 0;
  for (const ProviderScores& scores : ScoreChannels(world.state(), 1))
    tried += scores[0].tried + scores[1].tried;
  EXPECT_EQ(tried, 1U);
}

}  // namespace
}  // namespace tocsin
