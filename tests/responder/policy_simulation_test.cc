// What a policy is said to do, and what a responder then does: the same, on random organisations.
#include "engine/policy_simulation.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/responder/random_policies.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::HasSubstr;
using Kind = TimelineEntry::Kind;

constexpr int kRounds = 400;

absl::Duration AnyMinutes(Random& random, std::int64_t most) {
  return absl::Minutes(random.Between(0, most));
}

// What happens, when, to whom; without the numbers that rows have.
std::vector<std::string> Lines(const std::vector<TimelineEntry>& entries, absl::Time from, absl::Time until) {
  std::vector<std::string> lines;
  for (const TimelineEntry& entry : entries) {
    if (entry.subject.kind != SubjectKind::kGroup || entry.at > until) continue;
    const bool of_policy = entry.kind == Kind::kStepExecuted || entry.kind == Kind::kStepSkipped ||
                           entry.kind == Kind::kStepWaits || entry.kind == Kind::kPaged ||
                           entry.kind == Kind::kEscalationExhausted || entry.kind == Kind::kFallback ||
                           entry.kind == Kind::kUnreachable || entry.kind == Kind::kNotificationStarted;
    if (!of_policy) continue;
    lines.push_back(absl::FormatDuration(entry.at - from) + " " + std::string(Name(entry.kind)) + " " + entry.text);
  }
  return lines;
}

TEST(PolicySimulationTest, IsWhatTheResponderThenDoes) {
  std::map<Kind, int> seen;
  for (int seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    Organisation organisation = SampleOrganisation();
    VaryPolicies(random, organisation);
    organisation.route.group_wait = absl::ZeroDuration();
    World world(std::move(organisation));
    // Whose turn it is, is not the first's any more.
    for (std::int64_t i = random.Between(0, 2); i > 0; --i) {
      const std::string name = "Before" + std::to_string(i);
      world.Observe({.name = name});
      world.Observe({.name = name, .firing = 0});
    }
    world.Pass(AnyMinutes(random, 24 * 60));

    PolicySimulation what;
    what.policy = PolicyId("db");
    what.at = world.now().wall;
    what.severity = random.OneIn(2) ? Severity::kCritical : Severity::kWarning;
    what.service = ServiceId("shop");
    what.key = KeyOf("DatabaseDown");
    if (random.OneIn(2)) what.answered_after = AnyMinutes(random, 180) + absl::Seconds(7);
    std::vector<Row> rows;
    for (const auto& [id, round] : world.state().rounds)
      rows.emplace_back(round);
    const auto simulated = Simulate(world.state().organisation, rows, what);
    ASSERT_TRUE(simulated.ok()) << simulated.status();

    const std::size_t before = world.timeline().size();
    world.Observe({.severity = what.severity});
    const GroupId group = world.Current()->id;
    world.Pass(what.answered_after.value_or(what.length));
    if (what.answered_after) {
      if (world.Current()->state != Group::State::kResolved) {
        ASSERT_TRUE(world.Acknowledge(group, "user:somebody").ok());
      }
      world.Pass(what.length - *what.answered_after);
    }
    std::vector<TimelineEntry> happened;
    for (std::size_t i = before; i < world.timeline().size(); ++i) {
      const TimelineEntry& entry = world.timeline()[i];
      if (entry.subject == SubjectOf(group)) happened.push_back(entry);
      if (entry.subject == SubjectOf(group)) ++seen[entry.kind];
    }
    ASSERT_EQ(Lines(simulated->entries, what.at, what.at + what.length),
              Lines(happened, what.at, what.at + what.length));
  }
  for (const Kind kind : {Kind::kStepExecuted, Kind::kStepSkipped, Kind::kStepWaits, Kind::kFallback,
                          Kind::kUnreachable, Kind::kEscalationExhausted, Kind::kUrgencyRaised})
    EXPECT_GT(seen[kind], 0) << Name(kind) << " never came: the test does not test it";
}

TEST(PolicySimulationTest, RefusesWhatItCannotTell) {
  const auto organisation = std::make_shared<const Organisation>(SampleOrganisation());
  PolicySimulation what;
  what.policy = PolicyId("none");
  EXPECT_THAT(Simulate(organisation, {}, what).status().message(), HasSubstr("policy \"none\" does not exist"));
  what.policy = PolicyId("db");
  what.length = absl::Hours(10'000);
  EXPECT_THAT(Simulate(organisation, {}, what).status().message(), HasSubstr("at most 31 days"));
  what.length = absl::Hours(1);
  what.service = ServiceId("none");
  EXPECT_THAT(Simulate(organisation, {}, what).status().message(), HasSubstr("service \"none\" does not exist"));
}

}  // namespace
}  // namespace tocsin
