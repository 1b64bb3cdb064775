// A storm that a route tears into more groups than a shard makes.
#include "gtest/gtest.h"

#include "base/limits.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

// A key is a hash, and whoever knows the store's seed can aim one.
TEST(ShardTest, AnAlertIsItsIntegrationsAloneWhoeverAimsAtItsKey) {
  ShardWorld world;
  const AlertEvent disk = Firing({
      {"alertname", "DiskFull"}
  });
  EXPECT_EQ(world.Apply(disk, 1), Outcome::kNew);
  for (const EventKind kind : {EventKind::kResolve, EventKind::kAcknowledge, EventKind::kTrigger}) {
    EventBatch batch(kSeed, 0);
    ASSERT_TRUE(batch.Append(OfKind(disk, kind)).ok());
    std::vector<std::byte> aimed(batch.bytes().begin(), batch.bytes().end());
    static_cast<EventHeader*>(static_cast<void*>(aimed.data()))->key = KeyOfEvent(disk, 1);
    const Outcome outcome = world.shard().Apply(EventView(aimed.data()), world.now());
    EXPECT_EQ(outcome, kind == EventKind::kTrigger ? Outcome::kNew : Outcome::kAlreadyResolved);
  }
  EXPECT_EQ(world.Apply(disk, 1), Outcome::kDuplicate);
  EXPECT_EQ(world.shard().Statistics().firing, 2);
}

TEST(ShardOverflowTest, GroupsTooManyAreOneOfTheirRouteThatStillPages) {
  Shard::Options options = ShardWorld::DefaultOptions();
  options.max_groups = 10;
  ShardWorld world(options);
  const auto alert = [](int i) {
    return Firing({
        {"alertname", "A" + std::to_string(i)},
        {"severity",  "critical"             }
    });
  };
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(world.Apply(alert(i)), Outcome::kNew);
  EXPECT_EQ(world.shard().Statistics().groups, 11U);
  const auto overflow = [&]() -> std::optional<GroupReport> {
    for (GroupReport& report : world.Reports()) {
      if (Find(report.labels, "alertname") == kTooManyGroupsAlert) return std::move(report);
    }
    return std::nullopt;
  };
  const std::optional<GroupReport> report = overflow();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->firing, 990U);
  EXPECT_EQ(report->route, RouteId("root"));
  EXPECT_EQ(report->highest, Severity::kCritical);
  EXPECT_EQ(report->exemplars.size(), limits::kExemplarsPerGroup);
  EXPECT_EQ(world.Apply(alert(5)), Outcome::kDuplicate) << "who has a group keeps it";

  world.Seal();
  world.Crash();
  const std::optional<GroupReport> recovered = overflow();
  ASSERT_TRUE(recovered.has_value());
  EXPECT_EQ(recovered->firing, 990U);
  EXPECT_EQ(recovered->key, report->key);

  for (int i = 10; i < 1000; ++i)
    EXPECT_EQ(world.Apply(OfKind(alert(i), EventKind::kResolve)), Outcome::kResolved);
  const std::optional<GroupReport> over = overflow();
  ASSERT_TRUE(over.has_value());
  EXPECT_EQ(over->firing, 0U);
}

}  // namespace
}  // namespace tocsin::shard_test
