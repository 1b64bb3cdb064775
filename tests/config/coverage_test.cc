// Whether routes take all that another takes, against every label set there is.
#include "config/coverage.h"

#include <algorithm>

#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

constexpr std::string_view kValues[] = {"", "a", "b", "c"};
constexpr std::string_view kNames[] = {"x", "y"};

bool Takes(const std::vector<Matcher>& matchers, const Labels& labels) {
  return CompiledMatchers::Compile(matchers)->Match(labels);
}

bool AreCoveredByTrying(const std::vector<Matcher>& matchers, const std::vector<std::vector<Matcher>>& others) {
  for (const std::string_view x : kValues) {
    for (const std::string_view y : kValues) {
      const Labels labels = {
          {"x", std::string(x)},
          {"y", std::string(y)}
      };
      if (!Takes(matchers, labels)) continue;
      if (!std::ranges::any_of(others, [&](const auto& other) { return Takes(other, labels); })) return false;
    }
  }
  return true;
}

bool AreCovered(const std::vector<Matcher>& matchers, const std::vector<std::vector<Matcher>>& others, int budget) {
  return tocsin::AreCovered(matchers, std::vector<std::span<const Matcher>>(others.begin(), others.end()), budget);
}

std::vector<Matcher> RandomMatchers(Random& random, std::size_t least) {
  constexpr std::string_view kLists[] = {"a|b", "b|c", "a|b|c", "a"};
  std::vector<Matcher> matchers(least + random.Below(2));
  for (Matcher& matcher : matchers) {
    matcher.name = kNames[random.Below(2)];
    matcher.op = static_cast<MatchOp>(random.Below(4));
    const bool is_list = matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex;
    matcher.value = is_list ? kLists[random.Below(4)] : kValues[1 + random.Below(3)];
  }
  return matchers;
}

// Where it says that something is left over, there may be none (regular expressions that are written differently); where it
// says that all is taken, all is.
TEST(CoverageTest, NeverSaysThatAllIsTakenWhenItIsNot) {
  Random random(7);
  int covered = 0;
  int missed = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::vector<Matcher> matchers = RandomMatchers(random, 1);
    std::vector<std::vector<Matcher>> others(1 + random.Below(3));
    for (auto& other : others)
      other = RandomMatchers(random, random.Below(2));
    const bool is = AreCoveredByTrying(matchers, others);
    const bool said = AreCovered(matchers, others, 10'000);
    EXPECT_TRUE(is || !said) << i << ": " << Format(matchers);
    covered += is ? 1 : 0;
    missed += is && !said ? 1 : 0;
  }
  EXPECT_GT(covered, 500);
  EXPECT_LT(missed, covered / 5);
}

TEST(CoverageTest, OppositesTogetherTakeEverything) {
  const std::vector<Matcher> critical = {
      {"severity", MatchOp::kEqual, "critical"}
  };
  const Matcher pattern{"host", MatchOp::kRegex, "db.*[0-9]"};
  const Matcher opposite{"host", MatchOp::kNotRegex, "db.*[0-9]"};
  EXPECT_TRUE(AreCovered(critical, {{pattern}, {opposite}}, 1000));
  EXPECT_FALSE(AreCovered(critical, {{pattern}}, 1000));
}

TEST(CoverageTest, IsQuietWhenItWouldTakeTooLong) {
  std::vector<std::vector<Matcher>> others;
  for (int i = 0; i < 300; ++i)
    others.push_back({
        {"x" + std::to_string(i), MatchOp::kRegex, "[a-z]+"},
        {"y" + std::to_string(i), MatchOp::kRegex, "[a-z]+"}
    });
  EXPECT_TRUE(AreCovered({}, others, 100'000));
}

}  // namespace
}  // namespace tocsin
