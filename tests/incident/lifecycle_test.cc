#include "incident/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace tocsin {
namespace {

using testing::HasSubstr;

TEST(IncidentTitleTest, FillsInWhatItKnowsAndLeavesTheRest) {
  const Labels labels = {
      {"cluster", "c1"  },
      {"evil",    "a\nb"}
  };
  const IncidentContext context{.labels = labels, .group = "G17", .service = "payments"};
  const struct {
    std::string_view title;
    std::string_view expected;
  } rows[] = {
      {"{{service}} in {{labels.cluster}} ({{group}})", "payments in c1 (G17)"               },
      {"{{ service }}",                                 "payments"                           },
      {"{{labels.none}}!",                              "!"                                  },
      {"{{unknown}} {{",                                "{{unknown}} {{"                     },
      {"}} {{service",                                  "}} {{service"                       },
      {"{{labels.evil}}",                               "a b"                                },
      {"",                                              "r: {cluster=\"c1\", evil=\"a\\nb\"}"},
  };
  for (const auto& row : rows) {
    IncidentRule rule;
    rule.id = IncidentRuleId("r");
    rule.title = row.title;
    EXPECT_EQ(IncidentTitle(rule, context), row.expected);
  }
}

TEST(IncidentTitleTest, IsBoundedAndStaysUtf8) {
  std::string umlauts;
  for (int i = 0; i < 4000; ++i)
    umlauts += "\xC3\xBC";
  const Labels labels = {
      {"a", "x" + umlauts}
  };
  IncidentRule rule;
  rule.title = "{{labels.a}}{{labels.a}}";
  const std::string title = IncidentTitle(rule, {.labels = labels, .group = "", .service = ""});
  EXPECT_LE(title.size(), 512U);
  EXPECT_TRUE(IsValidUtf8(title));
}

TEST(JoinKeyTest, IsTheServiceOrTheNamedLabels) {
  const Labels labels = {
      {"cluster", "c1"     },
      {"zone",    "z\",\"x"}
  };
  const IncidentContext context{.labels = labels, .group = "G1", .service = "payments"};
  IncidentRule rule;
  EXPECT_EQ(JoinKey(rule, context), "service=\"payments\"");
  EXPECT_EQ(JoinKey(rule, {.labels = labels, .group = "G1", .service = ""}), "") << "nothing joins";
  rule.join_by = {"cluster", "zone"};
  EXPECT_EQ(JoinKey(rule, context), "\"cluster\"=\"c1\",\"zone\"=\"z\\\",\\\"x\"") << "no value can pose as two";
  rule.join_by = {"none"};
  EXPECT_EQ(JoinKey(rule, context), "") << "what has none of the labels has nothing in common";
}

TEST(IncidentLifeTest, MovesForwardAndSaysWhyNot) {
  const Now now{absl::FromUnixSeconds(1704110400), EngineTime(1)};
  Incident incident;
  incident.id = IncidentId(3);
  incident.generation = Generation(1);
  ASSERT_TRUE(Acknowledge(incident, "user:bob", now).ok());
  EXPECT_EQ(incident.generation, Generation(2));
  ASSERT_TRUE(Acknowledge(incident, "user:carol", now).ok());
  EXPECT_EQ(incident.acknowledged_by, "user:bob") << "the first one has it";
  EXPECT_EQ(incident.generation, Generation(2));
  ASSERT_TRUE(Resolve(incident, "rule", now).ok());
  EXPECT_EQ(Resolve(incident, "rule", now).code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status status = Acknowledge(incident, "user:bob", now);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("incident I3 was resolved by rule at 2024-01-01T12:00:00Z (generation 3)"));
}

}  // namespace
}  // namespace tocsin
