// The outbox: every answer of a provider against every state of a notification.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/responder_outbox.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TimelineEntry::Kind;
using Result = AttemptResult::Kind;
using State = Notification::State;

constexpr absl::Duration kWait = absl::Seconds(30);

// One group, one person, one method; providers answer only when told.
class OutboxTest : public testing::Test {
 protected:
  static Organisation OnlyBob() {
    Organisation organisation = SampleOrganisation();
    organisation.policies[0].steps = {StepOf(absl::Hours(100), {To("bob")})};
    return organisation;
  }
  OutboxTest() : world_(OnlyBob()) {
    world_.SetProvider([](const Notification&) { return std::nullopt; });
    world_.Observe({});
    world_.Pass(kWait);
  }
  const Notification& Row() const { return world_.state().notifications.at(world_.started().at(0).id); }
  const Notification& Last() const { return world_.started().back(); }

  World world_;
};

TEST_F(OutboxTest, AttemptIsLeasedBeforeItStarts) {
  ASSERT_EQ(world_.started().size(), 1U);
  EXPECT_EQ(Last().state, State::kLeased);
  EXPECT_EQ(Last().attempt, 1);
  EXPECT_EQ(Last().lease_until, world_.now().engine + absl::Seconds(45));
  EXPECT_EQ(Last().idempotency_key.size(), 32U);
  EXPECT_THAT(Last().acknowledge_url, HasSubstr("https://tocsin.example.com/ack/"));
}

TEST_F(OutboxTest, AcceptedIsRememberedWithTheProvidersId) {
  world_.Answer(Last(), Result::kAccepted);
  EXPECT_EQ(Row().state, State::kAccepted);
  EXPECT_EQ(Row().provider_id, "SM" + std::to_string(Row().id.value()));
  EXPECT_EQ(Row().accepted_at, world_.now().wall);
  world_.Pass(absl::Hours(1));
  EXPECT_EQ(world_.started().size(), 1U);
}

TEST_F(OutboxTest, RetryWaitsLongerAndLongerUnderTheSameKeyAndThenGivesUp) {
  std::vector<absl::Duration> waits;
  while (Row().state != State::kDead) {
    const Notification attempt = Last();
    const EngineTime before = world_.now().engine;
    world_.Answer(attempt, Result::kRetryLater);
    if (Row().state == State::kDead) break;
    ASSERT_EQ(Row().state, State::kPending);
    waits.push_back(Row().due - before);
    const std::size_t sent = world_.started().size();
    world_.Pass(Row().due - before - absl::Milliseconds(1));
    ASSERT_EQ(world_.started().size(), sent) << "too early";
    world_.Pass(absl::Milliseconds(1));
    ASSERT_EQ(world_.started().size(), sent + 1);
    EXPECT_EQ(Last().idempotency_key, attempt.idempotency_key);
    EXPECT_EQ(Last().attempt, attempt.attempt + 1);
    EXPECT_FALSE(Last().repeat) << "it was certainly not delivered";
  }
  EXPECT_EQ(waits.size(), 5U);
  for (const absl::Duration wait : waits) {
    EXPECT_GE(wait, absl::Seconds(1));
    EXPECT_LE(wait, absl::Seconds(60));
  }
  EXPECT_THAT(Row().end_reason, HasSubstr("given up after 6 attempts: status 500"));
}

TEST(OutboxPatienceTest, GoesOnTryingBesideThePersonsNextMethodWhileTheProviderIsAway) {
  Responder::Options options = World::Options();
  options.last_attempt = 60;
  World world(SampleOrganisation(), options);
  world.SetProvider([](const Notification&) { return std::nullopt; });
  world.Observe({});
  world.Pass(kWait);
  ASSERT_EQ(world.started().size(), 1U);
  const NotificationId first = world.started().front().id;
  for (std::int32_t attempt = 1; attempt <= 20; ++attempt) {
    const Notification& row = world.state().notifications.at(first);
    ASSERT_EQ(row.state, State::kLeased) << attempt;
    world.Answer(Notification(row), Result::kRetryLater);
    ASSERT_EQ(world.state().notifications.at(first).state, State::kPending) << attempt;
    world.Pass(world.state().notifications.at(first).due - world.now().engine);
  }
  EXPECT_GT(world.state().notifications.size(), 1U) << "the next method was not tried";
}

