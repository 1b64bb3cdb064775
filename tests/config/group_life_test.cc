// What a route says about the life of its groups: what is assumed, what is inherited, what is refused.
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "config/assumed.h"
#include "config/diff.h"
#include "config/dump.h"
#include "config/load.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(GroupLifeTest, SaneThingsAreAssumedAndNotWritten) {
  const LoadResult loaded = Load(WithBase("route: {policy: page-ann}\n"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const Route& root = loaded.organisation.route;
  EXPECT_EQ(root.reopen_window, absl::Minutes(5));
  EXPECT_EQ(root.flapping, AssumedRoute().flapping);
  EXPECT_TRUE(root.break_through.severity);
  EXPECT_EQ(root.threshold, Threshold());
  EXPECT_EQ(root.auto_close, absl::ZeroDuration());
  const std::string yaml = Dump(loaded.organisation);
  EXPECT_THAT(yaml, Not(HasSubstr("flapping")));
  EXPECT_THAT(yaml, Not(HasSubstr("reopen_window")));
}

TEST(GroupLifeTest, ChildrenTakeItOverFieldByField) {
  const LoadResult loaded = Load(WithBase(R"(
route:
  policy: page-ann
  threshold: {count: 5, window: 10m}
  flapping: {changes: 7}
  break_through: {severity: false, labels: [region]}
  acknowledgement: {timeout: 1h, then: restart, ask_again: always}
  reopen_window: 0s
  auto_close: 1d
  routes:
    - threshold: {count: 9}
      flapping: {stable_for: 1h}
      break_through: {labels: []}
      acknowledgement: {timeout: policy}
    - acknowledgement: {ask_again: never, timeout: 0s}
)"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const Route& root = loaded.organisation.route;
  EXPECT_EQ(root.flapping, (FlappingRule{7, absl::Minutes(30), absl::Minutes(15)}));
  EXPECT_EQ(root.reopen_window, absl::ZeroDuration());
  const Route& first = root.children[0];
  EXPECT_EQ(first.threshold, (Threshold{9, absl::Minutes(10)}));
  EXPECT_EQ(first.flapping, (FlappingRule{7, absl::Minutes(30), absl::Hours(1)}));
  EXPECT_EQ(first.break_through, (BreakThrough{false, {}}));
  EXPECT_EQ(first.acknowledgement.timeout, std::nullopt);
  EXPECT_EQ(first.acknowledgement.then, AcknowledgementRule::Then::kRestart);
  EXPECT_EQ(first.auto_close, absl::Hours(24));
  const Route& second = root.children[1];
  EXPECT_EQ(second.acknowledgement.timeout, absl::ZeroDuration());
  EXPECT_EQ(second.acknowledgement.ask_again, AcknowledgementRule::AskAgain::kNothing);

  const LoadResult again = Load(std::vector<SourceFile>{
      {"dump.yaml", Dump(loaded.organisation)}
  });
  ASSERT_THAT(Lines(again.problems), IsEmpty()) << Dump(loaded.organisation);
  EXPECT_THAT(Diff(loaded.organisation, again.organisation), IsEmpty());
}

TEST(GroupLifeTest, ADifferenceIsToldByTheWordsOfTheFile) {
  Organisation before = Load(WithBase("route: {policy: page-ann}\n")).organisation;
  Organisation after = before;
  after.route.threshold = {5, absl::Minutes(10)};
  EXPECT_THAT(Diff(before, after),
              ElementsAre("~ route.threshold.count: 0 -> 5", "~ route.threshold.window: 0s -> 10m"));
}

TEST(GroupLifeTest, SaysWhatCannotBe) {
  const struct {
    const char* text;
    const char* problem;
  } cases[] = {
      {"threshold: {count: 5}",                   "route.threshold.window: must be 1s to 1w"                       },
      {"threshold: {count: 5, window: 8d}",       "route.threshold.window: must be 1s to 1w"                       },
      {"threshold: {count: 2000000, window: 1m}", "route.threshold.count: must be at most 1000000"                 },
      {"threshold: 5",                            "route.threshold: must be a map of fields"                       },
      {"flapping: {changes: 2}",                  "route.flapping.changes: must be 3 to 100, or 0 for never"       },
      {"flapping: {window: 0s}",                  "route.flapping.window: must be 1s to 1w"                        },
      {"flapping: {changs: 2}",                   "(did you mean \"changes\"?)"                                    },
      {"break_through: {labels: ['']}",           "route.break_through.labels"                                     },
      {"acknowledgement: {timeout: soon}",        "route.acknowledgement.timeout"                                  },
      {"acknowledgement: {timeout: 300d}",        "route.acknowledgement.timeout: must be 1s to 1w, or 0s for none"},
      {"acknowledgement: {then: resum}",          "\"resum\" is none of resume, restart (did you mean \"resume\"?)"},
      {"acknowledgement: {ask_again: sometimes}", "is none of on_higher_severity, always, never"                   },
      {"reopen_window: 13h",                      "route.reopen_window: must be 1s to 12h, or 0s for none"         },
      {"auto_close: 1ms",                         "route.auto_close: must be 1s to"                                },
  };
  for (const auto& c : cases) {
    const std::string yaml = std::string("route:\n  policy: page-ann\n  ") + c.text + "\n";
    EXPECT_THAT(Lines(Load(WithBase(yaml.c_str())).problems), testing::Contains(HasSubstr(c.problem))) << c.text;
  }
}

}  // namespace
}  // namespace tocsin
