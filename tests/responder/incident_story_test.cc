// Incidents as stories: opened by rule with the reason, joined, escalated, acknowledged, resolved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Condition = IncidentCondition;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

IncidentRule RuleOf(std::string_view name, Condition condition) {
  IncidentRule rule;
  rule.id = IncidentRuleId(name);
  rule.condition = std::move(condition);
  rule.incident_severity = 2;
  rule.title = "{{service}}: {{labels.alertname}} ({{group}})";
  return rule;
}

Condition GroupSize(std::uint32_t count) {
  Condition condition;
  condition.kind = Condition::Kind::kGroupSize;
  condition.count = count;
  return condition;
}

Organisation With(std::vector<IncidentRule> rules) {
  Organisation organisation = SampleOrganisation();
  Service service;
  service.id = ServiceId("payments");
  organisation.services = {service};
  organisation.route.service = service.id;
  organisation.incident_rules = std::move(rules);
  return organisation;
}

const Incident& Only(const World& world) {
  EXPECT_EQ(world.state().incidents.size(), 1U);
  return world.state().incidents.begin()->second;
}

TEST(IncidentStoryTest, OpensWithTheRuleAndTheValuesThatCrossedTheThreshold) {
  World world(With({RuleOf("big-outage", GroupSize(50))}));
  world.Observe({.firing = 49});
  EXPECT_THAT(world.state().incidents, IsEmpty());
  world.Observe({.firing = 53});
  const Incident& incident = Only(world);
  EXPECT_EQ(incident.opened_reason, "rule big-outage: group size 53 >= 50");
  EXPECT_EQ(incident.opened_by, "rule:big-outage");
  EXPECT_EQ(incident.title, "payments: DatabaseDown (G" + std::to_string(world.Current()->id.value()) + ")");
  EXPECT_EQ(incident.severity, 2);
  EXPECT_THAT(incident.groups, ElementsAre(world.Current()->id));
  EXPECT_THAT(world.Current()->incidents, ElementsAre(incident.id));
  EXPECT_EQ(world.Count(Kind::kIncidentOpened), 2) << "on the timelines of both";
}

TEST(IncidentStoryTest, RuleFiresOnceInAnEpisodeAndAgainInTheNext) {
  IncidentRule rule = RuleOf("big-outage", GroupSize(5));
  rule.join_window = absl::ZeroDuration();
  World world(With({rule}));
  world.Observe({.firing = 5});
  world.Observe({.firing = 4});
  world.Observe({.firing = 6});
  EXPECT_EQ(world.state().incidents.size(), 1U);
  world.Observe({.firing = 0});
  world.Pass(absl::Minutes(1));
  world.Observe({.firing = 5});
  EXPECT_EQ(world.state().incidents.size(), 2U);
}

TEST(IncidentStoryTest, LaterGroupOfTheSameServiceJoinsWhileTheWindowLasts) {
  World world(With({RuleOf("big-outage", GroupSize(5))}));
  world.Observe({.firing = 5});
  world.Pass(absl::Minutes(30));
  world.Observe({.name = "Queue", .firing = 5});
  EXPECT_THAT(Only(world).groups, ElementsAre(world.Current()->id, world.Current("Queue")->id));
  EXPECT_THAT(world.Told(Kind::kIncidentJoined), HasSubstr("which has the same service=\"payments\""));
  world.Pass(absl::Seconds(1));
  world.Observe({.name = "Late", .firing = 5});
  EXPECT_EQ(world.state().incidents.size(), 2U);
}

TEST(IncidentStoryTest, TwoGroupsOfOneReportJoinEachOther) {
  World world(With({RuleOf("big-outage", GroupSize(5))}));
  world.ObserveAll({{.name = "One", .firing = 5}, {.name = "Two", .firing = 5}});
  EXPECT_EQ(Only(world).groups.size(), 2U);
}

TEST(IncidentStoryTest, JoinByLabelsKeepsOthersApart) {
  IncidentRule rule = RuleOf("by-name", GroupSize(1));
  rule.join_by = {"alertname"};
  World world(With({rule}));
  world.Observe({.name = "One"});
  world.Observe({.name = "Two"});
  EXPECT_EQ(world.state().incidents.size(), 2U);
}

TEST(IncidentStoryTest, UnacknowledgedForTenMinutesOpensAtThatInstant) {
  Condition condition;
  condition.kind = Condition::Kind::kUnacknowledged;
  condition.window = absl::Minutes(10);
  World world(With({RuleOf("slow", condition)}));
  world.Observe({});
  world.Pass(absl::Minutes(10) - absl::Milliseconds(1));
  EXPECT_THAT(world.state().incidents, IsEmpty());
  world.Pass(absl::Milliseconds(1));
  EXPECT_EQ(Only(world).opened_reason, "rule slow: unacknowledged for 10m >= 10m");
  World quick(With({RuleOf("slow", condition)}));
  quick.Observe({});
  quick.Pass(absl::Minutes(1));
  ASSERT_TRUE(quick.Acknowledge(quick.Current()->id).ok());
  quick.Pass(absl::Hours(1));
  EXPECT_THAT(quick.state().incidents, IsEmpty());
}

