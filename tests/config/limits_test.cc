// Limits of contact methods, and Slack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/diff.h"
#include "config/dump.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(LimitsConfigTest, AreReadByKindAndByMethod) {
  const LoadResult loaded = Load(WithBase(R"(limits:
  bundle_window: 2m
  email:
  - {messages: 5, critical: 2, window: 10m}
  - {messages: 20, window: 1h}
  webhook: []
users:
- id: cat
  contact_methods:
  - {kind: terminal, address: cat, limits: [{messages: 1, window: 30s}]}
)"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const MessageLimits& limits = loaded.organisation.limits;
  EXPECT_EQ(limits.bundle_window, absl::Minutes(2));
  ASSERT_EQ(limits.kinds.size(), 2U);
  EXPECT_EQ(limits.kinds[0].kind, ContactMethod::Kind::kEmail);
  EXPECT_THAT(limits.kinds[0].limits,
              ElementsAre(MessageLimit{5, 2, absl::Minutes(10)}, MessageLimit{20, 0, absl::Hours(1)}));
  EXPECT_EQ(limits.kinds[1].kind, ContactMethod::Kind::kWebhook);
  EXPECT_THAT(limits.kinds[1].limits, IsEmpty());
  EXPECT_THAT(loaded.organisation.users[2].contact_methods[0].limits,
              ElementsAre(MessageLimit{1, 0, absl::Seconds(30)}));
  const std::vector<SourceFile> dumped = {
      {"again.yaml", DumpWithSecrets(loaded.organisation)}
  };
  const LoadResult again = Load(dumped);
  EXPECT_THAT(Lines(again.problems), IsEmpty());
  EXPECT_TRUE(again.organisation == loaded.organisation);
}

TEST(LimitsConfigTest, WhatWouldSilenceSomebodyIsRefusedWithItsPlace) {
  const auto problems = [](const std::string& text) { return Lines(Load(WithBase(text)).problems); };
  EXPECT_THAT(problems("limits:\n  sms:\n  - {messages: 0, window: 1m}\n"),
              ElementsAre(HasSubstr("x.yaml:3:16: limits.sms[0].messages:")));
  EXPECT_THAT(
      problems("limits:\n  sms:\n  - {messages: 2, critical: 2, window: 1m}\n"),
      ElementsAre("x.yaml:3:29: limits.sms[0].critical: must be less than messages, so that others go out, too"));
  EXPECT_THAT(problems("limits:\n  sms:\n  - {messages: 2, window: 2d}\n"),
              ElementsAre("x.yaml:3:27: limits.sms[0].window: must be 1s to 1d"));
  EXPECT_THAT(problems("limits:\n  sms:\n  - {messages: 2}\n"),
              ElementsAre("x.yaml:3:5: limits.sms[0]: the field \"window\" is missing"));
  EXPECT_THAT(problems("limits:\n  pigeon: []\n"), ElementsAre(HasSubstr("limits.pigeon: unknown field")));
  EXPECT_THAT(problems("limits: {bundle_window: 3h}\n"), ElementsAre(HasSubstr("must be 0s to 1h")));
}

TEST(SlackConfigTest, NeedsItsTokenAndItsUrl) {
  const auto problems = [](const std::string& text) { return Lines(Load(WithBase(text)).problems); };
  EXPECT_THAT(problems("users:\n- {id: c, contact_methods: [{kind: slack, address: C1}]}\n"),
              ElementsAre(HasSubstr("Slack cannot be reached without the section slack")));
  EXPECT_THAT(problems("slack: {token: xoxb-1}\nusers:\n- {id: c, contact_methods: [{kind: slack, address: C1}]}\n"),
              IsEmpty());
  EXPECT_THAT(problems("slack: {url: 'https://slack.com/api/x'}\n"), ElementsAre(HasSubstr("the token is missing")));
  EXPECT_THAT(problems("receivers:\n- {id: r, targets: [{kind: slack_webhook, address: '#a'}]}\n"),
              Contains(HasSubstr("the secret is missing: it is the webhook's URL")));
  EXPECT_THAT(problems("receivers:\n- {id: r, targets: [{kind: slack_webhook, address: '#a', secret: nonsense}]}\n"),
              Contains(HasSubstr("is not the URL of a Slack webhook")));
}

TEST(SlackConfigTest, SecretsAreNotShown) {
  const LoadResult loaded = Load(WithBase(R"(slack: {token: xoxb-1}
users:
- {id: c, contact_methods: [{kind: slack_webhook, address: '#a', secret: 'https://hooks.slack.com/services/T/B/X'}]}
)"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const std::string dumped = Dump(loaded.organisation);
  EXPECT_EQ(dumped.find("xoxb-1"), std::string::npos);
  EXPECT_EQ(dumped.find("hooks.slack.com"), std::string::npos);
  Organisation other = loaded.organisation;
  other.slack.token = "xoxb-2";
  for (const std::string& line : Diff(loaded.organisation, other)) {
    EXPECT_THAT(line, HasSubstr("slack.token"));
    EXPECT_EQ(line.find("xoxb"), std::string::npos);
  }
}

}  // namespace
}  // namespace tocsin
