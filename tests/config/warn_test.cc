// What is permitted but probably not meant, and what an incomplete set of files is told.
#include "config/warn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/ownership.h"
#include "config/sample.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
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
      {"the sample's key",                 "integrations:\n- {id: i, source: generic, key: demo-key-for-generic}\n",
       "integrations[0].key: is the sample's"                                                                                                   },
  };
  for (const auto& [what, text, line] : cases)
    EXPECT_THAT(WarningsOf(text), Contains(HasSubstr(line))) << what;
}

TEST(WarnTest, HasNothingToSayAboutWhatIsUsed) {
  EXPECT_THAT(WarningsOf(""), IsEmpty());
}

TEST(WarnTest, OfTheSampleKnowsItsKeysAndTheScheduleThatIsOnlyThereToBeSeen) {
  EXPECT_THAT(Lines(Load(SampleOrganisation()).warnings),
              Each(AnyOf(HasSubstr("is the sample's"), HasSubstr("schedules[3]: no policy"))));
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

TEST(ReachTest, ARouteWithoutAReachablePersonIsRefused) {
  const std::vector<std::string> problems =
      Lines(Load(WithBase("users:\n- {id: mute}\npolicies:\n- {id: quiet, steps: [{targets: [{user: mute}]}]}\n"
                          "incident_rules:\n- {id: r, when: {group_size: 2}, policy: quiet}\n"))
                .problems);
  EXPECT_THAT(problems, Contains(HasSubstr("policy \"quiet\" reaches nobody")));
}

}  // namespace
}  // namespace tocsin
