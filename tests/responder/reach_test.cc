// Which contact methods reach their people: what every message adds to it, what a link that comes back says, self-tests, and steps that
// page somebody besides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/link.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Kind = TimelineEntry::Kind;
using Answered = AttemptResult::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kDay = absl::Hours(24);

const ContactReach* ReachOf(const World& world, std::string_view user, std::string_view method) {
  for (const auto& [id, reach] : world.state().reaches)
    if (reach.user == UserId(user) && reach.method == ContactMethodId(method)) return &reach;
  return nullptr;
}

std::string StateIs(const World& world, std::string_view user, std::string_view method) {
  const ContactReach* reach = ReachOf(world, user, method);
  return reach == nullptr ? "unknown" : std::string(Name(StateOf(*reach)));
}

AcknowledgeLink LinkIn(const World& world, const Notification& message) {
  constexpr std::string_view kPrefix = "https://tocsin.example.com/ack/";
  const auto link = VerifyLink(std::string_view(message.acknowledge_url).substr(kPrefix.size()),
                               World::Options().link_key, world.now().wall);
  EXPECT_TRUE(link.ok()) << link.status() << message.acknowledge_url;
  return link.ok() ? *link : AcknowledgeLink();
}

// Presses the link in the last message that the person was sent by this kind of method.
absl::Status Press(World& world, std::string_view user, ContactMethod::Kind kind) {
  for (auto at = world.started().rbegin(); at != world.started().rend(); ++at) {
    if (at->user != UserId(user) || at->method.kind != kind || at->acknowledge_url.empty()) continue;
    const AcknowledgeLink link = LinkIn(world, *at);
    return world.Do(ConfirmContact{link.user, link.reach}, "link:" + std::string(user)).status;
  }
  return absl::NotFoundError("no such message");
}

Organisation WithSelfTests() {
  Organisation organisation = SampleOrganisation();
  organisation.self_tests.enabled = true;
  return organisation;
}

std::vector<std::string> Tests(World& world) {
  std::vector<std::string> tests;
  for (const Notification& row : world.started())
    if (row.purpose == Notification::Purpose::kTest) tests.push_back(row.user.value() + " " + row.method.id.value());
  world.Forget();
  return tests;
}

TEST(ReachTest, EveryPageAddsToWhatIsKnownAndALinkConfirmsWhereItWent) {
  World world;
  EXPECT_EQ(ReachOf(world, "alice", "sms"), nullptr);
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), ElementsAre("sms alice"));
  const ContactReach known = *ReachOf(world, "alice", "sms");
  EXPECT_EQ(known.tried_at, world.now().wall);
  EXPECT_EQ(known.accepted_at, world.now().wall);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "unverified");
  EXPECT_EQ(ReachOf(world, "alice", "mail"), nullptr) << "nothing was sent there";
  world.Pass(absl::Minutes(2));
  EXPECT_TRUE(Press(world, "alice", ContactMethod::Kind::kSms).ok());
  EXPECT_EQ(StateIs(world, "alice", "sms"), "verified");
  EXPECT_EQ(ReachOf(world, "alice", "sms")->confirmed_at, world.now().wall);
  world.Crash();
  EXPECT_EQ(StateIs(world, "alice", "sms"), "verified");
}

TEST(ReachTest, WhatFailsForGoodIsFailingUntilSomethingArrives) {
  World world;
  world.SetProvider([](const Notification& row) {
    return row.method.kind == ContactMethod::Kind::kSms ? Answered::kRejected : Answered::kAccepted;
  });
  world.Observe({});
  world.Pass(kWait);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "failing");
  EXPECT_THAT(ReachOf(world, "alice", "sms")->failure, HasSubstr("rejected: status 500"));
  world.Crash();
  EXPECT_EQ(StateIs(world, "alice", "sms"), "failing");
  world.SetProvider([](const Notification&) { return Answered::kAccepted; });
  world.Observe({.name = "Second"});
  world.Pass(kWait);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "unverified") << "taken again, confirmed by nobody";
}

