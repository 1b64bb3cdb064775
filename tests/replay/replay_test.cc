// A recorded life replayed: with its own configuration nothing differs, and with another one only what that changes.
#include "replay/replay.h"

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/replay/recorded_life.h"
#include "tests/sim/sample.h"

namespace tocsin::replay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

AlertEvent EventOf(std::string_view service, std::string_view instance, Severity severity, bool firing = true) {
  AlertEvent event;
  event.kind = firing ? EventKind::kTrigger : EventKind::kResolve;
  event.severity = severity;
  event.labels = {
      {"alertname", "Simulated"          },
      {"instance",  std::string(instance)},
      {"service",   std::string(service) }
  };
  return event;
}

// Every difference in words, for a test that expects none.
std::string Differences(const Comparison& found) {
  std::string text = absl::StrFormat("%d pages then, %d now\n", found.pages.then, found.pages.now);
  const auto add = [&](std::string_view what, const EpisodeList& list) {
    for (const EpisodeRow& row : list.rows) {
      absl::StrAppendFormat(&text, "%s %s: then %s %d, now %s %d (%s)\n", what, row.title, absl::FormatTime(row.then),
                            row.pages.then, absl::FormatTime(row.now), row.pages.now, row.reason);
    }
  };
  add("gained", found.gained);
  add("lost", found.lost);
  add("changed", found.changed);
  add("regrouped", found.regrouped);
  return text;
}

// With leases that run out when an alert is not sent again, and an inhibition.
OrganisationPtr EventfulOrganisation() {
  Organisation organisation = *sim::SampleOrganisationForSimulation();
  organisation.integrations[0].lease = absl::Minutes(3);
  InhibitionRule rule;
  rule.id = InhibitionRuleId("cache-explains-queue");
  rule.source_matchers = {
      {"service", MatchOp::kEqual, "cache"}
  };
  rule.target_matchers = {
      {"service", MatchOp::kEqual, "queue"}
  };
  organisation.inhibition_rules = {rule};
  return std::make_shared<const Organisation>(std::move(organisation));
}

