// self_tests: whether people are asked if their contact methods reach them.
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/dump.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

LoadResult LoadSection(std::string_view fields) {
  return Load(WithBase(absl::StrFormat("public_url: https://tocsin.example.com\nself_tests: {%s}\n", fields)));
}

TEST(SelfTestsTest, WhoeverHasTheSectionWantsThemAndWithoutItThereAreNone) {
  const LoadResult none = Load(WithBase(""));
  ASSERT_THAT(Lines(none.problems), IsEmpty());
  EXPECT_EQ(none.organisation.self_tests, SelfTests());
  EXPECT_FALSE(none.organisation.self_tests.enabled);
  EXPECT_THAT(Dump(none.organisation), Not(HasSubstr("self_tests")));

  const LoadResult some = LoadSection("at_creation: false, interval: 60d");
  ASSERT_THAT(Lines(some.problems), IsEmpty());
  const SelfTests& tests = some.organisation.self_tests;
  EXPECT_TRUE(tests.enabled && tests.at_shift_start && tests.widen_steps);
  EXPECT_FALSE(tests.at_creation);
  EXPECT_EQ(tests.interval, absl::Hours(24 * 60));
  EXPECT_TRUE(LoadSection("").organisation.self_tests.enabled);
  EXPECT_FALSE(Load(WithBase("self_tests: {enabled: false}\n")).organisation.self_tests.enabled);
}

TEST(SelfTestsTest, NeedALinkAndAnIntervalThatMakesSense) {
  EXPECT_THAT(Lines(Load(WithBase("self_tests: {}\n")).problems),
              ElementsAre(HasSubstr("self_tests: a self-test carries a link: public_url must say where it leads")));
  for (const char* interval : {"12h", "400d"}) {
    EXPECT_THAT(Lines(LoadSection(absl::StrFormat("interval: %s", interval)).problems),
                ElementsAre(HasSubstr("self_tests.interval: must be 1d to 366d")));
  }
}

}  // namespace
}  // namespace tocsin