TEST(ReachTest, ThatAProviderTakesMoreIsNoNewsWhereTheReceiptSaidThatItDidNotArrive) {
  World world;
  const auto receipt = [&](bool delivered) {
    const std::string id = "SM" + std::to_string(world.started().back().id.value());
    EXPECT_TRUE(world.Do(ProviderReceipt{id, delivered, "landline"}, "notify").status.ok());
  };
  world.Observe({});
  world.Pass(kWait);
  receipt(false);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "failing");
  EXPECT_THAT(ReachOf(world, "alice", "sms")->failure, HasSubstr("landline"));
  world.Observe({.name = "Second"});
  world.Pass(kWait);
  ASSERT_EQ(world.started().back().method.kind, ContactMethod::Kind::kSms);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "failing");
  receipt(true);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "unverified");
  EXPECT_EQ(ReachOf(world, "alice", "sms")->delivered_at, world.now().wall);
}

TEST(ReachTest, AStormWritesItDownOnceAMinute) {
  World world;
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i)
    names.push_back("Alert" + std::to_string(i));
  for (const std::string& name : names)
    world.Observe({.name = name});
  world.Pass(kWait);
  ASSERT_THAT(world.Sent(), SizeIs(50));
  std::size_t images = 0;
  for (const Change& change : world.journal())
    for (const Row& row : change.rows)
      images += std::holds_alternative<ContactReach>(row) ? 1U : 0U;
  EXPECT_LE(images, 2U) << "tried, and accepted";
}

TEST(ReachTest, GoesWithItsContactMethodAndAnotherAddressIsAnotherOne) {
  Organisation organisation = SampleOrganisation();
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(Press(world, "alice", ContactMethod::Kind::kSms).ok());
  const ContactReachId before = ReachOf(world, "alice", "sms")->id;
  organisation.users[0].contact_methods[1].address = "+491700000000";
  world.Apply(organisation);
  EXPECT_EQ(ReachOf(world, "alice", "sms"), nullptr);
  EXPECT_EQ(Press(world, "alice", ContactMethod::Kind::kSms).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(world.Do(ConfirmContact{UserId("bob"), before}).status.code(), absl::StatusCode::kNotFound);
  world.Crash();
  EXPECT_THAT(world.state().reaches, IsEmpty());
  world.Answer(world.started().front(), Answered::kAccepted);  // late, of an address that is gone
  EXPECT_THAT(world.state().reaches, IsEmpty());
}

TEST(ReachTest, NobodyConfirmsForSomebodyElse) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  const ContactReachId id = ReachOf(world, "alice", "sms")->id;
  EXPECT_EQ(world.Do(ConfirmContact{UserId("bob"), id}, "link:bob").status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(StateIs(world, "alice", "sms"), "unverified");
}

TEST(ReachTest, ATestPageThatSomebodyAsksForConfirmsToo) {
  World world;
  ASSERT_TRUE(world.Do(TestPage{UserId("bob")}).status.ok());
  EXPECT_THAT(world.started().back().body, HasSubstr("The link says that it has reached you"));
  EXPECT_EQ(LinkIn(world, world.started().back()).subject.kind, SubjectKind::kUser);
  EXPECT_TRUE(Press(world, "bob", ContactMethod::Kind::kEmail).ok());
  EXPECT_EQ(StateIs(world, "bob", "mail"), "verified");
}

TEST(SelfTestTest, NobodyIsAskedUnlessTheOrganisationSaysSo) {
  World world;
  world.Pass(40 * kDay);
  EXPECT_THAT(world.started(), IsEmpty());
  for (const auto& [id, timer] : world.state().timers)
    EXPECT_TRUE(timer.kind != Timer::Kind::kSelfTests && timer.kind != Timer::Kind::kReachReport);
}

TEST(SelfTestTest, NewMethodsAreTestedOneOfAPersonAnHourAndNeverByACall) {
  World world(WithSelfTests());
  world.FireDue();
  ASSERT_THAT(world.started(), SizeIs(4));
  const Notification& first = world.started().front();
  EXPECT_EQ(first.lane, Notification::Lane::kRest);
  EXPECT_THAT(first.title, HasSubstr("[SELF-TEST] does mail reach alice?"));
  EXPECT_THAT(first.body, AllOf(HasSubstr("Nothing is wrong"), HasSubstr("it was never tested")));
  EXPECT_EQ(LinkIn(world, first).subject.kind, SubjectKind::kUser);
  EXPECT_TRUE(Press(world, "alice", ContactMethod::Kind::kEmail).ok());
  EXPECT_EQ(StateIs(world, "alice", "mail"), "verified");
  EXPECT_EQ(StateIs(world, "bob", "mail"), "unverified");
  EXPECT_THAT(Tests(world), UnorderedElementsAre("alice mail", "bob mail", "carol mail", "dave mail"));
  world.Pass(kHour - absl::Seconds(1));
  EXPECT_THAT(Tests(world), IsEmpty());
  world.Crash();
  world.Pass(absl::Minutes(16));
  EXPECT_THAT(Tests(world), ElementsAre("alice sms"));
  world.Pass(3 * kHour);
  EXPECT_THAT(Tests(world), IsEmpty()) << "a call carries no link";
}

TEST(SelfTestTest, NobodyIsWokenByOne) {
  Organisation organisation = WithSelfTests();
  organisation.users[1].time_zone = "America/Los_Angeles";  // 04:00 at noon
  organisation.users[2].time_zone = "Pacific/Auckland";     // 01:00
  organisation.users[3].quiet_hours = {10 * 60, 14 * 60};   // works at night
  World world(organisation);
  world.FireDue();
  EXPECT_THAT(Tests(world), ElementsAre("alice mail"));
  world.Pass(2 * kHour + absl::Minutes(15));
  EXPECT_THAT(Tests(world), UnorderedElementsAre("alice sms", "dave mail"));
  world.Pass(kDay);
  for (const auto& [id, reach] : world.state().reaches) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(organisation.Find(reach.user)->time_zone, &zone));
    const int hour = absl::ToCivilHour(reach.asked_at, zone).hour();
    EXPECT_TRUE(hour >= 9 && hour < 18) << reach.user.value() << " at " << hour;
  }
  EXPECT_NE(ReachOf(world, "bob", "mail"), nullptr);
  EXPECT_NE(ReachOf(world, "carol", "mail"), nullptr);
}