// Hours of alerts that come and go, of people who answer, of silences; of a server that is killed, if it may: how it then
// waits for senders and counts sources of inhibition is not recorded to the second (docs/replay.md).
class RandomLife {
 public:
  RandomLife(std::uint64_t seed, std::uint32_t shards, OrganisationPtr organisation, bool may_be_killed)
      : random_(seed), may_be_killed_(may_be_killed), life_([&] {
          RecordedLife::Options options;
          options.shards = shards;
          options.segment_bytes = 64 * 1024;
          options.history.base_interval = absl::Minutes(20);
          return options;
        }()) {
    life_.Apply(std::move(organisation));
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
      life_.Pass(absl::Milliseconds(random_.Between(200, 15'000)));
    }
  }
  RecordedLife& life() { return life_; }

 private:
  void Step() {
    const std::uint64_t dice = random_.Below(100);
    if (dice < 75) return Send();
    if (dice < 85) return Answer();
    if (dice < 88) return Silence();
    if (dice == 99 && may_be_killed_) life_.Restart(absl::Seconds(random_.Between(1, 300)));
  }

  void Send() {
    std::vector<AlertEvent> events;
    const std::uint64_t first = random_.Below(24);
    const std::uint64_t count = 1 + random_.Below(5);
    // Each alert once: what a commit has merged is told as one event.
    for (std::uint64_t i = 0; i < count; ++i)
      events.push_back(sim::SampleEvent((first + i * 7) % 24, !random_.OneIn(3), ++number_));
    life_.Send(events);
  }

  void Answer() {
    const std::vector<Group> open = life_.OpenGroups();
    if (open.empty()) return;
    const GroupId id = open[random_.Below(open.size())].id;
    switch (random_.Below(8)) {
      case 1: life_.Do(SnoozeGroup{id, std::nullopt, std::nullopt, absl::Seconds(random_.Between(20, 300))}); break;
      case 2: life_.Do(UnacknowledgeGroup{id, std::nullopt}); break;
      case 3: life_.Do(MergeGroups{id, {open[random_.Below(open.size())].id}}); break;
      case 4: life_.Do(SplitGroup{id}); break;
      case 0: life_.Do(ResolveGroup{id, std::nullopt}); break;
      case 5: life_.Do(EscalateGroup{id}); break;
      default: life_.Do(AcknowledgeGroup{id, std::nullopt}, "link:ann");
    }
  }

  void Silence() {
    tocsin::Silence silence;
    silence.matchers = {
        {"service", MatchOp::kEqual, random_.OneIn(2) ? "db" : "queue"}
    };
    silence.starts_at = life_.now();
    silence.ends_at = life_.now() + absl::Seconds(random_.Between(30, 1200));
    silence.comment = "a test";
    const CommandResult made = life_.Do(CreateSilence{silence});
    if (made.status.ok()) silences_.push_back(SilenceId(made.id));
    if (!silences_.empty() && random_.OneIn(2)) {
      life_.Do(ExpireSilence{silences_.back(), false});
      silences_.pop_back();
    }
  }

  Random random_;
  bool may_be_killed_;
  RecordedLife life_;
  std::vector<SilenceId> silences_;
  std::uint64_t number_ = 0;
};

TEST(ReplayTest, WithItsOwnConfigurationNothingDiffers) {
  std::uint64_t pages = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const bool is_eventful = seed % 2 == 0;
    const OrganisationPtr organisation = is_eventful ? EventfulOrganisation() : sim::SampleOrganisationForSimulation();
    RandomLife random(seed, seed % 3 == 0 ? 2 : 1, organisation, /*may_be_killed=*/!is_eventful);
    const absl::Time start = random.life().now();
    random.Run(600);
    const absl::Time end = random.life().now();
    for (const double part : {0.0, 0.3, 0.8}) {
      Request request;
      request.from = start + part * (end - start);
      request.to = end;
      if (part > 0.5) request.organisation = organisation;
      const Result result = random.life().Replay(request);
      SCOPED_TRACE(absl::StrFormat("seed %d from %.1f on", seed, part));
      EXPECT_TRUE(result.comparison.equal()) << Differences(result.comparison);
      EXPECT_THAT(result.actions_left_out, testing::IsEmpty());
      pages += result.comparison.pages.then;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(pages, 700) << "else the test shows nothing";
}

// Who stands in, stands in when it is told again: an override and the end of another one.
TEST(ReplayTest, RepeatsWhatPeopleChangedOfSchedules) {
  Organisation organisation = *sim::SampleOrganisationForSimulation();
  Schedule schedule;
  schedule.id = ScheduleId("primary");
  schedule.name = "Primary";
  schedule.time_zone = "UTC";
  Layer layer;
  layer.id = LayerId("always");
  layer.pattern = Rotation{.start = absl::CivilMinute(2020, 1, 1)};
  layer.participants = {{{UserTarget{UserId("ann")}}}};
  schedule.layers = {layer};
  organisation.schedules = {schedule};
  organisation.policies[0].steps = {
      {absl::Minutes(2), {ScheduleTarget{ScheduleId("primary")}}}
  };
  RecordedLife life{RecordedLife::Options()};
  life.Apply(std::make_shared<const Organisation>(organisation));
  const absl::Time start = life.now();
  life.Pass(absl::Minutes(10));
  const auto stand_in = [&](absl::Duration length) {
    OverrideSchedule command;
    command.schedule = ScheduleId("primary");
    command.change.type = Override::Type::kAssign;
    command.change.users = {UserTarget{UserId("bob")}};
    command.change.start = life.now();
    command.change.end = life.now() + length;
    return life.Do(command);
  };
  const CommandResult made = stand_in(absl::Hours(1));
  ASSERT_TRUE(made.status.ok()) << made.status;
  life.Pass(absl::Minutes(1));
  life.Send({EventOf("web", "1", Severity::kCritical)});
  life.Pass(absl::Minutes(5));
  ASSERT_TRUE(life.Do(EndOverride{ScheduleChangeId(made.id)}).status.ok());
  life.Send({EventOf("db", "1", Severity::kCritical)});
  life.Pass(absl::Minutes(5));
  Request request;
  request.from = start + absl::Minutes(5);
  request.to = life.now();
  const Result same = life.Replay(request);
  EXPECT_TRUE(same.comparison.equal()) << Differences(same.comparison);
  EXPECT_THAT(same.actions_left_out, testing::IsEmpty());
  // Under an organisation that pages bob directly it is bob for both: so it was the override that made it bob for web alone.
  organisation.policies[0].steps[0].targets = {UserTarget{UserId("bob")}};
  request.organisation = std::make_shared<const Organisation>(organisation);
  const Comparison changed = life.Replay(request).comparison;
  ASSERT_THAT(changed.changed.rows, SizeIs(1)) << Differences(changed);
  EXPECT_THAT(changed.changed.rows[0].title, HasSubstr("db"));
}

// One story, told through several configurations: at minute 10 web and db break; ann acknowledges web at minute 11 and
// nobody db; both recover at minute 30.
class StoryTest : public ::testing::Test {
 protected:
  StoryTest() : life_(RecordedLife::Options()), start_(life_.now()) {
    life_.Apply(sim::SampleOrganisationForSimulation());
    life_.Pass(absl::Minutes(10));
    life_.Send({EventOf("web", "1", Severity::kCritical), EventOf("db", "1", Severity::kCritical)});
    life_.Pass(absl::Minutes(1));
    for (const Group& group : life_.OpenGroups()) {
      if (Find(group.labels, "service") == "web") life_.Do(AcknowledgeGroup{group.id, std::nullopt});
    }
    life_.Pass(absl::Minutes(19));
    life_.Send({EventOf("web", "1", Severity::kCritical, false), EventOf("db", "1", Severity::kCritical, false)});
    life_.Pass(absl::Minutes(5));
  }

  static Organisation Present() { return *sim::SampleOrganisationForSimulation(); }
  Comparison Replay(Organisation changed) {
    Request request;
    request.from = start_ + absl::Minutes(5);
    request.to = life_.now();
    request.organisation = std::make_shared<const Organisation>(std::move(changed));
    return life_.Replay(request).comparison;
  }

  RecordedLife life_;
  absl::Time start_;
};

TEST_F(StoryTest, ARouteThatLeadsNowhereLosesItsPagesAndSaysWhy) {
  Organisation changed = Present();
  Route quiet = changed.route;
  quiet.id = RouteId("quiet");
  quiet.matchers = {
      {"service", MatchOp::kEqual, "db"}
  };
  quiet.policy = PolicyId();
  changed.route.children = {quiet};
  const Comparison found = Replay(changed);
  EXPECT_EQ(found.same, 1) << "web";
  ASSERT_THAT(found.lost.rows, SizeIs(1));
  EXPECT_THAT(found.lost.rows[0].title, HasSubstr("db"));
  EXPECT_THAT(found.lost.rows[0].reason, HasSubstr("route quiet has neither policy nor receiver"));
  EXPECT_EQ(found.pages, (ThenNow{5, 1})) << "ann for web; ann, bob and both again for db";
  EXPECT_EQ(found.gained.count + found.changed.count + found.regrouped.count, 0);
}

TEST_F(StoryTest, WhatPagesEarlierLaterOrOthersIsListed) {
  Organisation changed = Present();
  changed.route.group_wait = absl::Seconds(32);
  const Comparison later = Replay(changed);
  ASSERT_THAT(later.changed.rows, SizeIs(2));
  EXPECT_EQ(later.changed.rows[0].now - later.changed.rows[0].then, absl::Seconds(30));

  changed = Present();
  changed.policies[0].steps[0].targets = {UserTarget{UserId("bob")}};
  const Comparison others = Replay(changed);
  EXPECT_EQ(others.changed.count, 2);
  ASSERT_THAT(others.people, SizeIs(2));
  for (const PersonRow& person : others.people)
    EXPECT_EQ(person.pages, person.user == UserId("ann") ? (ThenNow{3, 0}) : (ThenNow{2, 3})) << person.user.value();
}

TEST_F(StoryTest, AnAcknowledgementStopsTheSameEscalation) {
  Organisation changed = Present();
  changed.policies[0].steps[0].delay = absl::Seconds(30);
  const Comparison found = Replay(changed);
  ASSERT_THAT(found.changed.rows, SizeIs(1));
  EXPECT_THAT(found.changed.rows[0].title, HasSubstr("service=web"));
  EXPECT_EQ(found.changed.rows[0].pages, (ThenNow{1, 2})) << "bob before ann acknowledges, and nobody after it";
}

TEST_F(StoryTest, GroupsThatBecomeOneAreNeitherLostNorGained) {
  Organisation changed = Present();
  changed.route.group_by = {"alertname"};
  const Comparison found = Replay(changed);
  EXPECT_EQ(found.episodes, (ThenNow{2, 1}));
  EXPECT_EQ(found.regrouped.count, 2);
  EXPECT_EQ(found.lost.count + found.gained.count, 0);
  EXPECT_EQ(found.pages.now, 1) << "acknowledged with web, which is in it";
}

TEST_F(StoryTest, WhatWasSilencedThenAndIsRoutedNowIsGained) {
  tocsin::Silence silence;
  silence.matchers = {
      {"service", MatchOp::kEqual, "queue"}
  };
  silence.starts_at = life_.now();
  silence.ends_at = life_.now() + absl::Hours(1);
  silence.comment = "known";
  ASSERT_TRUE(life_.Do(CreateSilence{silence}).status.ok());
  life_.Send({EventOf("queue", "7", Severity::kCritical), EventOf("cache", "7", Severity::kCritical)});
  life_.Pass(absl::Minutes(10));
  Request request;
  request.from = start_ + absl::Minutes(5);
  request.to = life_.now();
  request.silence = silence;
  request.silence->matchers = {
      {"service", MatchOp::kEqual, "db"}
  };
  request.silence->starts_at = absl::InfinitePast();
  request.matchers = request.silence->matchers;
  const Result result = life_.Replay(request);
  ASSERT_THAT(result.comparison.lost.rows, SizeIs(1));
  EXPECT_THAT(result.comparison.lost.rows[0].reason, HasSubstr("held back: silence"));
  EXPECT_EQ(result.matched, 1);
  EXPECT_EQ(result.matched_alerts, 1);
  EXPECT_EQ(result.comparison.same, 2) << "web and cache; queue is silenced in both";
}

// The numbers of groups are other ones in a replay of fewer pages; the title of an incident may hold one.
TEST_F(StoryTest, AnIncidentIsTheSameWhateverNumberItsGroupHas) {
  Organisation organisation = Present();
  IncidentRule& rule = organisation.incident_rules[0];
  rule.condition = {};
  rule.condition.kind = IncidentCondition::Kind::kMatchers;
  rule.condition.matchers = {
      {"service", MatchOp::kEqual, "cache"}
  };
  rule.title = "{{service}} is down: {{group}}";
  rule.policy = organisation.policies[0].id;
  life_.Apply(std::make_shared<const Organisation>(organisation));
  life_.Send({EventOf("cache", "1", Severity::kCritical)});
  life_.Pass(absl::Minutes(5));

  Route quiet = organisation.route;
  quiet.id = RouteId("quiet");
  quiet.matchers = {
      {"service", MatchOp::kEqual, "db"}
  };
  quiet.policy = PolicyId();
  quiet.children.clear();
  organisation.route.children.insert(organisation.route.children.begin(), quiet);
  const Comparison found = Replay(organisation);
  EXPECT_EQ(found.lost.count, 1) << "db";
  EXPECT_EQ(found.gained.count, 0);
  EXPECT_EQ(found.same, 3) << "web, cache and the incident\n" << Differences(found);
}

TEST_F(StoryTest, AnIntegrationThatIsGoneRefusesItsEvents) {
  Organisation changed = Present();
  changed.integrations[0].id = IntegrationId("another");
  Request request;
  request.from = start_ + absl::Minutes(5);
  request.to = life_.now();
  request.organisation = std::make_shared<const Organisation>(changed);
  const Result result = life_.Replay(request);
  EXPECT_EQ(result.refused, 4);
  EXPECT_EQ(result.comparison.lost.count, 2);
  EXPECT_EQ(result.comparison.lost.rows[0].reason, "none of its alerts has come in");
  EXPECT_EQ(result.actions_left_out.at("AcknowledgeGroup"), 1);
}

TEST_F(StoryTest, BeginsWhereTheHistoryBeginsAndSaysSo) {
  Request request;
  request.from = start_ - absl::Hours(24);
  request.to = life_.now();
  const Result result = life_.Replay(request);
  EXPECT_TRUE(result.is_cut_short);
  EXPECT_EQ(result.from, start_);
  EXPECT_TRUE(result.comparison.equal()) << Differences(result.comparison);
}

TEST_F(StoryTest, CanBeCancelled) {
  Request request;
  request.from = start_;
  request.to = life_.now();
  Control control;
  control.cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(replay::Run(life_.store(), life_.ReplayOptions(), request, control).status()));
}

}  // namespace
}  // namespace tocsin::replay
