// What people are told about schedules without asking: handoffs, gaps that come, changes that others have made; and runs that
// wait because nobody is on call.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "engine/responder_schedules.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using When = HandoffNotices::When;

constexpr absl::Duration kHour = absl::Hours(1);
const ScheduleId kSchedule("primary");

// A day each from noon on: alice, bob, carol. Noon() is the beginning of alice's. The team db, carol, owns it.
Organisation Daily() {
  Organisation organisation = SampleOrganisation();
  organisation.schedules.resize(1);
  Schedule& schedule = organisation.schedules[0];
  schedule.team = TeamId("db");
  Layer layer;
  layer.id = LayerId("daily");
  Rotation rotation;
  rotation.type = Rotation::Type::kDaily;
  rotation.start = absl::ToCivilMinute(Noon(), absl::UTCTimeZone());
  layer.pattern = rotation;
  for (const char* user : {"alice", "bob", "carol"})
    layer.participants.push_back({{To(user)}});
  schedule.layers = {layer};
  return organisation;
}

Organisation With(HandoffNotices notices, Organisation organisation = Daily()) {
  organisation.schedules[0].handoff_notices = notices;
  return organisation;
}

Organisation With(Schedule::Gaps gaps, Organisation organisation = Daily()) {
  organisation.schedules[0].gaps = gaps;
  return organisation;
}

OverrideSchedule Changing(Override::Type type,
                          std::vector<const char*> users,
                          absl::Duration from,
                          absl::Duration until) {
  OverrideSchedule command;
  command.schedule = kSchedule;
  command.change.type = type;
  command.change.start = Noon() + from;
  command.change.end = Noon() + until;
  for (const char* user : users)
    command.change.users.push_back(To(user));
  return command;
}
OverrideSchedule Nobody(absl::Duration from, absl::Duration until) {
  return Changing(Override::Type::kAssign, {}, from, until);
}

std::vector<std::string> PassAndHear(World& world, absl::Duration duration) {
  world.Forget();
  world.Pass(duration);
  return world.Notices();
}

std::string LastBody(const World& world) {
  return world.started().back().body;
}

TEST(HandoffNoticeTest, NobodyIsToldUnlessItIsWanted) {
  World world(Daily());
  world.Pass(100 * kHour);
  EXPECT_THAT(world.Notices(), IsEmpty());
}

TEST(HandoffNoticeTest, WhoComesIsToldAheadAndThenAndWhoGoesIsToldThen) {
  World world(With(HandoffNotices{When::kBoth, kHour}));
  EXPECT_THAT(PassAndHear(world, 23 * kHour - absl::Seconds(1)), IsEmpty());
  EXPECT_THAT(PassAndHear(world, absl::Seconds(1)),
              ElementsAre("bob: You go on call on primary at 2024-01-02 12:00 +00:00"));
  EXPECT_THAT(LastBody(world), HasSubstr("in 1h"));
  EXPECT_THAT(PassAndHear(world, kHour),
              UnorderedElementsAre("bob: You are on call on primary now", "alice: Your shift on primary has ended"));
  EXPECT_THAT(PassAndHear(world, 22 * kHour), IsEmpty());
}

TEST(HandoffNoticeTest, ListsWhatIsOpenOnThePoliciesThatPageTheSchedule) {
  World world(With(HandoffNotices{When::kBegins}));
  EXPECT_THAT(PassAndHear(world, 24 * kHour), ElementsAre("bob: You are on call on primary now"));
  EXPECT_THAT(LastBody(world), HasSubstr("Nothing is open"));
  world.Observe({});
  world.Pass(kHour);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  EXPECT_THAT(PassAndHear(world, 23 * kHour), ElementsAre("carol: You are on call on primary now"));
  EXPECT_THAT(LastBody(world), HasSubstr(absl::StrCat("- G", world.Current()->id.value(), " [CRITICAL] DatabaseDown")));
  EXPECT_THAT(LastBody(world), HasSubstr("acknowledged by user:alice"));
}