TEST(SelfTestTest, AnOrganisationThatIsImportedIsNotFloodedWithThem) {
  Organisation organisation = WithSelfTests();
  for (int i = 0; i < 1000; ++i)
    organisation.users.push_back(SampleUser("user-" + std::to_string(i)));
  World world(organisation);
  for (int minute = 0; minute < 30; ++minute) {
    world.FireDue();
    EXPECT_LE(Tests(world).size(), 5U) << minute;
    world.Pass(absl::Minutes(1) - absl::Seconds(1));
    Tests(world);
    world.Pass(absl::Seconds(1));
  }
  world.Pass(5 * kHour - absl::Minutes(30));
  EXPECT_GE(world.state().reaches.size(), 900U) << "and yet it gets through them on the first day";
  world.Pass(kDay);
  EXPECT_EQ(world.state().reaches.size(), 1005U);
}

TEST(SelfTestTest, WhatWasNotConfirmedInADayIsUnverifiedAndThePersonAndItsOwnersAreTold) {
  World world(WithSelfTests());
  world.FireDue();
  ASSERT_TRUE(Press(world, "alice", ContactMethod::Kind::kEmail).ok());
  world.Pass(kHour);  // by sms
  world.Forget();
  world.Pass(kDay - kHour - absl::Minutes(1));
  EXPECT_THAT(world.Notices(), IsEmpty());
  world.Pass(kHour + absl::Minutes(17));
  EXPECT_TRUE(ReachOf(world, "alice", "sms")->unconfirmed);
  EXPECT_THAT(world.Notices(), ElementsAre("alice: Pages by sms may not reach you")) << "others have no other method";
  EXPECT_EQ(world.started().back().method.id, ContactMethodId("mail"));
  EXPECT_THAT(world.Told(Kind::kNote, "alice has not confirmed"), HasSubstr("by sms"));
  world.Forget();
  world.Crash();
  world.Pass(kDay);
  EXPECT_THAT(world.Notices(), ElementsAre("dave: 4 contact methods may not reach their people"));
  EXPECT_THAT(world.started().back().body, AllOf(HasSubstr("- alice, sms: the self-test of"), HasSubstr("- bob, mail"),
                                                 Not(HasSubstr("alice, mail"))));
  world.Forget();
  world.Pass(5 * kDay);
  EXPECT_THAT(world.Notices(), IsEmpty()) << "once";
  EXPECT_EQ(StateIs(world, "alice", "sms"), "unverified");
}

