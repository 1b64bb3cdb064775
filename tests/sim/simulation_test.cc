// Worlds by plan (./dev sim plays many more), the plans that have found something once, and the proof that the checkers can fail.
#include "tests/sim/simulation.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/shrink.h"

namespace tocsin::sim {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kWorlds = 25;

TEST(SimulationTest, KeepsEveryPromiseInWorldsOfAllKinds) {
  SimulationCounters counters;
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    const SimulationResult result = RunPlan(GeneratePlan(seed, absl::Hours(2)));
    ASSERT_THAT(result.violations, IsEmpty())
        << "seed " << seed << ": build/release/tests/simulate_model --hours 2 --seed " << seed;
    counters.Add(result.counters);
  }
  EXPECT_GT(counters.restarts, kWorlds);
  EXPECT_GT(counters.AllProviderFaults(), 0U);
  EXPECT_GT(counters.foretold, counters.unforetold / 4) << "the oracle is lost too often to be of use";
}

TEST(SimulationTest, FollowsFromItsPlanToTheByte) {
  for (std::uint64_t seed = 5; seed <= 7; ++seed) {
    const Plan plan = GeneratePlan(seed, absl::Hours(1));
    EXPECT_EQ(RunPlan(plan).trace, RunPlan(plan).trace);
  }
}

TEST(SimulationTest, PlansThatHaveFoundSomethingFindNothingMore) {
  int plans = 0;
  for (const auto& file : std::filesystem::directory_iterator(TOCSIN_PLANS)) {
    if (file.path().extension() != ".plan") continue;
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const absl::StatusOr<Plan> plan = ParsePlan(text.str());
    ASSERT_TRUE(plan.ok()) << file.path() << ": " << plan.status();
    EXPECT_THAT(RunPlan(*plan).violations, IsEmpty()) << file.path();
    ++plans;
  }
  EXPECT_GT(plans, 0);
}

TEST(SimulationTest, CatchesADiskThatLiesAboutItsFsync) {
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Plan plan = GeneratePlan(seed, absl::Hours(1));
    plan.settings.lying_disk = 1;
    plan.lines.push_back({
        absl::Minutes(60), Line::Kind::kCut, {1, 1000, -1, 0}
    });
    caught += RunPlan(plan).violations.empty() ? 0 : 1;
  }
  EXPECT_GE(caught, 8);
}

TEST(PlanTest, ReadsBackAsItWasWritten) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Plan plan = GeneratePlan(seed, absl::Hours(5));
    const absl::StatusOr<Plan> again = ParsePlan(Print(plan));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, plan);
  }
}

TEST(PlanTest, SaysWhatIsWrongWithALine) {
  EXPECT_EQ(ParsePlan("set colour 3").status().message(), "line 1: there is no setting \"colour\"");
  EXPECT_EQ(ParsePlan("00:00:01.000 dance").status().message(), "line 1: there is no operation \"dance\"");
  EXPECT_EQ(ParsePlan("00:00:01.000 cut depth=3").status().message(), "line 1: cut has no \"depth=3\"");
  EXPECT_EQ(ParsePlan("soon cut").status().message(), "line 1: \"soon\" is not a time such as 01:02:03.004");
}

TEST(ShrinkTest, LeavesWhatTheFailureNeedsAndNothingElse) {
  const Plan plan = GeneratePlan(3, absl::Hours(6));
  const auto fails = [](const Plan& candidate) {
    bool fired = false;
    for (const Line& line : candidate.lines) {
      if (line.kind == Line::Kind::kFire) fired = true;
      if (fired && line.kind == Line::Kind::kAcknowledge) return true;
    }
    return false;
  };
  ASSERT_TRUE(fails(plan));
  const Plan small = Shrink(plan, fails, 5000);
  EXPECT_TRUE(fails(small));
  EXPECT_EQ(small.lines.size(), 2U);
  EXPECT_EQ(small.settings.shards, 1);
}

}  // namespace
}  // namespace tocsin::sim