TEST(HandoffNoticeTest, APersonsOwnWishGoesBeforeTheSchedules) {
  Organisation organisation = With(HandoffNotices{When::kBoth});
  organisation.users[0].handoff_notices = HandoffNotices{When::kNotAtAll};
  organisation.users[1].handoff_notices = HandoffNotices{When::kEnds};
  World world(organisation);
  EXPECT_THAT(PassAndHear(world, 24 * kHour), IsEmpty());
  EXPECT_THAT(PassAndHear(world, 24 * kHour),
              UnorderedElementsAre("bob: Your shift on primary has ended", "carol: You are on call on primary now"));
}

TEST(HandoffNoticeTest, NobodyIsToldOfAHandoffToHimself) {
  Organisation organisation = With(HandoffNotices{When::kBoth, kHour});
  organisation.schedules[0].layers[0].participants = {{{To("alice")}}, {{To("alice")}}, {{To("alice"), To("bob")}}};
  World world(organisation);
  EXPECT_THAT(PassAndHear(world, 40 * kHour), IsEmpty());
  EXPECT_THAT(PassAndHear(world, 10 * kHour), ElementsAre("bob: You go on call on primary at 2024-01-03 12:00 +00:00",
                                                          "bob: You are on call on primary now"));
}

// Bug 31, and E17: the newest state only.
TEST(HandoffNoticeTest, ARestartForgetsNothingAndRepeatsNothingAndADowntimeTellsWhatHolds) {
  World world(With(HandoffNotices{When::kBoth, kHour}));
  world.Pass(23 * kHour);
  world.Crash();
  EXPECT_THAT(PassAndHear(world, kHour).size(), 2U);
  world.Crash();
  EXPECT_THAT(PassAndHear(world, kHour), IsEmpty());
  world.Forget();
  world.Sleep(5 * 24 * kHour);  // from bob's first hour to alice's, five handoffs
  EXPECT_THAT(world.Notices(),
              ElementsAre("alice: You are on call on primary now", "carol: Your shift on primary has ended"));
}

TEST(GapNoticeTest, TheOwnerIsToldOnceADayBeforeAndTheTimelineSaysSo) {
  World world(Daily());
  ASSERT_TRUE(world.Do(Nobody(50 * kHour, 52 * kHour), "user:dave").status.ok());
  EXPECT_THAT(PassAndHear(world, 26 * kHour - absl::Seconds(1)),
              Not(testing::Contains(HasSubstr("Nobody is on call"))));
  const std::string told = "Nobody is on call on primary from 2024-01-03 14:00 +00:00 to 2024-01-03 16:00 +00:00";
  EXPECT_THAT(PassAndHear(world, absl::Seconds(1)), ElementsAre("carol: " + told));
  EXPECT_THAT(LastBody(world), HasSubstr("instead of carol"));
  EXPECT_THAT(LastBody(world), HasSubstr("tocsin schedule override primary --add USER --from 2024-01-03T14:00:00+00:00 "
                                         "--until 2024-01-03T16:00:00+00:00"));
  EXPECT_THAT(world.Told(TimelineEntry::Kind::kNote, "told of it: carol"), HasSubstr("nobody is on call from"));
  world.Crash();
  EXPECT_THAT(PassAndHear(world, 100 * kHour), IsEmpty());
}

TEST(GapNoticeTest, AGapThatIsClosedIsNotToldAndOneThatOpensSoonIsToldAtOnce) {
  World world(Daily());
  const CommandResult made = world.Do(Nobody(50 * kHour, 52 * kHour), "user:carol");
  ASSERT_TRUE(made.status.ok());
  world.Pass(20 * kHour);
  ASSERT_TRUE(world.Do(EndOverride{ScheduleChangeId(made.id)}, "user:carol").status.ok());
  EXPECT_THAT(PassAndHear(world, 20 * kHour), IsEmpty());
  world.Forget();
  ASSERT_TRUE(world.Do(Nobody(43 * kHour, 44 * kHour), "user:dave").status.ok());
  world.FireDue();
  EXPECT_THAT(world.Notices(),
              testing::Contains(HasSubstr("carol: Nobody is on call on primary from 2024-01-03 07:00")));
}

