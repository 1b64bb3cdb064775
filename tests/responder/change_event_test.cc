// Changes that are shown beside alerts: kept, bounded, found again by what they have in common with a group.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "engine/responder_changes.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ChangeEvent Deploy(std::string_view summary, Labels labels = {}) {
  ChangeEvent change;
  change.summary = summary;
  change.labels = std::move(labels);
  return change;
}

std::vector<std::string> SummariesOf(const std::vector<const ChangeEvent*>& changes) {
  std::vector<std::string> summaries;
  for (const ChangeEvent* change : changes)
    summaries.push_back(change->summary);
  return summaries;
}

TEST(ChangeEventTest, IsKeptAndTellsNobody) {
  World world;
  const CommandResult result = world.Do(RecordChange{Deploy("web 1.4.2 is out")}, "integration:ci");
  ASSERT_TRUE(result.status.ok()) << result.status;
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Crash();
  ASSERT_EQ(world.state().changes.size(), 1U);
  EXPECT_EQ(world.state().changes.begin()->second.received, Noon());
  EXPECT_TRUE(absl::IsInvalidArgument(world.Do(RecordChange{Deploy(" ")}).status));
}

TEST(ChangeEventTest, TheSendersTimeCountsUnlessItIsToCome) {
  World world;
  ChangeEvent change = Deploy("early");
  change.at = Noon() - absl::Minutes(30);
  ASSERT_TRUE(world.Do(RecordChange{change}).status.ok());
  change.summary = "late";
  change.at = Noon() + absl::Hours(5);
  ASSERT_TRUE(world.Do(RecordChange{change}).status.ok());
  std::vector<absl::Time> times;
  for (const auto& [at, id] : world.state().changes_by_time)
    times.push_back(at);
  EXPECT_THAT(times, ElementsAre(Noon() - absl::Minutes(30), Noon()));
}

TEST(ChangeEventTest, GoesAfterNinetyDays) {
  World world;
  ASSERT_TRUE(world.Do(RecordChange{Deploy("old")}).status.ok());
  world.Sleep(absl::Hours(24 * 50));
  ASSERT_TRUE(world.Do(RecordChange{Deploy("new")}).status.ok());
  world.Sleep(absl::Hours(24 * 41));
  ASSERT_EQ(world.state().changes.size(), 1U);
  EXPECT_EQ(world.state().changes.begin()->second.summary, "new");
  world.Sleep(absl::Hours(24 * 50));
  EXPECT_TRUE(world.state().changes.empty());
  EXPECT_TRUE(world.state().changes_by_time.empty());
}

TEST(ChangeEventTest, TheOldestGoesWhenThereAreTooMany) {
  World world;
  for (std::size_t i = 0; i <= limits::kChangeEvents; ++i)
    ASSERT_TRUE(world.Do(RecordChange{Deploy(std::to_string(i))}).status.ok());
  EXPECT_EQ(world.state().changes.size(), limits::kChangeEvents);
  EXPECT_EQ(world.state().changes.begin()->second.summary, "1");
}

TEST(ChangeEventTest, WhatIsTooLongIsCutAndTextBecomesText) {
  World world;
  ChangeEvent change = Deploy(std::string(5000, 'x'));
  change.details = std::string(10'000, 'y');
  change.source = "\xff\xfe";
  change.labels.assign(100, {"name", "value"});
  change.links.assign(50, {"https://example.com", ""});
  ASSERT_TRUE(world.Do(RecordChange{change}).status.ok());
  const ChangeEvent& kept = world.state().changes.begin()->second;
  EXPECT_EQ(kept.summary.size(), limits::kChangeSummaryBytes);
  EXPECT_EQ(kept.details.size(), limits::kChangeDetailBytes);
  EXPECT_EQ(kept.source, "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(kept.labels.size(), 1U);
  EXPECT_EQ(kept.links.size(), limits::kChangeLinks);
}

TEST(ChangeEventTest, IsShownBesideAGroupThatItHasToDoWith) {
  World world;
  const auto record = [&](ChangeEvent change) { ASSERT_TRUE(world.Do(RecordChange{std::move(change)}).status.ok()); };
  record(Deploy("long ago", {
                                {"instance", "db0"}
  }));
  world.Pass(absl::Hours(4));
  record(Deploy("same instance", {
                                     {"instance", "db0"}
  }));
  record(Deploy("another instance", {
                                        {"instance", "web7"}
  }));
  record(Deploy("only the severity", {
                                         {"severity", "critical"}
  }));
  world.Pass(absl::Minutes(20));
  world.Observe({});
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(SummariesOf(ChangesAround(world.state(), *world.Current())), ElementsAre("same instance"));
  ChangeEvent of_service = Deploy("of its service");
  of_service.service = ServiceId("orders");
  record(of_service);
  Group group = *world.Current();
  group.service = ServiceId("orders");
  EXPECT_THAT(SummariesOf(ChangesAround(world.state(), group)), ElementsAre("of its service", "same instance"));
}

}  // namespace
}  // namespace tocsin