TEST(IncidentStoryTest, ExhaustedEscalationOpensOne) {
  Condition condition;
  condition.kind = Condition::Kind::kExhausted;
  World world(With({RuleOf("nobody", condition)}));
  world.Observe({});
  world.Pass(kWait + absl::Minutes(20));
  EXPECT_EQ(Only(world).opened_reason, "rule nobody: the escalation is exhausted");
}

TEST(IncidentStoryTest, RateCountsAlertsThatBeganWithinTheWindow) {
  Condition condition;
  condition.kind = Condition::Kind::kRate;
  condition.count = 100;
  condition.window = absl::Minutes(5);
  World world(With({RuleOf("storm", condition)}));
  world.Observe({.firing = 60, .fired_total = 60});
  world.Pass(absl::Minutes(6));
  world.Observe({.firing = 60, .fired_total = 120});  // 60 more, but the first 60 were long ago
  EXPECT_THAT(world.state().incidents, IsEmpty());
  world.Pass(absl::Minutes(2));
  world.Observe({.firing = 60, .fired_total = 160});
  EXPECT_EQ(Only(world).opened_reason, "rule storm: alerts fired 100 >= 100 within 5m");
}

TEST(IncidentStoryTest, RateDoesNotCountWhatFiredBeforeARestart) {
  Condition condition;
  condition.kind = Condition::Kind::kRate;
  condition.count = 100;
  condition.window = absl::Minutes(5);
  World world(With({RuleOf("storm", condition)}));
  world.Observe({.firing = 99, .fired_total = 99});
  world.Crash();
  world.Observe({.firing = 99, .fired_total = 105});
  EXPECT_THAT(world.state().incidents, IsEmpty());
}

TEST(IncidentStoryTest, HasItsOwnEscalationThatAcknowledgingStops) {
  IncidentRule rule = RuleOf("big-outage", GroupSize(5));
  rule.policy = PolicyId("majors");
  Organisation organisation = With({rule});
  EscalationPolicy majors;
  majors.id = PolicyId("majors");
  majors.steps = {StepOf(absl::Minutes(5), {To("carol")}), StepOf(absl::Minutes(5), {To("dave")})};
  organisation.policies.push_back(majors);
  World world(organisation);
  world.Observe({.firing = 5});
  EXPECT_THAT(world.Sent(), ElementsAre("email carol")) << "at once, while the group waits";
  EXPECT_THAT(world.started()[0].title, HasSubstr("[SEV2] payments"));
  EXPECT_EQ(world.started()[0].lane, Notification::Lane::kCritical);
  const IncidentId id = Only(world).id;
  ASSERT_TRUE(world.Do(AcknowledgeIncident{id, std::nullopt}, "user:carol").status.ok());
  world.Forget();
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "voice alice")) << "the group's own goes on";
  ASSERT_TRUE(world.Do(ResolveIncident{id, Generation(2)}, "user:carol").status.ok());
  EXPECT_THAT(world.Sent(), testing::Contains("email carol resolved"));
}

TEST(IncidentStoryTest, ResolvesByRuleWhenAllItsGroupsAre) {
  World world(With({RuleOf("big-outage", GroupSize(5))}));
  world.ObserveAll({{.name = "One", .firing = 5}, {.name = "Two", .firing = 5}});
  world.Observe({.name = "One", .firing = 0});
  EXPECT_EQ(Only(world).state, Incident::State::kOpen);
  world.Observe({.name = "Two", .firing = 0});
  EXPECT_EQ(Only(world).state, Incident::State::kResolved);
  EXPECT_EQ(Only(world).resolved_by, "rule");
}

TEST(IncidentStoryTest, OneThatAPersonOpenedIsResolvedByAPerson) {
  World world(With({}));
  world.Observe({});
  OpenIncident open;
  open.title = "checkout is slow";
  open.severity = 1;
  open.policy = PolicyId("db");
  open.groups = {world.Current()->id, world.Current()->id};
  const CommandResult result = world.Do(open, "user:bob");
  ASSERT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(Only(world).groups.size(), 1U) << "named twice, linked once";
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Observe({.firing = 0});
  EXPECT_EQ(Only(world).state, Incident::State::kOpen);
  EXPECT_EQ(world.Told(Kind::kNote), "all 1 groups are resolved");
  ASSERT_TRUE(world.Do(ResolveIncident{IncidentId(result.id), std::nullopt}, "user:bob").status.ok());
  EXPECT_EQ(world.Do(ResolveIncident{IncidentId(result.id), std::nullopt}).status.code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(IncidentStoryTest, ThresholdsThatWereNotMetAreNamedAtTheEnd) {
  World world(With({RuleOf("big-outage", GroupSize(50))}));
  world.Observe({.firing = 12});
  world.Observe({.firing = 0});
  EXPECT_THAT(world.Told(Kind::kThresholdNotMet), HasSubstr("no incident: rule big-outage: group size 12 < 50"));
}

TEST(IncidentStoryTest, SilencedGroupOpensNone) {
  Condition condition;
  condition.kind = Condition::Kind::kUnacknowledged;
  condition.window = absl::Minutes(10);
  World world(With({RuleOf("slow", condition)}));
  world.Observe({});
  world.Observe({.firing = 0, .suppressed = 1});
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.state().incidents, IsEmpty());
  world.Observe({.firing = 1});
  EXPECT_EQ(world.state().incidents.size(), 1U);
}

}  // namespace
}  // namespace tocsin
