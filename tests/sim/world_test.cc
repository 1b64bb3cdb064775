// Power cuts by the thousand, and the proof that the checker would notice.
#include "tests/sim/world.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace tocsin::sim {
namespace {

std::uint64_t Asked(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// How many worlds; each has ten power cuts. TOCSIN_SIM_WORLDS asks for more or fewer, TOCSIN_SIM_FIRST begins with a later one:
// 518 and 518 look at that one alone.
std::uint64_t Worlds(std::uint64_t otherwise) {
  return Asked("TOCSIN_SIM_WORLDS", otherwise);
}

TEST(WorldTest, LosesNothingAcknowledgedOverTenThousandPowerCuts) {
  WorldCounters counters;
  for (std::uint64_t seed = Asked("TOCSIN_SIM_FIRST", 1); seed <= Worlds(1000); ++seed) {
    const auto violations = RunWorld({.seed = seed, .shards = 1 + static_cast<std::uint32_t>(seed % 2)}, &counters);
    ASSERT_TRUE(violations.empty()) << "seed " << seed << ": " << violations.front();
  }
  RecordProperty("power_cuts", std::to_string(counters.power_cuts));
  std::printf(
      "%llu power cuts, %llu steps, %llu events acknowledged, %llu attempts, %llu pages accepted, %llu "
      "acknowledgements: no violation\n",
      static_cast<unsigned long long>(counters.power_cuts), static_cast<unsigned long long>(counters.steps),
      static_cast<unsigned long long>(counters.events_acknowledged),
      static_cast<unsigned long long>(counters.attempts_started),
      static_cast<unsigned long long>(counters.pages_accepted),
      static_cast<unsigned long long>(counters.acknowledgements));
  EXPECT_GT(counters.events_acknowledged, counters.power_cuts);
  EXPECT_GT(counters.pages_accepted, 0U);
  EXPECT_GT(counters.acknowledgements, 0U);
  if (Worlds(1000) < 1000) return;  // rare things come about in many worlds only
  EXPECT_GT(counters.given_back, 0U);
  EXPECT_GT(counters.merges, 0U);
  EXPECT_GT(counters.splits, 0U);
  EXPECT_GT(counters.opened_again, 0U);
  EXPECT_GT(counters.flapping, 0U);
  EXPECT_GT(counters.held, 0U);
}

TEST(WorldTest, CatchesAnEngineThatAcknowledgesBeforeTheFsync) {
  int caught = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    caught += RunWorld({.seed = seed, .lying_disk = true}).empty() ? 0 : 1;
  }
  EXPECT_GE(caught, 15) << "of 20 worlds on a disk that lies about its fsync";
}

TEST(WorldTest, FollowsFromItsSeed) {
  WorldCounters first;
  WorldCounters second;
  RunWorld({.seed = 7}, &first);
  RunWorld({.seed = 7}, &second);
  EXPECT_EQ(first.steps, second.steps);
  EXPECT_EQ(first.events_acknowledged, second.events_acknowledged);
  EXPECT_EQ(first.attempts_started, second.attempts_started);
}

}  // namespace
}  // namespace tocsin::sim
