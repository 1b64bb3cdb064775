#include <set>
#include <string>

#include <gtest/gtest.h>

#include "model/command.h"
#include "model/inlet.h"
#include "model/organisation.h"
#include "model/response.h"
#include "model/timeline.h"

namespace tocsin {
namespace {

// Every value from `first` to `last` has a name of its own in lower_snake_case, fit for metrics and APIs.
template <typename Enum>
void ExpectNamed(Enum first, Enum last) {
  std::set<std::string> names;
  for (int value = static_cast<int>(first); value <= static_cast<int>(last); ++value) {
    const std::string name(Name(static_cast<Enum>(value)));
    EXPECT_FALSE(name.empty() || name == "unknown") << value;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_TRUE(names.insert(name).second) << name << " twice";
  }
}

TEST(NamesTest, EveryEnumeratorHasItsOwn) {
  ExpectNamed(EventKind::kTrigger, EventKind::kResolve);
  ExpectNamed(Outcome::kNew, Outcome::kRejected);
  static_assert(static_cast<std::size_t>(Outcome::kRejected) + 1 == kOutcomes);
  ExpectNamed(Admission::kAccepted, Admission::kStopping);
  ExpectNamed(ContactMethod::Kind::kTerminal, ContactMethod::Kind::kSlack);
  ExpectNamed(TimelineEntry::Kind::kOpened, TimelineEntry::Kind::kNotificationBundled);
}

TEST(NamesTest, SubjectsTellTheirKind) {
  EXPECT_EQ(SubjectOf(GroupId(7)), (Subject{SubjectKind::kGroup, 7}));
  EXPECT_EQ(SubjectOf(IncidentId(7)), (Subject{SubjectKind::kIncident, 7}));
  EXPECT_EQ(SubjectOf(SilenceId(7)), (Subject{SubjectKind::kSilence, 7}));
}

TEST(RowTest, KeysTellTablesApartAndSingletonsHaveIdZero) {
  Group group;
  group.id = GroupId(9);
  Timer timer;
  timer.id = TimerId(9);
  const RowKey group_key = KeyOf(Row(group));
  const RowKey timer_key = KeyOf(Row(timer));
  EXPECT_EQ(group_key.id, 9U);
  EXPECT_EQ(timer_key.id, 9U);
  EXPECT_NE(group_key, timer_key);
  EXPECT_EQ(KeyOf(Row(Counters{.next_id = 5, .rules = {}})).id, 0U);
  EXPECT_EQ(KeyOf(Row(OrganisationPtr())).id, 0U);
}

TEST(OrganisationTest, FindsByIdAndRoutesAtAnyDepth) {
  Organisation organisation;
  organisation.users.push_back({.id = UserId("ann"), .name = "Ann"});
  organisation.users.push_back({.id = UserId("bob"), .name = "Bob"});
  Route leaf;
  leaf.id = RouteId("root/0/0");
  Route child;
  child.id = RouteId("root/0");
  child.children.push_back(leaf);
  organisation.route.id = RouteId("root");
  organisation.route.children.push_back(child);

  ASSERT_NE(organisation.Find(UserId("bob")), nullptr);
  EXPECT_EQ(organisation.Find(UserId("bob"))->name, "Bob");
  EXPECT_EQ(organisation.Find(UserId("eve")), nullptr);
  EXPECT_EQ(organisation.Find(RouteId("root")), &organisation.route);
  ASSERT_NE(organisation.Find(RouteId("root/0/0")), nullptr);
  EXPECT_EQ(organisation.Find(RouteId("root/0/0"))->id, leaf.id);
  EXPECT_EQ(organisation.Find(RouteId("root/1")), nullptr);
}

}  // namespace
}  // namespace tocsin
