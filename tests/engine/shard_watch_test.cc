// What shards do for routes that ask for more than counts: events counted, values of labels, alerts that end without news.
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const AlertEvent kDisk = Firing({
    {"alertname", "Disk"},
    {"region",    "eu"  }
});
const AlertEvent kDiskInUs = Firing({
    {"alertname", "Disk"},
    {"region",    "us"  }
});

std::shared_ptr<const Organisation> With(void (*change)(Route&)) {
  auto organisation = std::make_shared<Organisation>(SampleOrganisation());
  change(organisation->route);
  return organisation;
}

void ThreeInAMinute(Route& route) {
  route.threshold = {.count = 3, .window = absl::Minutes(1)};
}
void Regions(Route& route) {
  route.break_through.labels = {"region"};
}
void CloseAfterAnHour(Route& route) {
  route.auto_close = absl::Hours(1);
}

TEST(ShardWatchTest, EventsAreCountedRepeatsIncludedAndToldUntilWellPastTheThreshold) {
  ShardWorld world;
  world.SetRules(With(ThreeInAMinute));
  for (std::uint64_t events = 1; events <= 6; ++events) {
    world.Apply(kDisk);
    const std::vector<GroupReport> reports = world.Reports();
    ASSERT_THAT(reports, SizeIs(1)) << events;
    EXPECT_TRUE(reports[0].counted);
    EXPECT_EQ(reports[0].events, events);
  }
  world.Apply(kDisk);
  EXPECT_THAT(world.Reports(), IsEmpty()) << "the threshold is long since met";
  world.Pass(absl::Minutes(2));
  world.Apply(kDisk);
  EXPECT_THAT(world.Reports(), SizeIs(1)) << "it counts from one again";
}

TEST(ShardWatchTest, NothingIsCountedWhereNobodyAsks) {
  ShardWorld world;
  world.Apply(kDisk);
  EXPECT_FALSE(world.Reports()[0].counted);
  world.Apply(kDisk);
  EXPECT_THAT(world.Reports(), IsEmpty());
}

TEST(ShardWatchTest, SilencedEventsAreNotCounted) {
  ShardWorld world;
  world.SetRules(With(ThreeInAMinute), {
                                           SilenceOf(1, {{"region", MatchOp::kEqual, "eu"}}
                                            )
  });
  world.Apply(kDisk);
  world.Apply(kDisk);
  EXPECT_EQ(world.Reports()[0].events, 0U);
}

TEST(ShardWatchTest, NewRulesReachAlertsThatAreThere) {
  ShardWorld world;
  world.Apply(kDisk);
  world.Reports();
  world.SetRules(With(ThreeInAMinute));
  EXPECT_TRUE(world.Reports()[0].counted) << "told at once that it counts";
  world.Work();
  world.Apply(kDisk);
  EXPECT_EQ(world.Reports()[0].events, 1U);
  world.SetRules(std::make_shared<const Organisation>(SampleOrganisation()));
  EXPECT_FALSE(world.Reports()[0].counted) << "and that it does not any more";
  world.Work();
  world.Apply(kDisk);
  EXPECT_THAT(world.Reports(), IsEmpty());
}

// New rules mark alerts slice by slice, and after a start nothing is marked; events do not wait for it.
TEST(ShardWatchTest, EventsCountBeforeAlertsHaveBeenJudgedAgain) {
  ShardWorld world;
  world.SetRules(With(ThreeInAMinute));
  world.Apply(kDisk);
  world.Seal();
  world.Crash();
  world.Apply(kDisk);
  EXPECT_EQ(world.Reports()[0].events, 1U);
}

// A server that has just started holds its leases for minutes; what new rules mean for alerts does not wait for that.
TEST(ShardWatchTest, WhatIsJudgedAgainIsDueAtOnceWhateverTheLeasesDo) {
  ShardWorld world;
  world.Apply(kDisk);
  world.Work();
  world.SetRules(With(ThreeInAMinute));
  EXPECT_EQ(world.shard().NextExpiry(), EngineTime());
}

TEST(ShardWatchTest, ValuesOfChosenLabelsAreReportedUntilNothingFires) {
  ShardWorld world;
  world.SetRules(With(Regions));
  world.Apply(kDisk);
  EXPECT_THAT(world.Reports()[0].values, ElementsAre("region=eu"));
  world.Apply(kDiskInUs);
  EXPECT_THAT(world.Reports()[0].values, ElementsAre("region=eu", "region=us"));
  world.Seal();
  world.Crash();
  world.Work();
  world.shard().ReportAll();
  EXPECT_THAT(world.Reports()[0].values, ElementsAre("region=eu", "region=us")) << "also after a restart";
  world.Apply(OfKind(kDisk, EventKind::kResolve));
  world.Apply(OfKind(kDiskInUs, EventKind::kResolve));
  world.Reports();
  world.Apply(kDiskInUs);
  EXPECT_THAT(world.Reports()[0].values, ElementsAre("region=us"));
}

TEST(ShardWatchTest, AnAlertWithoutNewsEndsAndSaysSo) {
  const struct {
    const char* name;
    IntegrationIndex integration;  // 0: a lease of five minutes, 1: none
    bool says_end;                 // in ten hours
    absl::Duration ends;
    const char* reason;
  } cases[] = {
      {"no lease",                   1, false, absl::Hours(1),   "no news"},
      {"the lease is shorter",       0, false, absl::Minutes(5), "expired"},
      {"its sender says much later", 1, true,  absl::Hours(1),   "no news"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ShardWorld world;
    world.SetRules(With(CloseAfterAnHour));
    const auto send = [&] {
      const AlertEvent event =
          c.says_end ? WithEnd(kDisk, world.now().wall, world.now().wall + absl::Hours(10)) : kDisk;
      world.Apply(event, c.integration);
      world.Work();
    };
    send();
    world.Pass(c.ends - absl::Seconds(2));
    world.Work();
    send();  // news
    world.Pass(c.ends - absl::Seconds(2));
    world.Work();
    EXPECT_TRUE(world.Find(kDisk, c.integration)->summary.firing);
    world.Seal();
    world.Crash();
    world.Work();
    world.Pass(absl::Seconds(5));
    world.Work();
    EXPECT_FALSE(world.Find(kDisk, c.integration)->summary.firing);
    EXPECT_EQ(world.Find(kDisk, c.integration)->resolved_reason, c.reason);
    EXPECT_EQ(world.Reports()[0].last_end, c.reason);
    world.Seal();
    world.Crash();
    EXPECT_EQ(world.Find(kDisk, c.integration)->resolved_reason, c.reason) << "and it is on the disk";
  }
}

TEST(ShardWatchTest, AutoCloseReachesAlertsThatAreThere) {
  ShardWorld world;
  world.Apply(kDisk, 1);
  world.SetRules(With(CloseAfterAnHour));
  world.Work();
  world.Pass(absl::Hours(1) + absl::Seconds(2));
  world.Work();
  EXPECT_EQ(world.Find(kDisk, 1)->resolved_reason, "no news");
}

}  // namespace
}  // namespace tocsin::shard_test