TEST(SelfTestTest, AreRepeatedAfterTheIntervalAndSoonerForWhoIsOnCall) {
  World world(WithSelfTests());
  world.FireDue();
  ASSERT_TRUE(Press(world, "alice", ContactMethod::Kind::kEmail).ok());
  ASSERT_TRUE(Press(world, "bob", ContactMethod::Kind::kEmail).ok());
  world.Pass(7 * kDay - 3 * kHour);
  Tests(world);
  world.Pass(6 * kHour);
  EXPECT_THAT(Tests(world), UnorderedElementsAre("alice mail", "alice sms")) << "alice is on call";
  world.Pass(22 * kDay - 6 * kHour);
  for (const std::string& test : Tests(world))
    EXPECT_THAT(test, testing::StartsWith("alice")) << "the others are not on call";
  world.Pass(2 * kDay);
  EXPECT_THAT(Tests(world), testing::IsSupersetOf({"bob mail", "carol mail", "dave mail"}));
}

TEST(SelfTestTest, CanBeTurnedOffAndOn) {
  Organisation organisation = WithSelfTests();
  organisation.self_tests.at_creation = false;
  organisation.self_tests.at_shift_start = false;
  World world(organisation);
  world.Pass(30 * kDay - kHour);
  EXPECT_THAT(Tests(world), IsEmpty()) << "not at creation";
  world.Pass(2 * kHour);
  EXPECT_THAT(Tests(world), Not(IsEmpty()));
  organisation.self_tests.enabled = false;
  world.Apply(organisation);
  EXPECT_FALSE(world.state().timer_of.contains({Timer::Kind::kReachReport, 0}));
  Tests(world);
  world.Pass(60 * kDay);
  EXPECT_THAT(Tests(world), IsEmpty());
}

// Alice's methods are in doubt: her self-tests were not confirmed.
void LoseAlice(World& world) {
  world.Pass(2 * kHour);
  for (const char* user : {"bob", "carol", "dave"})
    ASSERT_TRUE(Press(world, user, ContactMethod::Kind::kEmail).ok());
  world.Pass(kDay);
  ASSERT_TRUE(ReachOf(world, "alice", "sms")->unconfirmed);
  ASSERT_TRUE(ReachOf(world, "alice", "mail")->unconfirmed);
  world.Forget();
}

TEST(WideningTest, AStepWhosePeopleMayNotBeReachedPagesTheNextStepsBesides) {
  World world(WithSelfTests());
  LoseAlice(world);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
  EXPECT_THAT(world.Told(Kind::kStepExecuted, "pages besides"),
              AllOf(HasSubstr("pages besides bob (named directly), since alice may not be reached"),
                    HasSubstr("sms: the self-test of"), HasSubstr("was not confirmed")));
  EXPECT_THAT(world.Told(Kind::kPaged, "bob is paged"), HasSubstr("besides, since alice may not be reached"));
  world.Forget();
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), ElementsAre("voice alice")) << "bob is not paged twice in a pass";
}

TEST(WideningTest, TheNextInTheScheduleComesBeforeTheNextStep) {
  Organisation organisation = WithSelfTests();
  organisation.schedules[0] = SampleSchedule("primary", {UserId("alice"), UserId("carol")});
  World world(organisation);
  LoseAlice(world);
  ASSERT_THAT(world.responder().roster()->OnCall(ScheduleId("primary"), world.now().wall),
              ElementsAre(UserId("alice")));
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email carol"));
}

TEST(WideningTest, AnyWayToAnybodyOfTheStepIsEnough) {
  World world(WithSelfTests());
  LoseAlice(world);
  ASSERT_TRUE(world.Do(TestPage{UserId("alice")}).status.ok());
  ASSERT_TRUE(Press(world, "alice", ContactMethod::Kind::kEmail).ok());
  world.Forget();
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(WideningTest, IsNotDoneForLowUrgencyOrWhereItIsTurnedOff) {
  Organisation organisation = WithSelfTests();
  World world(organisation);
  LoseAlice(world);
  world.Observe({.name = "Quiet", .severity = Severity::kInfo});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice"));
  organisation.self_tests.widen_steps = false;
  world.Apply(organisation);
  world.Forget();
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(WideningTest, OfAStepThatPagesOneTheNextOfThemIsPagedBesides) {
  Organisation organisation = WithSelfTests();
  PolicyStep& step = organisation.policies[0].steps[0];
  step.targets = {To("alice"), To("bob"), To("carol")};
  step.strategy = PolicyStep::Strategy::kRoundRobin;
  World world(organisation);
  LoseAlice(world);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
}

}  // namespace
}  // namespace tocsin