TEST_F(OutboxTest, RetryAfterIsHonouredUpToFiveMinutes) {
  world_.Answer(Last(), Result::kRetryLater, absl::Minutes(3));
  EXPECT_EQ(Row().due - world_.now().engine, absl::Minutes(3));
  world_.Pass(absl::Minutes(3));
  world_.Answer(Last(), Result::kRetryLater, absl::Hours(30));
  EXPECT_EQ(Row().due - world_.now().engine, absl::Minutes(5));
}

TEST_F(OutboxTest, E19AmbiguousIsSentAgainAlmostAtOnceWithTheSameKeyAndSaysSo) {
  const Notification first = Last();
  world_.Answer(first, Result::kAmbiguous);
  world_.Pass(absl::Seconds(1));
  ASSERT_EQ(world_.started().size(), 2U);
  EXPECT_TRUE(Last().repeat);
  EXPECT_EQ(Last().idempotency_key, first.idempotency_key);
  EXPECT_EQ(world_.Count(Kind::kNotificationAmbiguous), 1);
}

TEST_F(OutboxTest, AttemptThatDidNotStartIsMadeAgainAndDoesNotCount) {
  for (int i = 0; i < 20; ++i) {
    world_.Answer(Last(), Result::kNotStarted);
    EXPECT_EQ(Row().state, State::kPending);
    world_.Pass(absl::Seconds(1));
    EXPECT_EQ(Last().attempt, 1);
    EXPECT_FALSE(Last().repeat);
  }
}

TEST_F(OutboxTest, LeaseThatRunsOutIsAmbiguousAndTheOldAttemptCannotBeginAnyMore) {
  const NotificationId id = Last().id;
  world_.Pass(absl::Seconds(45));
  EXPECT_TRUE(world_.closed().contains(id));
  world_.Pass(absl::Seconds(1));
  ASSERT_EQ(world_.started().size(), 2U);
  EXPECT_TRUE(Last().repeat);
  EXPECT_EQ(Last().attempt, 2);
}

TEST_F(OutboxTest, LateAcceptanceOfAnOlderAttemptMakesTheRepeatUnnecessary) {
  const Notification first = Last();
  world_.Answer(first, Result::kAmbiguous);
  world_.Answer(first, Result::kAccepted);
  EXPECT_EQ(Row().state, State::kAccepted);
  world_.Pass(absl::Hours(1));
  EXPECT_EQ(world_.started().size(), 1U);
}

TEST_F(OutboxTest, LateAcceptanceWhileTheRepeatIsUnderWayClosesItsGate) {
  const Notification first = Last();
  world_.Answer(first, Result::kAmbiguous);
  world_.Pass(absl::Seconds(1));
  world_.Answer(first, Result::kAccepted);
  EXPECT_EQ(Row().state, State::kAccepted);
  EXPECT_TRUE(world_.closed().contains(first.id));
  world_.Answer(Last(), Result::kRejected);  // the repeat's answer changes nothing
  EXPECT_EQ(Row().state, State::kAccepted);
}