TEST(GapNoticeTest, AfterADowntimeItIsToldOnceIfItIsStillAhead) {
  World world(Daily());
  ASSERT_TRUE(world.Do(Nobody(50 * kHour, 52 * kHour), "user:carol").status.ok());
  ASSERT_TRUE(world.Do(Nobody(400 * kHour, 401 * kHour), "user:carol").status.ok());
  world.Forget();
  world.Sleep(49 * kHour);
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("carol: Nobody is on call on primary from 2024-01-03 14:00")));
  world.Forget();
  world.Sleep(360 * kHour);
  EXPECT_THAT(world.Notices(), IsEmpty()) << "it is over";
}

TEST(GapNoticeTest, GapsOfAWeekAreToldTogetherAndWithoutAnOwnerToTheFallback) {
  Organisation organisation = Daily();
  organisation.schedules[0].team = TeamId();
  Restriction days;
  days.start_minute = 9 * 60;
  days.duration_minutes = 8 * 60;
  organisation.schedules[0].layers[0].restrictions = {days};
  World world(organisation);
  EXPECT_THAT(PassAndHear(world, 6 * 24 * kHour),
              ElementsAre(HasSubstr("dave: Nobody is on call on primary from 2024-01-01 17:00")));
  EXPECT_THAT(LastBody(world), HasSubstr("- from 2024-01-07 17:00 +00:00 to 2024-01-08 09:00 +00:00"));
  EXPECT_THAT(PassAndHear(world, 7 * 24 * kHour).size(), 1U);
  organisation.schedules[0].gaps = Schedule::Gaps::kAllow;
  world.Apply(organisation);
  EXPECT_THAT(PassAndHear(world, 30 * 24 * kHour), IsEmpty());
}

TEST(GapNoticeTest, NoneIsToldWhereTheScheduleSaysSoNorOfOneThatNoPolicyGoesBy) {
  Organisation organisation = Daily();
  organisation.schedules[0].gap_notice = absl::ZeroDuration();
  organisation.schedules.push_back(SampleSchedule("unused", {}));
  World world(organisation);
  ASSERT_TRUE(world.Do(Nobody(50 * kHour, 52 * kHour), "user:carol").status.ok());
  EXPECT_THAT(PassAndHear(world, 60 * kHour), IsEmpty());
}

TEST(GapTest, AScheduleThatRefusesGapsRefusesWhateverWouldOpenOne) {
  World world(With(Schedule::Gaps::kRefuse));
  const CommandResult refused = world.Do(Changing(Override::Type::kRemove, {"bob"}, 20 * kHour, 30 * kHour));
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(refused.status),
              HasSubstr("schedule primary refuses gaps, and with this nobody is on call any more "
                        "from 2024-01-02 12:00 UTC to 2024-01-02 18:00 UTC"));
  const CommandResult covered = world.Do(Changing(Override::Type::kAdd, {"carol"}, 20 * kHour, 40 * kHour));
  ASSERT_TRUE(covered.status.ok());
  EXPECT_TRUE(world.Do(Changing(Override::Type::kRemove, {"bob"}, 20 * kHour, 30 * kHour)).status.ok());
  EXPECT_EQ(world.Do(EndOverride{ScheduleChangeId(covered.id)}).status.code(), absl::StatusCode::kFailedPrecondition)
      << "it is what keeps the gap shut";
  World outer([] {
    Organisation organisation = Daily();
    organisation.schedules.push_back(SampleSchedule("outer", {}));
    organisation.schedules[1].layers[0].participants = {{{OnCall("primary")}}};
    organisation.schedules[1].gaps = Schedule::Gaps::kRefuse;
    return organisation;
  }());
  EXPECT_THAT(Message(outer.Do(Nobody(20 * kHour, 30 * kHour)).status), HasSubstr("schedule outer refuses gaps"));
}

