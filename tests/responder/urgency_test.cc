// What low urgency waits for and what raises it, and people who are asked by name, as stories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = TimelineEntry::Kind;
using LowUrgency = EscalationPolicy::LowUrgency;

constexpr absl::Duration kWait = absl::Seconds(30);
constexpr absl::Duration kTen = absl::Minutes(10);

Organisation TwoSteps(LowUrgency low_urgency = LowUrgency::kAtOnce) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].steps = {StepOf(kTen, {OnCall("primary")}), StepOf(kTen, {To("bob")})};
  organisation.policies[0].low_urgency = low_urgency;
  return organisation;
}

TimeInterval Hours(std::string_view id, int from, int until) {
  TimeInterval interval;
  interval.id = TimeIntervalId(id);
  interval.time_intervals.emplace_back().times.push_back({from * 60, until * 60});
  return interval;
}

void BeginLow(World& world) {
  world.Observe({.severity = Severity::kWarning});
  world.Pass(kWait);
}

TEST(UrgencyTest, E15LowUrgencyDoesNotEscalate) {
  World world(TwoSteps());
  BeginLow(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice")) << "by the rules for low urgency";
  EXPECT_THAT(world.Told(Kind::kStepExecuted), HasSubstr("then nobody else, unless none of them can be reached"));
  world.Pass(absl::Hours(24));
  EXPECT_THAT(world.Sent(), SizeIs(1));
  EXPECT_THAT(world.Audit(), IsEmpty());
  Organisation escalates = TwoSteps();
  escalates.policies[0].low_urgency_escalates = true;
  World other(escalates);
  BeginLow(other);
  other.Pass(kTen);
  EXPECT_THAT(other.Sent(), ElementsAre("email alice", "email bob"));
}

TEST(UrgencyTest, E15LowUrgencyGoesOnWhenThePersonCannotBeReached) {
  Organisation organisation = TwoSteps();
  organisation.policies[0].steps[0].targets = {To("mute")};
  World world(organisation);
  BeginLow(world);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(UrgencyTest, E15WhatBecomesUrgentEscalates) {
  World world(TwoSteps());
  BeginLow(world);
  world.Pass(absl::Hours(1));
  world.Observe({.severity = Severity::kCritical});
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice", "voice alice", "email bob"));
}

TEST(UrgencyTest, LowUrgencyWaitsForThePersonsMorning) {
  Organisation organisation = TwoSteps(LowUrgency::kMorning);
  organisation.users[0].time_zone = "America/New_York";  // 07:00 at noon in UTC
  organisation.users[0].quiet_hours = {.start_minute = 23 * 60, .end_minute = 8 * 60};
  World world(organisation);
  BeginLow(world);
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_THAT(world.Told(Kind::kStepWaits), HasSubstr("alice is told at 2024-01-01 13:00 UTC"));
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Crash();
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email alice"));

  World urgent(organisation);
  urgent.Observe({});
  urgent.Pass(kWait);
  EXPECT_THAT(urgent.Sent(), ElementsAre("sms alice")) << "nobody's night keeps back what is urgent";

  World raised(organisation);
  BeginLow(raised);
  raised.Observe({.severity = Severity::kCritical});
  EXPECT_THAT(raised.Sent(), ElementsAre("sms alice"));
}

TEST(UrgencyTest, AMorningThatIsMovedIsFollowed) {
  Organisation organisation = TwoSteps(LowUrgency::kMorning);
  organisation.users[0].quiet_hours = {.start_minute = 11 * 60, .end_minute = 20 * 60};
  World world(organisation);
  BeginLow(world);
  organisation.users[0].quiet_hours.end_minute = 13 * 60;
  world.Apply(organisation);
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email alice"));

  World other(organisation);
  BeginLow(other);
  organisation.users[0].quiet_hours = {.start_minute = 0, .end_minute = 0};
  other.Apply(organisation);
  other.Pass(absl::Seconds(1));
  EXPECT_THAT(other.Sent(), ElementsAre("email alice"));
}

TEST(UrgencyTest, SupportHoursThatAreMovedAreFollowed) {
  Organisation organisation = TwoSteps();
  organisation.time_intervals = {Hours("support", 15, 17)};
  Service service;
  service.id = ServiceId("shop");
  organisation.services = {service};
  organisation.route.service = service.id;
  World world(organisation);
  world.Observe({.severity = Severity::kCritical});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Forget();
  organisation.services[0].support_hours.time_intervals = {TimeIntervalId("support")};
  World late(organisation);
  late.Observe({.severity = Severity::kCritical});
  late.Pass(kWait);
  EXPECT_THAT(late.Sent(), ElementsAre("email alice"));
  organisation.time_intervals = {Hours("support", 13, 17)};
  late.Apply(organisation);
  late.Pass(absl::Hours(1));
  EXPECT_THAT(late.Sent(), ElementsAre("email alice", "sms alice"));
}

TEST(UrgencyTest, LowUrgencyWaitsForWhoeverComesOnCallNext) {
  Organisation organisation = TwoSteps(LowUrgency::kNextShift);
  organisation.schedules[0] = SampleSchedule("primary", {UserId("bob"), UserId("carol")});
  Rotation& rotation = std::get<Rotation>(organisation.schedules[0].layers[0].pattern);
  rotation.type = Rotation::Type::kDaily;
  rotation.start = absl::CivilMinute(2023, 12, 31, 9, 0);
  World world(organisation);
  BeginLow(world);
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Crash();
  world.Pass(absl::Hours(21));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(UrgencyTest, ARuleWithHoursWaitsInLowUrgencyAndIsPassedOverInHigh) {
  Organisation organisation = TwoSteps();
  organisation.time_intervals = {Hours("afternoon", 14, 18)};
  for (NotificationRule& rule : organisation.users[0].notification_rules)
    rule.only_during = {TimeIntervalId("afternoon")};
  World low(organisation);
  BeginLow(low);
  EXPECT_THAT(low.Sent(), IsEmpty());
  low.Crash();
  low.Pass(absl::Hours(2));
  EXPECT_THAT(low.Sent(), ElementsAre("email alice"));

  World none(organisation);
  none.Observe({});
  none.Pass(kWait);
  none.Pass(absl::Minutes(5));
  EXPECT_THAT(none.Sent(), ElementsAre("email alice")) << "no rule is left, so what method there is";

  organisation.users[0].notification_rules[0].only_during = {};
  World high(organisation);
  high.Observe({});
  high.Pass(kWait);
  high.Pass(absl::Minutes(9));
  EXPECT_THAT(high.Sent(), ElementsAre("sms alice")) << "the call has its hours in the afternoon";
}

TEST(UrgencyTest, E15OutsideOfSupportHoursUrgencyIsLowAndIsRaisedAtTheirStart) {
  Organisation organisation = TwoSteps();
  organisation.time_intervals = {Hours("support", 13, 17)};
  Service service;
  service.id = ServiceId("shop");
  service.support_hours.time_intervals = {TimeIntervalId("support")};
  organisation.services = {service};
  organisation.route.service = service.id;
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice"));
  world.Crash();
  world.Pass(absl::Hours(1) - kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice"));
  EXPECT_THAT(world.Told(Kind::kUrgencyRaised), HasSubstr("the support hours of service shop have begun"));
  world.Pass(kTen);
  EXPECT_THAT(world.Sent(), ElementsAre("email alice", "sms alice", "voice alice", "email bob"));
  EXPECT_THAT(world.Audit(), IsEmpty());

  World acknowledged(organisation);
  acknowledged.Observe({});
  acknowledged.Pass(kWait);
  ASSERT_TRUE(acknowledged.Acknowledge(acknowledged.Current()->id).ok());
  acknowledged.Pass(absl::Hours(2));
  EXPECT_THAT(acknowledged.Sent(), ElementsAre("email alice"));
}

TEST(ReassignTest, E13GivenToAPersonNobodyElseFollowsByItself) {
  World world(TwoSteps());
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Do(ReassignGroup{world.Current()->id, std::nullopt, {To("carol")}}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email carol"));
  world.Pass(absl::Hours(5));
  EXPECT_THAT(world.Sent(), SizeIs(2));
  EXPECT_THAT(world.Audit(), IsEmpty());
  EXPECT_THAT(world.Told(Kind::kReassigned), HasSubstr("reassigned by user:alice to carol (named directly)"));
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email carol", "sms alice")) << "back to the policy";
}

TEST(ReassignTest, E10GivenBackItIsAskedOfTheSamePerson) {
  World world(TwoSteps());
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Do(ReassignGroup{world.Current()->id, std::nullopt, {To("carol")}}).status.ok());
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:carol").ok());
  world.Forget();
  ASSERT_TRUE(world.Do(UnacknowledgeGroup{world.Current()->id, std::nullopt}, "user:carol").status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email carol"));
}

TEST(ReassignTest, WhatWasAcknowledgedIsAskedOfThePersonItIsGivenTo) {
  World world(TwoSteps());
  world.Observe({});
  world.Pass(kWait);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  ASSERT_TRUE(world.Do(ReassignGroup{world.Current()->id, std::nullopt, {To("bob")}}).status.ok());
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob"));
  EXPECT_THAT(world.Do(ReassignGroup{world.Current()->id, std::nullopt, {OnCall("nobody")}}).status.message(),
              HasSubstr("nobody is behind that"));
}

TEST(ReassignTest, PeopleWhoAreAddedAnswerForThemselves) {
  World world(TwoSteps());
  world.Observe({});
  world.Pass(kWait);
  const Subject subject = SubjectOf(world.Current()->id);
  ASSERT_TRUE(world.Acknowledge(world.Current()->id).ok());
  world.SetProvider([](const Notification&) { return AttemptResult::Kind::kRetryLater; });
  ASSERT_TRUE(world.Do(AddResponders{subject, {To("bob")}, "knows the disks"}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "email bob")) << "whether or not somebody has acknowledged";
  EXPECT_THAT(world.Told(Kind::kRespondersAdded), HasSubstr("asked for by user:alice: knows the disks: bob"));
  world.Pass(absl::Seconds(90));
  const std::size_t tried = world.Sent().size();
  EXPECT_GT(tried, 2U) << "until bob is reached";
  ASSERT_TRUE(world.Acknowledge(world.Current()->id, "user:bob").ok());
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), SizeIs(tried));
}

}  // namespace
}  // namespace tocsin
