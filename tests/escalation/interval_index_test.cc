#include "escalation/interval_index.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

TEST(IntervalIndexTest, FindsWhatTryingThemAllFinds) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    std::vector<Interval> intervals;
    for (std::int64_t n = random.Between(0, 40); n > 0; --n) {
      const Instant start = {random.Between(-50, 50)};
      intervals.push_back({.start = start, .end = start + random.Between(1, random.OneIn(4) ? 100 : 8)});
    }
    const IntervalIndex index(intervals);
    for (std::int64_t t = -60; t <= 160; ++t) {
      std::vector<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < intervals.size(); ++i) {
        if (intervals[i].start.seconds <= t && t < intervals[i].end.seconds) expected.push_back(i);
      }
      ASSERT_THAT(index.At({t}), testing::ElementsAreArray(expected)) << "seed " << seed << " at " << t;
    }
  }
}

}  // namespace
}  // namespace tocsin