TEST_F(OutboxTest, LateWordOfAnOlderAttemptNeverMovesARowBack) {
  const Notification first = Last();
  for (const Result late : {Result::kRetryLater, Result::kRejected, Result::kAmbiguous, Result::kNotStarted}) {
    World world(OnlyBob());
    world.SetProvider([](const Notification&) { return std::nullopt; });
    world.Observe({});
    world.Pass(kWait);
    const Notification attempt = world.started().back();
    world.Answer(attempt, Result::kAmbiguous);
    world.Pass(absl::Seconds(1));
    const Notification before = world.state().notifications.at(attempt.id);
    world.Answer(attempt, late);
    EXPECT_EQ(world.state().notifications.at(attempt.id), before);
    world.Answer(world.started().back(), Result::kAccepted);
    world.Answer(attempt, late);
    EXPECT_EQ(world.state().notifications.at(attempt.id).state, State::kAccepted);
  }
}

TEST_F(OutboxTest, ReceiptsComeOnceOrTwiceAndForUnknownMessages) {
  world_.Answer(Last(), Result::kAccepted);
  const std::string id = Row().provider_id;
  EXPECT_TRUE(world_.Do(ProviderReceipt{id, true, "handset"}, "notify").status.ok());
  EXPECT_EQ(Row().state, State::kDelivered);
  EXPECT_TRUE(world_.Do(ProviderReceipt{id, true, "handset"}, "notify").status.ok());
  EXPECT_TRUE(world_.Do(ProviderReceipt{id, false, "late"}, "notify").status.ok());
  EXPECT_EQ(Row().state, State::kDelivered) << "never back";
  EXPECT_EQ(world_.Count(Kind::kReceipt), 1);
  EXPECT_EQ(world_.Do(ProviderReceipt{"SM999", true, ""}, "notify").status.code(), absl::StatusCode::kNotFound);
}

TEST(OutboxStoryTest, ReceiptThatItWasNotDeliveredUsesTheNextMethodAtOnce) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice"));
  const std::string id = world.state().notifications.at(world.started()[0].id).provider_id;
  ASSERT_TRUE(world.Do(ProviderReceipt{id, false, "landline"}, "notify").status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
}

TEST(OutboxStoryTest, RejectedMethodIsFollowedByTheNextAtOnce) {
  World world;
  world.SetProvider([](const Notification& row) {
    return row.method.kind == ContactMethod::Kind::kSms ? Result::kRejected : Result::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Pass(absl::Minutes(9));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice")) << "the rule was used, not doubled";
}

TEST(OutboxStoryTest, MethodThatIsGivenUpIsFollowedByTheNext) {
  World world;
  world.SetProvider([](const Notification& row) {
    return row.method.kind == ContactMethod::Kind::kSms ? Result::kRetryLater : Result::kAccepted;
  });
  Organisation patient = SampleOrganisation();
  patient.policies[0].steps[0].delay = absl::Hours(10);
  patient.users[0].notification_rules[1].delay = absl::Hours(9);
  world.Apply(patient);
  world.Observe({});
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), testing::Contains("voice alice"));
  EXPECT_EQ(std::ranges::count(world.Sent(), "sms alice"), 6);
}

TEST(OutboxStoryTest, ResolvedNoticesGoToThoseWhoWereToldAndToNobodyElse) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps[0].targets = {OnCall("primary"), To("bob"), To("carol")};
  World world(organisation);
  world.SetProvider(
      [](const Notification& row) { return row.user == UserId("bob") ? Result::kRejected : Result::kAccepted; });
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "email bob", "email carol"));
  world.Forget();
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved", "email carol resolved"));
  EXPECT_THAT(world.started()[0].title, HasSubstr("[RESOLVED] DatabaseDown"));
  EXPECT_EQ(world.started()[0].lane, Notification::Lane::kRest);
  EXPECT_THAT(world.started()[0].acknowledge_url, IsEmpty());
}

