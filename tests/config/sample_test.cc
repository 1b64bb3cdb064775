#include "config/sample.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "config/diff.h"
#include "config/dump.h"
#include "escalation/roster.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::IsEmpty;

TEST(SampleTest, IsAValidOrganisation) {
  const LoadResult sample = Load(SampleOrganisation());
  ASSERT_THAT(Lines(sample.problems), IsEmpty());
  EXPECT_THAT(Roster::Problems(sample.organisation), IsEmpty());
  EXPECT_EQ(sample.organisation.users.size(), 8U);
  EXPECT_EQ(sample.organisation.teams.size(), 3U);
  EXPECT_EQ(sample.organisation.services.size(), 4U);
  EXPECT_EQ(sample.organisation.policies.size(), 3U);
}

TEST(SampleTest, GivesNoWarning) {
  EXPECT_THAT(Lines(Load(SampleOrganisation()).warnings), IsEmpty());
}

// Nobody should wonder why nothing is printed: without providers only the terminal is left.
TEST(SampleTest, PagesEverybodyOnTheTerminal) {
  const LoadResult sample = Load(SampleOrganisation());
  for (const User& user : sample.organisation.users) {
    ASSERT_FALSE(user.notification_rules.empty()) << user.id.value();
    for (const ContactMethod& method : user.contact_methods) {
      EXPECT_EQ(method.kind, ContactMethod::Kind::kTerminal) << user.id.value();
    }
  }
}

TEST(SampleTest, SomebodyIsOnCallForEveryPolicyAtAnyHourOfTwoYears) {
  LoadResult sample = Load(SampleOrganisation());
  const auto organisation = std::make_shared<const Organisation>(std::move(sample.organisation));
  const absl::StatusOr<Roster> roster = Roster::Compile(organisation);
  ASSERT_TRUE(roster.ok()) << roster.status();
  const absl::Time start = absl::FromCivil(absl::CivilHour(2025, 1, 1, 0), absl::UTCTimeZone());
  for (int hour = 0; hour < 2 * 365 * 24; ++hour) {
    const absl::Time at = start + absl::Hours(hour);
    for (const EscalationPolicy& policy : organisation->policies) {
      ASSERT_FALSE(roster->Resolve(policy.steps.front().targets, at).empty()) << policy.id.value() << " at " << at;
    }
  }
}

TEST(SampleTest, SurvivesExportAndImport) {
  const LoadResult sample = Load(SampleOrganisation());
  const LoadResult again = Load(std::vector<SourceFile>{
      {"export.yaml", Dump(sample.organisation)}
  });
  ASSERT_THAT(Lines(again.problems), IsEmpty()) << Dump(sample.organisation);
  EXPECT_THAT(Diff(sample.organisation, again.organisation), IsEmpty());
  EXPECT_TRUE(sample.organisation == again.organisation);
}

}  // namespace
}  // namespace tocsin
