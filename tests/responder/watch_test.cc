// Who watches: what the auditor sees of incidents and of ages, whom it tells, and the canary that nobody sees.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/canary.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

Organisation WithIncidents() {
  Organisation organisation = SampleOrganisation();
  Service service;
  service.id = ServiceId("payments");
  organisation.services = {service};
  organisation.route.service = service.id;
  IncidentRule rule;
  rule.id = IncidentRuleId("outage");
  rule.condition.kind = IncidentCondition::Kind::kGroupSize;
  rule.condition.count = 1;
  rule.incident_severity = 2;
  rule.title = "outage";
  rule.policy = PolicyId("db");
  organisation.incident_rules = {rule};
  return organisation;
}

// The timer is gone, as no bug of ours could do it.
void Lose(World& world, TimerKey key) {
  Change change;
  change.now = world.now();
  change.removed = {KeyOf(Row(world.state().timers.at(world.state().timer_of.at(key))))};
  world.Damage(change);
}

void LoseStep(World& world) {
  Lose(world, {Timer::Kind::kEscalationStep, world.EscalationOf()->id.value()});
}

TEST(AuditTest, FindsAnIncidentWhoseRunStandsStillAndItsNextStepIsExecuted) {
  World world(WithIncidents());
  world.Observe({});
  world.Pass(kWait);
  ASSERT_THAT(world.state().incidents, SizeIs(1));
  const EscalationId run = world.state().incidents.begin()->second.escalation;
  ASSERT_TRUE(run.set());
  ASSERT_EQ(world.state().escalations.at(run).state, Escalation::State::kRunning);
  EXPECT_THAT(world.Audit(), IsEmpty());
  Lose(world, {Timer::Kind::kEscalationStep, run.value()});
  world.Forget();
  EXPECT_THAT(world.Audit(), ElementsAre(HasSubstr("runs without a timer")));
  EXPECT_THAT(world.Told(Kind::kAuditorRepaired), HasSubstr("I"));
  world.FireDue();
  EXPECT_THAT(world.Sent(), Contains("email bob"));
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(AuditTest, TellsTheFallbackUserOnceAnHourAlsoOverARestart) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  LoseStep(world);
  world.Audit();
  EXPECT_THAT(world.Notices(), ElementsAre("dave: tocsin: the auditor had to repair 1 escalation"));
  world.Forget();
  for (int i = 0; i < 3; ++i) {
    world.Pass(absl::Minutes(1));
    LoseStep(world);
    EXPECT_THAT(world.Audit(), SizeIs(1));
  }
  world.Crash();
  LoseStep(world);
  EXPECT_THAT(world.Audit(), SizeIs(1));
  EXPECT_THAT(world.Notices(), IsEmpty()) << "it is in the log, and counted";
  world.Pass(absl::Hours(1));
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  if (world.state().timer_of.contains({Timer::Kind::kEscalationStep, world.EscalationOf()->id.value()})) {
    LoseStep(world);
    world.Audit();
    EXPECT_THAT(world.Notices(), SizeIs(1));
  }
}

TEST(AuditTest, AThousandFindingsAreOneMessage) {
  World world;
  for (int i = 0; i < 1000; ++i)
    world.Observe({.name = "Alert" + std::to_string(i)});
  for (auto copy = world.state().timers; const auto& [id, timer] : copy) {
    if (timer.kind == Timer::Kind::kGroupFlush) Lose(world, {timer.kind, timer.subject});
  }
  EXPECT_THAT(world.Audit(), SizeIs(1000));
  EXPECT_THAT(world.Notices(), ElementsAre("dave: tocsin: the auditor had to repair 1000 escalations"));
}

TEST(AuditTest, KnowsHowLongWhatIsOldestWaits) {
  World world;
  world.SetProvider([](const Notification&) { return std::nullopt; });
  world.Observe({});
  world.Pass(kWait + absl::Seconds(7));
  world.Audit();
  AuditRound round = world.responder().last_audit();
  EXPECT_GT(round.number, 0U);
  EXPECT_EQ(round.groups, 1U);
  EXPECT_EQ(round.findings, 0U);
  EXPECT_EQ(round.oldest_attempt, absl::Seconds(7)) << "the provider has not answered";
  EXPECT_EQ(round.oldest_timer, absl::ZeroDuration());
  Now later = world.now();
  later.engine = later.engine + absl::Hours(2);
  std::vector<std::string> findings;
  world.responder().Audit(later, 1000, findings);
  round = world.responder().last_audit();
  EXPECT_GE(round.oldest_timer, absl::Hours(1)) << "nobody fires timers";
}

TEST(CanaryTest, GoesOutAndLeavesNothingBehind) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  world.Forget();
  const std::uint64_t before = world.responder_hash();
  const std::size_t told = world.timeline().size();
  world.SetProvider([](const Notification&) { return std::nullopt; });
  world.Take(world.responder().StartCanary("http://127.0.0.1:1/canary", "key-1", world.now()));
  ASSERT_THAT(world.started(), SizeIs(1));
  const Notification sent = world.started()[0];
  EXPECT_TRUE(IsCanary(sent));
  EXPECT_EQ(sent.idempotency_key, "key-1");
  EXPECT_EQ(sent.method.address, "http://127.0.0.1:1/canary");
  EXPECT_EQ(sent.lane, Notification::Lane::kCritical);
  EXPECT_NE(world.responder_hash(), before) << "it is journalled before it goes";
  world.Answer(sent, AttemptResult::Kind::kAccepted);
  EXPECT_EQ(world.responder_hash(), before) << "no row, no number that is used up";
  EXPECT_EQ(world.timeline().size(), told);
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(CanaryTest, IsNotTriedAgainAndAStartTakesItBack) {
  World world;
  world.SetProvider([](const Notification&) { return std::nullopt; });
  const std::uint64_t before = world.responder_hash();
  world.Take(world.responder().StartCanary("http://127.0.0.1:1/canary", "key-1", world.now()));
  world.Answer(world.started()[0], AttemptResult::Kind::kRetryLater);
  EXPECT_EQ(world.responder_hash(), before);
  world.Take(world.responder().StartCanary("http://127.0.0.1:1/canary", "key-2", world.now()));
  world.Crash();
  world.Pass(absl::Minutes(1));
  EXPECT_FALSE(world.state().notifications.contains(kCanaryNotification));
  EXPECT_THAT(world.started(), SizeIs(2)) << "nothing is sent again";
}

}  // namespace
}  // namespace tocsin