TEST(ChangeNoticeTest, WhoIsPutOnOrTakenOffByOthersIsToldAndNobodyOfWhatHeDidHimself) {
  World world(Daily());
  world.Forget();
  ASSERT_TRUE(world.Do(Changing(Override::Type::kAssign, {"carol"}, 20 * kHour, 30 * kHour), "user:carol").status.ok());
  EXPECT_THAT(
      world.Notices(),
      ElementsAre("alice: You are not on call on primary from 2024-01-02 08:00 +00:00 to 2024-01-02 12:00 +00:00",
                  "bob: You are not on call on primary from 2024-01-02 12:00 +00:00 to 2024-01-02 18:00 +00:00"));
  EXPECT_THAT(LastBody(world), HasSubstr("made by carol: assign carol on primary"));
  const CommandResult made =
      world.Do(Changing(Override::Type::kAdd, {"dave"}, absl::ZeroDuration(), kHour), "user:alice");
  EXPECT_EQ(world.Notices().back(),
            "dave: You are on call on primary from 2024-01-01 12:00 +00:00 to 2024-01-01 13:00 +00:00");
  EXPECT_THAT(LastBody(world), HasSubstr("Nothing is open on the policies"));
  world.Forget();
  ASSERT_TRUE(world.Do(EndOverride{ScheduleChangeId(made.id)}, "user:alice").status.ok());
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("dave: You are not on call on primary")));
}

TEST(ChangeNoticeTest, TheOneWhoIsPutOnAtOnceIsToldByOneMessage) {
  World world(With(HandoffNotices{When::kBoth}));
  world.Pass(kHour);
  world.Forget();
  ASSERT_TRUE(world.Do(Changing(Override::Type::kAssign, {"carol"}, kHour, 3 * kHour), "user:dave").status.ok());
  world.Pass(kHour);
  EXPECT_THAT(world.Notices(),
              ElementsAre(HasSubstr("alice: You are not on call"), HasSubstr("carol: You are on call")));
  EXPECT_THAT(PassAndHear(world, kHour),
              UnorderedElementsAre("alice: You are on call on primary now", "carol: Your shift on primary has ended"));
}

TEST(ChangeNoticeTest, SwapsAreToldToWhomTheyAreAskedOfAndToWhoAsked) {
  World world(Daily());
  RequestSwap ask;
  ask.schedule = kSchedule;
  ask.user = UserId("bob");
  ask.start = Noon() + 24 * kHour;
  ask.end = Noon() + 48 * kHour;
  world.Forget();
  const ScheduleChangeId id(world.Do(ask, "user:bob").id);
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("alice: Will you be on call on primary in place of bob from"),
                                           HasSubstr("carol: Will you be on call")));
  EXPECT_THAT(LastBody(world), HasSubstr(absl::StrCat("tocsin schedule swap take O", id.value())));
  world.Forget();
  ASSERT_TRUE(world.Do(OfferSwap{id, UserId("carol")}, "user:carol").status.ok());
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("bob: carol would be on call on primary in your place")));
  world.Forget();
  ASSERT_TRUE(world.Do(TakeSwap{id, UserId("carol")}, "user:bob").status.ok());
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("carol: You are on call on primary from 2024-01-02 12:00")));
  world.Forget();
  const ScheduleChangeId other(world
                                   .Do(
                                       [&] {
                                         RequestSwap again = ask;
                                         again.user = UserId("carol");
                                         again.of = {UserId("alice")};
                                         return again;
                                       }(),
                                       "user:carol")
                                   .id);
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("alice: Will you be on call")));
  ASSERT_TRUE(world.Do(OfferSwap{other, UserId("alice")}, "user:alice").status.ok());
  world.Forget();
  ASSERT_TRUE(world.Do(WithdrawSwap{other, {}}, "user:carol").status.ok());
  EXPECT_THAT(world.Notices(), ElementsAre(HasSubstr("alice: Nobody is needed any more on primary")));
}

TEST(NoticeTest, GoesByTheNextMethodWhenOneFailsAndIsNotRepeatedAfterACrash) {
  World world(Daily());
  world.SetProvider([](const Notification& row) -> std::optional<AttemptResult::Kind> {
    if (row.method.kind == ContactMethod::Kind::kEmail) return AttemptResult::Kind::kRejected;
    return std::nullopt;
  });
  world.Forget();
  ASSERT_TRUE(world.Do(Changing(Override::Type::kAssign, {"bob"}, kHour, 3 * kHour), "user:bob").status.ok());
  std::vector<ContactMethod::Kind> tried;
  for (const Notification& row : world.started())
    tried.push_back(row.method.kind);
  EXPECT_THAT(tried, ElementsAre(ContactMethod::Kind::kEmail, ContactMethod::Kind::kSms)) << "calls come last";
  EXPECT_THAT(LastBody(world), HasSubstr("You are not on call any more"));
  world.Forget();
  world.Crash();
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Notices(), IsEmpty()) << "it was perhaps sent (E19)";
  world.Pass(30 * kHour);
  EXPECT_TRUE(std::ranges::none_of(world.state().pages, [](const auto& entry) {
    return entry.second.subject.kind == SubjectKind::kUser;
  })) << "it leaves memory";
}