TEST(OutboxStoryTest, NobodyIsToldThatWhatNobodyKnewIsResolved) {
  World world;
  world.Observe({});
  world.Pass(absl::Seconds(10));  // within group_wait
  world.Observe({.firing = 0});
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST(OutboxStoryTest, VoiceIsNotCalledOnlyToSayThatItIsOver) {
  World world;
  world.Observe({});
  world.Pass(kWait + absl::Minutes(5));
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice"));
  world.Forget();
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved"));
}

TEST(OutboxStoryTest, BacklogIsLookedAtAgainNotReplayed) {
  World world;
  world.SetProvider([](const Notification&) { return Result::kRetryLater; });
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice"));
  // A row that says it is pending, about a group that is settled: whatever brought it about, it is not sent.
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  Notification row = world.state().notifications.at(world.started()[0].id);
  row.state = State::kPending;
  row.due = world.now().engine;
  Timer timer;
  timer.id = TimerId(1'000'000);
  timer.kind = Timer::Kind::kNotification;
  timer.subject = row.id.value();
  timer.due = row.due;
  timer.generation = TimerGeneration(row);
  Change change;
  change.now = world.now();
  change.rows = {row, timer};
  world.Damage(change);
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_EQ(world.state().notifications.at(row.id).state, State::kCancelled);
}

TEST(OutboxStoryTest, E19AttemptsUnderWayAtACrashAreAmbiguous) {
  World world;
  world.SetProvider([](const Notification&) { return std::nullopt; });
  world.Observe({});
  world.Pass(kWait);
  const Notification first = world.started().at(0);
  world.Crash();
  world.Pass(absl::Seconds(1));
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice", "sms alice (repeat)"));
  EXPECT_EQ(world.started()[1].idempotency_key, first.idempotency_key);
  EXPECT_THAT(world.Told(Kind::kNotificationAmbiguous), HasSubstr("the server stopped"));
}

TEST(OutboxStoryTest, ThousandsOfAttemptsUnderWayAtACrashAreTakenBackInSmallDecisions) {
  World world;
  world.SetProvider([](const Notification&) { return std::nullopt; });
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i)
    names.push_back("Alert" + std::to_string(i));
  for (const std::string& name : names)
    world.Observe({.name = name, .age = absl::Hours(1)});
  ASSERT_EQ(world.started().size(), 500U);
  const std::size_t before = world.journal().size();
  world.Forget();
  world.Crash();
  world.Pass(absl::Seconds(1));
  EXPECT_EQ(world.started().size(), 500U);
  for (std::size_t i = before; i < world.journal().size(); ++i)
    EXPECT_LE(world.journal()[i].rows.size(), 400U);
}

TEST(OutboxStoryTest, ResultOfAnUnknownNotificationIsRefused) {
  World world;
  AttemptResult result;
  result.notification = NotificationId(4711);
  EXPECT_EQ(world.Do(result, "notify").status.code(), absl::StatusCode::kNotFound);
}

TEST(OutboxStoryTest, TestPageGoesTheWholeWayOnEveryMethod) {
  World world;
  const CommandResult result = world.Do(TestPage{UserId("alice")}, "user:bob");
  ASSERT_TRUE(result.status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email alice test", "sms alice test", "voice alice test"));
  EXPECT_THAT(world.started()[0].title, HasSubstr("[TEST]"));
  EXPECT_EQ(world.started()[0].lane, Notification::Lane::kNormal);
  EXPECT_EQ(world.state().pages.at(PageId(result.id)).state, Page::State::kDone);
  EXPECT_EQ(world.Do(TestPage{UserId("zoe")}).status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(world.Do(TestPage{UserId("mute")}).status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RetryDelayTest, IsBetweenOneAndSixtySecondsAndDiffersBetweenMessages) {
  std::set<absl::Duration> seen;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    for (std::int32_t attempt = 1; attempt <= 8; ++attempt) {
      const absl::Duration delay = RetryDelay(7, NotificationId(id), attempt);
      ASSERT_GE(delay, absl::Seconds(1));
      ASSERT_LE(delay, absl::Seconds(60));
      ASSERT_EQ(delay, RetryDelay(7, NotificationId(id), attempt));
      seen.insert(delay);
    }
  }
  EXPECT_GT(seen.size(), 500U);
}

}  // namespace
}  // namespace tocsin
