// What is permitted but probably not meant, and what an incomplete set of files is told.
#include "config/warn.h"

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/ownership.h"
#include "config/sample.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<std::string> WarningsOf(const std::string& text) {
  const LoadResult loaded = Load(WithBase(text));
  EXPECT_THAT(Lines(loaded.problems), IsEmpty());
  return Lines(loaded.warnings);
}

std::vector<std::string> ProblemsOf(const std::string& text) {
  const SourceFile file{"x.yaml", text};
  return Lines(Load(std::span(&file, 1)).problems);
}

TEST(WarnTest, SaysWhereAndWhatItIs) {
  const struct {
    std::string_view what;
    std::string text;
    std::string_view line;
  } cases[] = {
      {"a step without anybody",           "policies:\n- id: p\n  steps: [{targets: []}, {targets: [{user: ann}]}]\n",
       "x.yaml:3:21: policies[1].steps[0].targets: is empty"                                                                                    },
      {"a policy that nothing leads to",   "policies:\n- {id: p, steps: [{targets: [{user: ann}]}]}\n",
       "x.yaml:2:3: policies[1]: no route and no incident rule"                                                                                 },
      {"a receiver that nothing leads to", "receivers:\n- {id: r, targets: [{kind: terminal, address: x}]}\n",
       "receivers[0]: no route leads to it"                                                                                                     },
      {"a schedule that nothing leads to",
       "schedules:\n- id: s\n  time_zone: UTC\n  layers: [{id: l, participants: [ann], rotation: {type: weekly, start: "
       "'2024-01-01T09:00'}}]\n",                                                                                      "schedules[0]: no policy"},
  };
  for (const auto& [what, text, line] : cases)
    EXPECT_THAT(WarningsOf(text), Contains(HasSubstr(line))) << what;
}

TEST(WarnTest, TwoProvidersWithOneHostAreOne) {
  const std::string first =
      "smtp: {url: 'smtp://mail.example.com:25', from: 'a@example.com'}\n"
      "twilio: {account_sid: AC1, auth_token: t, from: '+15005550006'}\n";
  const std::string same =
      "second_smtp: {url: 'smtps://MAIL.example.com', from: 'a@example.com'}\n"
      "second_twilio: {account_sid: AC2, auth_token: t, from: '+15005550007'}\n";
  EXPECT_THAT(WarningsOf(first + same),
              testing::IsSupersetOf({HasSubstr("second_smtp.url: is at mail.example.com as well"),
                                     HasSubstr("second_twilio.url: is at api.twilio.com as well")}));
  const std::string other =
      "second_smtp: {url: 'smtps://mail.example.org', from: 'a@example.com'}\n"
      "second_twilio: {url: 'https://sms.example.org', account_sid: AC2, auth_token: t, from: "
      "'+15005550007'}\n";
  EXPECT_THAT(WarningsOf(first + other), IsEmpty());
}

TEST(WarnTest, HasNothingToSayAboutWhatIsUsed) {
  EXPECT_THAT(WarningsOf(""), IsEmpty());
}

TEST(WarnTest, KnowsWhichIntegrationsHaveTheSamplesKeys) {
  const LoadResult loaded =
      Load(WithBase("integrations:\n- {id: i, source: generic, key: demo-key-for-generic}\n"
                    "- {id: own, source: generic, key: 0123456789abcdef0123456789abcdef}\n"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  EXPECT_THAT(WithSampleKeys(loaded.organisation), ElementsAre(IntegrationId("i")));
}

TEST(WarnTest, ARouteThatOnlyTellsAndContinuesIsNamedWhenItTakesAlertsAwayFromThePolicyAbove) {
  constexpr std::string_view kTells =
      "{id: tell, matchers: ['severity=~\"critical|high\"'], continue: true, policy: '', "
      "receiver: r}";
  const struct {
    std::string_view what;
    std::string routes;
    bool is_named;
  } cases[] = {
      {"nothing behind it",                absl::StrFormat("[%s]",                                       kTells), true },
      {"a part of it behind it",           absl::StrFormat("[%s, {matchers: ['severity=\"high\"']}]",    kTells), true },
      {"something else behind it",         absl::StrFormat("[%s, {matchers: ['service=\"web\"']}]",      kTells), true },
      {"all in two parts behind it",
       absl::StrFormat("[%s, {matchers: ['severity=\"high\"']}, {matchers: ['severity=\"critical\"']}]", kTells),
       false                                                                                                           },
      {"the rest behind it",               absl::StrFormat("[%s, {matchers: ['service=\"web\"']}, {}]",  kTells), false},
      {"everything before it, continuing", absl::StrFormat("[{continue: true}, %s]",                     kTells), false},
  };
  for (const auto& [what, routes, is_named] : cases) {
    const auto warnings = WarningsOf(
        "receivers:\n- {id: r, targets: [{kind: terminal, address: x}]}\n"
        "route: {policy: page-ann, routes: " +
        routes + "}\n");
    const ::testing::Matcher<const std::vector<std::string>&> named =
        Contains(HasSubstr("pages nobody, and keeps what it takes from policy \"page-ann\""));
    EXPECT_EQ(testing::Matches(named)(warnings), is_named) << what;
  }
}

TEST(IncompleteTest, IsToldWhatIsMissingInsteadOfWhatFollows) {
  for (const std::string& nothing : {std::string(), std::string("# nothing\n---\n"), std::string("null\n")}) {
    EXPECT_THAT(ProblemsOf(nothing), ElementsAre(HasSubstr("nothing is declared: an organisation has at least")));
  }
  const std::vector<std::string> people =
      ProblemsOf("users:\n- {id: ann, contact_methods: [{kind: terminal, address: x}]}\n");
  EXPECT_THAT(people, SizeIs(3));
  EXPECT_THAT(people, Contains(HasSubstr("route: is missing")));
  EXPECT_THAT(people, Contains(HasSubstr("nothing under policies, route, fallback_user: is a file missing?")));
  EXPECT_THAT(ProblemsOf("hello\n"), Contains(HasSubstr("must be a map of fields, is text")));
}

TEST(IncompleteTest, SaysFirstWhichListsAreMissingAndNotWhatFollows) {
  const std::vector<std::string> problems = ProblemsOf(
      "policies:\n- {id: p, steps: [{targets: [{schedule: s}, {team: t}, {user: u}]}]}\n"
      "services:\n- {id: x, team: t, matchers: 'a=\"b\"'}\n");
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems.front(),
              HasSubstr("nothing under users, teams, schedules, route, fallback_user: is a file missing?"));
  EXPECT_THAT(problems, Each(Not(HasSubstr("is unknown"))));
}

TEST(IncompleteTest, AnUnknownKindIsAllThatIsSaidOfAContactMethod) {
  const std::vector<std::string> problems =
      Lines(Load(WithBase("receivers:\n- {id: r, targets: [{kind: termnal, address: '#alerts'}]}\n"
                          "route: {receiver: r, policy: page-ann}\n"))
                .problems);
  EXPECT_THAT(problems, ElementsAre(HasSubstr("receivers[0].targets[0].kind")));
}

TEST(ReachTest, ARouteWithoutAReachablePersonIsRefused) {
  const std::vector<std::string> problems =
      Lines(Load(WithBase("users:\n- {id: mute}\npolicies:\n- {id: quiet, steps: [{targets: [{user: mute}]}]}\n"
                          "incident_rules:\n- {id: r, when: {group_size: 2}, policy: quiet}\n"))
                .problems);
  EXPECT_THAT(problems, Contains(HasSubstr("policy \"quiet\" reaches nobody")));
}

}  // namespace
}  // namespace tocsin