// A step that waits, or a pass that was in vain, does not outwait the one who comes on call.
TEST(WaitTest, WhoComesOnCallIsPagedAtOnceWhereNobodyWas) {
  for (const auto on_empty : {PolicyStep::OnEmpty::kWait, PolicyStep::OnEmpty::kSkip}) {
    Organisation organisation = SampleOrganisation();
    organisation.policies[0].steps = {StepOf(2 * kHour, {OnCall("nobody")})};
    organisation.policies[0].steps[0].on_empty = on_empty;
    World world(organisation);
    world.Observe({});
    world.Pass(absl::Minutes(1));
    EXPECT_THAT(world.Sent(), Not(testing::Contains("email bob")));
    OverrideSchedule command = Changing(Override::Type::kAssign, {"bob"}, absl::ZeroDuration(), 8 * kHour);
    command.schedule = ScheduleId("nobody");
    world.Forget();
    ASSERT_TRUE(world.Do(command, "user:bob").status.ok());
    world.FireDue();
    EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
    EXPECT_THAT(world.Told(TimelineEntry::Kind::kNote, "somebody is on call now"), Not(IsEmpty()));
    world.Forget();
    world.Observe({.firing = 3});
    world.Pass(kHour);
    EXPECT_THAT(world.Sent(), IsEmpty()) << "he has his time to answer";
  }
}

TEST(WaitTest, AnIncidentThatNobodyWasOnCallForLooksAgain) {
  Organisation organisation = SampleOrganisation();
  EscalationPolicy lone;
  lone.id = PolicyId("lone");
  lone.steps = {StepOf(2 * kHour, {OnCall("nobody")})};
  lone.steps[0].on_empty = PolicyStep::OnEmpty::kWait;
  organisation.policies.push_back(lone);
  World world(organisation);
  OpenIncident open;
  open.title = "the site is down";
  open.policy = lone.id;
  ASSERT_TRUE(world.Do(open, "user:alice").status.ok());
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
  OverrideSchedule command = Changing(Override::Type::kAssign, {"bob"}, absl::ZeroDuration(), 8 * kHour);
  command.schedule = ScheduleId("nobody");
  ASSERT_TRUE(world.Do(command, "user:bob").status.ok());
  world.FireDue();
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

// Whoever has no method that works is not tried over and over because news of the alert come.
TEST(WaitTest, WhoCannotBeReachedIsNotAskedAgainBeforeTheTime) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps = {StepOf(absl::Minutes(10), {To("mute")})};
  World world(organisation);
  world.Observe({});
  world.Pass(absl::Minutes(1));
  const int tried = world.Count(TimelineEntry::Kind::kUnreachable);
  for (std::uint32_t firing = 2; firing < 12; ++firing)
    world.Observe({.firing = firing});
  EXPECT_EQ(world.Count(TimelineEntry::Kind::kUnreachable), tried);
}

// Nor is anybody whose step is not for these hours.
TEST(WaitTest, AStepThatIsPassedOverIsNotLookedIntoWithEachReport) {
  Organisation organisation = SampleOrganisation();
  TimeInterval never;
  never.id = TimeIntervalId("long-ago");
  never.time_intervals.emplace_back().years = {{1990, 1990}};
  organisation.time_intervals = {never};
  organisation.policies[0].steps = {StepOf(absl::Minutes(10), {To("bob")})};
  organisation.policies[0].steps[0].only_during = {never.id};
  World world(organisation);
  world.Observe({});
  world.Pass(absl::Minutes(1));
  const std::int32_t pass = world.EscalationOf()->pass;
  for (std::uint32_t firing = 2; firing < 12; ++firing)
    world.Observe({.firing = firing});
  EXPECT_EQ(world.EscalationOf()->pass, pass);
  EXPECT_THAT(world.Sent(), ElementsAre("email carol fallback"));
}

}  // namespace
}  // namespace tocsin
