#include "escalation/policy.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

using Kind = PolicyMove::Kind;

EscalationPolicy PolicyOf(std::vector<absl::Duration> delays, std::int32_t repeats) {
  EscalationPolicy policy;
  for (const absl::Duration delay : delays)
    policy.steps.push_back({delay, {}});
  policy.repeats = repeats;
  policy.repeat_interval = absl::Minutes(20);
  return policy;
}

TEST(PolicyTest, AfterEachStepAndPass) {
  const EscalationPolicy policy = PolicyOf({absl::Minutes(7), absl::ZeroDuration(), absl::Minutes(3)}, 1);
  struct Step {
    std::string_view name;
    std::int32_t step;
    bool reached;
    PolicyMove expected;
  };
  const Step steps[] = {
      {"waits its delay",     0, true,  {Kind::kStep, {1, 0}, absl::Minutes(7)}         },
      {"empty does not wait", 0, false, {Kind::kStep, {1, 0}, absl::ZeroDuration()}     },
      {"no delay",            1, true,  {Kind::kStep, {2, 0}, absl::ZeroDuration()}     },
      {"last waits too",      2, true,  {Kind::kEndOfPass, {3, 0}, absl::Minutes(3)}    },
      {"last and empty",      2, false, {Kind::kEndOfPass, {3, 0}, absl::ZeroDuration()}},
  };
  for (const Step& row : steps)
    EXPECT_EQ(AfterStep(policy, {row.step, 0}, row.reached, absl::Hours(1)), row.expected) << row.name;

  struct Pass {
    std::string_view name;
    std::int32_t pass;
    bool reached;
    PolicyMove expected;
  };
  const Pass passes[] = {
      {"repeats",                      0, true,  {Kind::kRepeat, {0, 1}, absl::Minutes(20)}          },
      {"exhausted",                    1, true,  {Kind::kExhausted, {3, 1}, absl::InfiniteDuration()}},
      {"nobody, first pass",           0, false, {Kind::kFallback, {0, 1}, absl::Minutes(7)}         },
      {"nobody, beyond all repeats",   9, false, {Kind::kFallback, {0, 10}, absl::Minutes(7)}        },
      {"somebody at last, no repeats", 9, true,  {Kind::kExhausted, {3, 9}, absl::InfiniteDuration()}},
  };
  for (const Pass& row : passes)
    EXPECT_EQ(AfterPass(policy, row.pass, row.reached), row.expected) << row.name;
}

TEST(PolicyTest, EmptyPassIsNeverTriedAgainWithinFiveMinutes) {
  EXPECT_EQ(AfterPass(PolicyOf({absl::Seconds(1)}, 0), 0, false).wait, absl::Minutes(5));
  EXPECT_EQ(AfterPass(PolicyOf({absl::ZeroDuration()}, 0), 0, false).wait, absl::Minutes(5));
  EXPECT_EQ(AfterPass(PolicyOf({}, 0), 0, false).wait, absl::Minutes(5));
}

TEST(PolicyTest, PositionsAreDescribedFromOne) {
  EXPECT_EQ(Describe(PolicyOf({{}, {}}, 0), {1, 0}), "step 2 of 2");
  EXPECT_EQ(Describe(PolicyOf({{}, {}}, 2), {0, 1}), "step 1 of 2 (pass 2 of 3)");
  EXPECT_EQ(Describe(PolicyOf({{}, {}}, 0), {2, 0}), "the end of the steps");
}

}  // namespace
}  // namespace tocsin
