// Conditions as a table: value, threshold, verdict, and the reason in words.
#include "incident/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using testing::HasSubstr;
using Kind = IncidentCondition::Kind;

IncidentCondition Size(std::uint32_t count) {
  IncidentCondition c;
  c.kind = Kind::kGroupSize;
  c.count = count;
  return c;
}
IncidentCondition Rate(std::uint32_t count, absl::Duration window) {
  IncidentCondition c;
  c.kind = Kind::kRate;
  c.count = count;
  c.window = window;
  return c;
}
IncidentCondition AtLeast(Severity severity) {
  IncidentCondition c;
  c.kind = Kind::kSeverity;
  c.severity = severity;
  return c;
}
IncidentCondition Unacknowledged(absl::Duration window) {
  IncidentCondition c;
  c.kind = Kind::kUnacknowledged;
  c.window = window;
  return c;
}
IncidentCondition Exhausted() {
  IncidentCondition c;
  c.kind = Kind::kExhausted;
  return c;
}
IncidentCondition Matches(std::string_view name, std::string_view value) {
  IncidentCondition c;
  c.kind = Kind::kMatchers;
  c.matchers = {
      {std::string(name), MatchOp::kEqual, std::string(value)}
  };
  return c;
}
IncidentCondition All(std::vector<IncidentCondition> operands) {
  IncidentCondition c;
  c.kind = Kind::kAll;
  c.operands = std::move(operands);
  return c;
}
IncidentCondition Any(std::vector<IncidentCondition> operands) {
  IncidentCondition c = All(std::move(operands));
  c.kind = Kind::kAny;
  return c;
}

CompiledIncidentRule Compile(const IncidentCondition& condition) {
  IncidentRule rule;
  rule.id = IncidentRuleId("r");
  rule.condition = condition;
  auto compiled = CompiledIncidentRule::Compile(rule);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return *std::move(compiled);
}

// 10 alerts, high, open for 10 minutes, {cluster="c1"}, one listed alert {instance="db1"}; 5 fired within any window.
Verdict Judge(const IncidentCondition& condition, bool acknowledged = false, bool exhausted = false) {
  const Labels labels = {
      {"cluster", "c1"}
  };
  AlertSummary alert;
  alert.labels = {
      {"cluster",  "c1" },
      {"instance", "db1"}
  };
  const std::vector<AlertSummary> alerts = {alert};
  const auto fired = [](absl::Duration) -> std::uint64_t { return 5; };
  return Compile(condition).Evaluate({
      .firing = 10,
      .highest = Severity::kHigh,
      .acknowledged = acknowledged,
      .exhausted = exhausted,
      .open_for = absl::Minutes(10),
      .labels = labels,
      .alerts = alerts,
      .fired_within = fired,
  });
}

TEST(IncidentRuleTest, EachConditionAtItsThresholdAndWithItsReason) {
  const struct {
    IncidentCondition condition;
    bool met;
    std::string_view reason;
  } rows[] = {
      {Size(10),                           true,                    "group size 10 >= 10"                 },
      {Size(11),                           false,                   "group size 10 < 11"                  },
      {Rate(5,                             absl::Minutes(1)),       true,                                   "alerts fired 5 >= 5 within 1m"},
      {Rate(6,                                  absl::Minutes(1)),                                                    false,                                        "alerts fired 5 < 6 within 1m"},
      {AtLeast(Severity::kHigh),    true,                           "severity high >= high"  },
      {AtLeast(Severity::kCritical),           false,        "severity high < critical"                },
      {Unacknowledged(absl::Minutes(10)),        true,                        "unacknowledged for 10m >= 10m"             },
      {Unacknowledged(absl::Minutes(11)),   false,   "unacknowledged for 10m < 11m"},
      {Exhausted(),    false,                         "the escalation is not exhausted"                                                         },
      {Matches("cluster", "c1"),true,"matches {cluster=\"c1\"}"},
      {Matches("instance",                              "db1"),                            true,                                                                                                      "matches {instance=\"db1\"}"},
      {Matches("cluster","c2"),false,"does not match {cluster=\"c2\"}"},
      {All({Size(10), AtLeast(Severity::kLow)}),                  true,                                      "group size 10 >= 10 and severity high >= low"                                                                                },
      {All({Size(10), Size(99)}),                                  false,                  "group size 10 < 99"                                  },
      {Any({Size(99), Size(10)}),                                  true,                                 "group size 10 >= 10"},
      {Any({Size(98), Size(99)}),                                  false,                                 "group size 10 < 98 and group size 10 < 99"},
      {Any({All({Size(99), Size(1)}), Matches("cluster", "c1")}),                                  true,                                 "matches {cluster=\"c1\"}"                                                                                },
      {All({}),                                  false, "no condition is given"  },
      {Any({}),                                  false,                                                   "no condition is given"},
  };
  for (const auto& row : rows) {
    const Verdict verdict = Judge(row.condition);
    EXPECT_EQ(verdict.met, row.met) << row.reason;
    EXPECT_EQ(verdict.reason, row.reason);
  }
}

TEST(IncidentRuleTest, AcknowledgedGroupIsNotUnacknowledgedHoweverLongItHasBeenOpen) {
  EXPECT_FALSE(Judge(Unacknowledged(absl::Minutes(1)), /*acknowledged=*/true).met);
  EXPECT_TRUE(Judge(Exhausted(), false, /*exhausted=*/true).met);
}

TEST(IncidentRuleTest, NextCheckIsTheNearestInstantThatTimeAloneCanChange) {
  const CompiledIncidentRule rule =
      Compile(Any({Unacknowledged(absl::Minutes(5)), All({Size(3), Unacknowledged(absl::Minutes(2))})}));
  EXPECT_EQ(rule.NextCheck(absl::ZeroDuration()), absl::Minutes(2));
  EXPECT_EQ(rule.NextCheck(absl::Minutes(2)), absl::Minutes(5));
  EXPECT_EQ(rule.NextCheck(absl::Minutes(5)), std::nullopt);
  EXPECT_EQ(Compile(Size(3)).NextCheck(absl::ZeroDuration()), std::nullopt);
}

TEST(IncidentRuleTest, LongestRateWindowIsFoundInTheDepths) {
  EXPECT_EQ(Compile(Any({Rate(1, absl::Minutes(5)), All({Rate(1, absl::Hours(1))})})).LongestRateWindow(),
            absl::Hours(1));
  EXPECT_EQ(Compile(Size(1)).LongestRateWindow(), absl::ZeroDuration());
}

TEST(IncidentRuleTest, BadMatcherIsRefusedWithTheRulesName) {
  IncidentRule rule;
  rule.id = IncidentRuleId("storm");
  rule.condition = Matches("a", "(");
  rule.condition.matchers[0].op = MatchOp::kRegex;
  EXPECT_THAT(std::string(CompiledIncidentRule::Compile(rule).status().message()),
              HasSubstr("incident rule \"storm\": "));
}

TEST(IncidentRuleTest, NestingWithoutEndIsRefused) {
  IncidentRule rule;
  rule.condition = Size(1);
  for (int i = 0; i < 100; ++i)
    rule.condition = All({std::move(rule.condition)});
  EXPECT_FALSE(CompiledIncidentRule::Compile(rule).ok());
}

}  // namespace
}  // namespace tocsin
