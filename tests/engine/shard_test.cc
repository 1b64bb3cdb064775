// Stories about one shard, as an operator would tell them.
#include "engine/shard.h"

#include <numeric>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const AlertEvent kDisk = Firing({
    {"alertname", "DiskFull"},
    {"instance",  "db1"     },
    {"severity",  "critical"}
});

TEST(ShardTest, RepeatsOfAnAlertAreMergedAndCounted) {
  ShardWorld world;
  EXPECT_EQ(world.Apply(kDisk), Outcome::kNew);
  world.Pass(absl::Seconds(60));
  EXPECT_EQ(world.Apply(kDisk), Outcome::kDuplicate);
  EXPECT_EQ(world.Apply(kDisk), Outcome::kDuplicate);
  const std::optional<AlertRecord> record = world.Find(kDisk);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->received, 3);
  EXPECT_EQ(record->summary.fired_at, kStart);
  EXPECT_EQ(record->last_seen_at, kStart + absl::Seconds(60));
  EXPECT_EQ(record->summary.labels, kDisk.labels);
  EXPECT_EQ(record->summary.severity, Severity::kCritical);
  EXPECT_EQ(record->summary.integration, IntegrationId("prometheus"));
  EXPECT_THAT(record->routes, ElementsAre(RouteId("root")));
}

TEST(ShardTest, ASenderThatGoesQuietResolvesItsAlertsAfterTheLease) {
  ShardWorld world;
  world.Apply(kDisk);
  world.Pass(absl::Minutes(5) - absl::Seconds(1));
  world.Work();
  EXPECT_TRUE(world.Find(kDisk)->summary.firing);
  world.Pass(absl::Seconds(2));
  world.Work();
  EXPECT_FALSE(world.Find(kDisk)->summary.firing);
  EXPECT_EQ(world.Find(kDisk)->resolved_reason, "expired");
}

TEST(ShardTest, ARepeatRenewsTheLease) {
  ShardWorld world;
  world.Apply(kDisk);
  for (int minute = 0; minute < 30; ++minute) {
    world.Pass(absl::Minutes(1));
    EXPECT_EQ(world.Apply(kDisk), Outcome::kDuplicate);
    world.Work();
  }
  EXPECT_TRUE(world.Find(kDisk)->summary.firing);
}

TEST(ShardTest, TimeInWhichWeRefusedDoesNotExpireAnything) {
  ShardWorld world;
  world.Work();
  world.Apply(kDisk);
  world.Refuse(absl::Hours(2));
  world.Work();
  EXPECT_TRUE(world.Find(kDisk)->summary.firing);
  world.Pass(absl::Minutes(5) + absl::Seconds(1));
  world.Work();
  EXPECT_FALSE(world.Find(kDisk)->summary.firing);
}

TEST(ShardTest, DowntimeDoesNotExpireAnything) {
  ShardWorld world;
  world.Apply(kDisk);
  world.Seal();
  world.Pass(absl::Hours(8));
  world.Crash();
  world.Work();
  EXPECT_TRUE(world.Find(kDisk)->summary.firing);
  world.Pass(absl::Minutes(5) + absl::Seconds(1));
  world.Work();
  EXPECT_FALSE(world.Find(kDisk)->summary.firing);
}

TEST(ShardTest, AWebhooksAlertNeverExpires) {
  ShardWorld world;
  world.Apply(kDisk, 1);
  EXPECT_EQ(world.Find(kDisk, 1)->lease_until, EngineTime::Infinite());
  EXPECT_EQ(world.shard().NextExpiry(), EngineTime::Infinite());
  world.Pass(absl::Hours(1000));
  world.Work();
  EXPECT_TRUE(world.Find(kDisk, 1)->summary.firing);
}

TEST(ShardTest, EndsAtInTheFutureIsTheLease) {
  ShardWorld world;
  world.Apply(WithEnd(kDisk, kStart, kStart + absl::Seconds(240)));
  EXPECT_EQ(world.Find(kDisk)->lease_until, world.now().engine + absl::Seconds(240));
  world.Pass(absl::Seconds(241));
  world.Work();
  EXPECT_EQ(world.Find(kDisk)->resolved_reason, "expired");
}

TEST(ShardTest, EndsAtInThePastResolves) {
  ShardWorld world;
  world.Apply(WithEnd(kDisk, kStart, kStart + absl::Minutes(4)));
  world.Pass(absl::Minutes(1));
  EXPECT_EQ(world.Apply(WithEnd(kDisk, kStart, world.now().wall)), Outcome::kResolved);
  EXPECT_EQ(world.Find(kDisk)->resolved_reason, "ends_at");
  // Prometheus says so again for a quarter of an hour.
  const absl::Time end = world.now().wall;
  for (int minute = 0; minute < 15; ++minute) {
    world.Pass(absl::Minutes(1));
    EXPECT_EQ(world.Apply(WithEnd(kDisk, kStart, end)), Outcome::kAlreadyResolved);
  }
  EXPECT_EQ(world.Apply(WithEnd(kDisk, world.now().wall, world.now().wall + absl::Minutes(4))), Outcome::kRefired);
}

TEST(ShardTest, ASendersWrongClockDelaysTheFirstPageByOneRepeatAndNoMore) {
  ShardWorld world;
  const absl::Duration behind = absl::Minutes(10);
  const auto sent = [&] { return WithEnd(kDisk, kStart - behind, world.now().wall - behind + absl::Minutes(4)); };
  EXPECT_EQ(world.Apply(sent()), Outcome::kAlreadyResolved);
  world.Pass(absl::Seconds(75));
  EXPECT_EQ(world.Apply(sent()), Outcome::kNew);
  EXPECT_THAT(world.Reports(), SizeIs(1));
  for (int i = 0; i < 5; ++i) {
    world.Pass(absl::Seconds(75));
    EXPECT_EQ(world.Apply(sent()), Outcome::kDuplicate);
    world.Work();
  }
  // Its end: the endsAt goes back to when it was resolved, then stays.
  const AlertEvent resolved = WithEnd(kDisk, kStart - behind, world.now().wall - behind);
  EXPECT_EQ(world.Apply(resolved), Outcome::kResolved);
  world.Pass(absl::Seconds(75));
  EXPECT_EQ(world.Apply(resolved), Outcome::kAlreadyResolved);
}

TEST(ShardTest, AResolvedAlertThatIsFirstHeardOfStaysResolved) {
  ShardWorld world;
  const AlertEvent over = WithEnd(kDisk, kStart - absl::Hours(1), kStart - absl::Minutes(1));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(world.Apply(over), Outcome::kAlreadyResolved);
    world.Pass(absl::Seconds(75));
  }
  EXPECT_THAT(world.Reports(), IsEmpty());
}

TEST(ShardTest, OverlappingIntervalsKeepTheEarlierStart) {
  ShardWorld world;
  world.Apply(WithEnd(kDisk, kStart - absl::Minutes(10), kStart + absl::Minutes(4)));
  world.Apply(WithEnd(kDisk, kStart - absl::Minutes(5), kStart + absl::Minutes(4)));
  EXPECT_EQ(world.Find(kDisk)->summary.starts_at, kStart - absl::Minutes(10));
  world.Apply(WithEnd(kDisk, kStart - absl::Minutes(20), kStart + absl::Minutes(4)));
  EXPECT_EQ(world.Find(kDisk)->summary.starts_at, kStart - absl::Minutes(20));
  // A firing alert's earlier endsAt does not shorten a later one.
  world.Apply(WithEnd(kDisk, kStart - absl::Minutes(20), kStart + absl::Minutes(1)));
  EXPECT_EQ(world.Find(kDisk)->lease_until, world.now().engine + absl::Minutes(4));
}

TEST(ShardTest, ChangedAnnotationsAreAnUpdateAndTheLastWin) {
  ShardWorld world;
  AlertEvent event = kDisk;
  event.annotations = {
      {"summary", "91% full"}
  };
  world.Apply(event);
  world.Reports();
  event.annotations = {
      {"runbook_url", "http://wiki/disk"},
      {"summary",     "93% full"        }
  };
  EXPECT_EQ(world.Apply(event), Outcome::kUpdated);
  EXPECT_EQ(world.Find(kDisk)->summary.annotations, event.annotations);
  const std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].exemplars[0].annotations, event.annotations);
  EXPECT_EQ(reports[0].fired_total, 1);
}

TEST(ShardTest, WithADedupKeyLabelsAndSeverityMayChange) {
  ShardWorld world;
  AlertEvent event = Firing({
      {"alertname", "Lag"    },
      {"severity",  "warning"}
  });
  event.dedup_key = "lag-1";
  world.Apply(event, 1);
  EXPECT_EQ(world.Reports()[0].highest, Severity::kWarning);
  event.labels = {
      {"alertname", "Lag"     },
      {"severity",  "critical"},
      {"zone",      "b"       }
  };
  EXPECT_EQ(world.Apply(event, 1), Outcome::kUpdated);
  const std::vector<GroupReport> reports = world.Reports(Shard::Reports::kUrgent);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].highest, Severity::kCritical);
  EXPECT_EQ(reports[0].firing, 1);
}

TEST(ShardTest, AnAcknowledgementAtTheSourceIsCountedUntilItFiresAgain) {
  ShardWorld world;
  world.Apply(kDisk);
  EXPECT_EQ(world.Apply(OfKind(kDisk, EventKind::kAcknowledge)), Outcome::kAcknowledged);
  EXPECT_EQ(world.Reports()[0].acknowledged, 1);
  EXPECT_EQ(world.Apply(OfKind(kDisk, EventKind::kResolve)), Outcome::kResolved);
  EXPECT_EQ(world.Apply(OfKind(kDisk, EventKind::kResolve)), Outcome::kAlreadyResolved);
  EXPECT_EQ(world.Apply(OfKind(kDisk, EventKind::kAcknowledge)), Outcome::kAlreadyResolved);
  EXPECT_EQ(world.Apply(kDisk), Outcome::kRefired);
  EXPECT_FALSE(world.Find(kDisk)->acknowledged);
  const std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].acknowledged, 0);
  EXPECT_EQ(reports[0].fired_total, 2);
  EXPECT_EQ(reports[0].resolved_total, 1);
}

TEST(ShardTest, ASilencedAlertIsCountedApartAndComesBackWhenTheSilenceEnds) {
  ShardWorld world;
  world.SetSilences({
      SilenceOf(9, {{"instance", MatchOp::kRegex, "db.*"}}
       )
  });
  EXPECT_EQ(world.Apply(kDisk), Outcome::kSilenced);
  std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].firing, 0);
  EXPECT_EQ(reports[0].suppressed, 1);
  EXPECT_EQ(reports[0].hold, SilenceId(9));
  EXPECT_EQ(reports[0].held_by, "silenced by S9");
  EXPECT_EQ(reports[0].fired_total, 0);
  world.SetSilences({});
  EXPECT_NE(world.shard().NextExpiry(), EngineTime::Infinite());
  world.Work(1);
  reports = world.Reports(Shard::Reports::kUrgent);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].firing, 1);
  EXPECT_EQ(reports[0].suppressed, 0);
  EXPECT_EQ(reports[0].fired_total, 1) << "it is heard of only now";
  for (int i = 0; i < 2; ++i) {
    world.SetSilences({
        SilenceOf(10, {{"instance", MatchOp::kRegex, "db.*"}}
         )
    });
    world.Work(1);
    world.SetSilences({});
    world.Work(1);
  }
  EXPECT_EQ(world.Reports()[0].fired_total, 1) << "and once";
}

TEST(ShardTest, TheSeverityOfAGroupThatIsHeldBackAsAWholeIsThatOfWhatIsHeld) {
  ShardWorld world;
  world.SetSilences({
      SilenceOf(9, {{"instance", MatchOp::kRegex, "db.*"}}
       )
  });
  AlertEvent disk = kDisk;
  disk.dedup_key = "disk";
  for (const Severity severity : {Severity::kHigh, Severity::kCritical, Severity::kWarning}) {
    disk.severity = severity;
    world.Apply(disk);
    EXPECT_EQ(world.Reports().at(0).highest, severity);
  }
  world.SetSilences({});
  world.Work(1);
  EXPECT_EQ(world.Reports().at(0).highest, Severity::kWarning);
}

TEST(ShardTest, ASilenceIsRememberedOverACrash) {
  ShardWorld world;
  world.SetSilences({
      SilenceOf(9, {{"instance", MatchOp::kEqual, "db1"}}
       )
  });
  world.Apply(kDisk);
  world.Seal();
  world.Crash();
  const std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].suppressed, 1);
  EXPECT_EQ(reports[0].firing, 0);
}

TEST(ShardTest, ARouteThatLeadsNowhereIsSaidSoAndStillExplained) {
  ShardWorld world;
  Organisation organisation = SampleOrganisation();
  organisation.route.policy = PolicyId();
  world.SetRules(std::make_shared<const Organisation>(organisation));
  EXPECT_EQ(world.Apply(kDisk), Outcome::kUnrouted);
  EXPECT_THAT(world.Find(kDisk)->routes, ElementsAre(RouteId("root")));
}

TEST(ShardTest, WhatCameBeforeTheFirstOrganisationIsRoutedByIt) {
  Shard shard(ShardWorld::DefaultOptions());
  const Now now{kStart, EngineTime(5)};
  EventBatch batch(kSeed, 0);
  ASSERT_TRUE(batch.Append(kDisk).ok());
  EXPECT_EQ(shard.Apply(batch.at(0), now), Outcome::kUnrouted);
  shard.SetRules(RulesOf(1, std::make_shared<const Organisation>(SampleOrganisation())), SampleIntegrations(), now);
  while (shard.Work(now, now.engine, 10)) {
  }
  std::vector<GroupReport> reports;
  shard.TakeReports(reports);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].firing, 1);
}

TEST(ShardTest, OverItsBudgetAnIntegrationPagesOnceForAllThatIsRejected) {
  ShardWorld world;
  const auto numbered = [](int i) {
    return Firing({
        {"alertname", "Storm"          },
        {"instance",  std::to_string(i)}
    });
  };
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(world.Apply(numbered(i), 2), Outcome::kNew);
  world.Reports();
  for (int i = 10; i < 30; ++i)
    EXPECT_EQ(world.Apply(numbered(i), 2), Outcome::kRejected);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(world.Apply(numbered(i), 2), Outcome::kDuplicate) << "repeats are not refused";
  EXPECT_EQ(world.Apply(kDisk, 1), Outcome::kNew) << "other integrations have budgets of their own";

  std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_THAT(reports[0].labels,
              ElementsAre(Label{"alertname", "TocsinIntegrationOverBudget"}, Label{"integration", "tiny"}));
  EXPECT_EQ(reports[0].firing, 1);
  EXPECT_EQ(reports[0].route, RouteId("root"));
  EXPECT_THAT(reports[0].exemplars, SizeIs(1));
  EXPECT_NE(reports[0].key, reports[1].key);

  world.Seal();
  world.Crash();
  EXPECT_EQ(world.Apply(numbered(11), 2), Outcome::kRejected);
  reports = world.Reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports[0].fired_total, 1) << "the crash did not make it a second time";

  for (int i = 0; i < 2; ++i)
    world.Apply(OfKind(numbered(i), EventKind::kResolve), 2);
  EXPECT_EQ(world.Apply(numbered(20), 2), Outcome::kNew);
  reports = world.Reports();
  const auto over = std::ranges::find_if(reports, [](const GroupReport& r) { return r.labels.size() == 2; });
  ASSERT_NE(over, reports.end());
  EXPECT_EQ(over->firing, 0);
  EXPECT_EQ(over->resolved_total, 1);
}

TEST(ShardTest, ResolvedAlertsHaveABudgetToo) {
  ShardWorld world;
  for (int i = 0; i < 100; ++i) {
    const AlertEvent event = Firing({
        {"alertname", "Flap"           },
        {"instance",  std::to_string(i)}
    });
    EXPECT_EQ(world.Apply(event, 2), Outcome::kNew);
    EXPECT_EQ(world.Apply(OfKind(event, EventKind::kResolve), 2), Outcome::kResolved);
    world.Pass(absl::Seconds(1));
    world.Work();
  }
  EXPECT_LE(world.shard().Statistics().resolved_kept, 12);
}

TEST(ShardTest, ResolvedAlertsAreKeptForAWhileThenForgotten) {
  ShardWorld world;
  world.Apply(kDisk);
  world.Apply(OfKind(kDisk, EventKind::kResolve));
  world.Pass(absl::Minutes(30) - absl::Seconds(1));
  world.Work();
  ASSERT_TRUE(world.Find(kDisk).has_value());
  EXPECT_EQ(world.Find(kDisk)->resolved_reason, "event");
  world.Pass(absl::Seconds(2));
  world.Work();
  EXPECT_FALSE(world.Find(kDisk).has_value());
  EXPECT_EQ(world.shard().Statistics().groups, 0);
  EXPECT_EQ(world.Apply(kDisk), Outcome::kNew);
}

TEST(ShardTest, ReportsComeMostSevereFirstAndNameTheOldestExemplarsFirst) {
  ShardWorld world;
  const char* severities[] = {"info", "critical", "warning"};
  for (int i = 0; i < 90; ++i) {
    world.Apply(Firing({
        {"alertname", absl::StrFormat("A%d", i % 3)},
        {"instance",           std::to_string(i)                      },
        {"severity",           severities[i % 3]}
    }));
    world.Pass(absl::Seconds(1));
  }
  const std::vector<GroupReport> reports = world.Reports();
  ASSERT_THAT(reports, SizeIs(3));
  EXPECT_EQ(reports[0].highest, Severity::kCritical);
  EXPECT_EQ(reports[1].highest, Severity::kWarning);
  EXPECT_EQ(reports[2].highest, Severity::kInfo);
  EXPECT_EQ(reports[0].firing, 30);
  ASSERT_THAT(reports[0].exemplars, SizeIs(limits::kExemplarsPerGroup));
  for (std::size_t i = 0; i < limits::kExemplarsPerGroup; ++i) {
    EXPECT_EQ(Find(std::span<const Label>(reports[0].exemplars[i].labels), "instance"), std::to_string(3 * i + 1));
  }
  EXPECT_EQ(reports[0].oldest_start, kStart + absl::Seconds(1));
}

TEST(ShardTest, UrgentReportsAreOpeningsWorseningsAndEnds) {
  ShardWorld world;
  const auto event = [](int i, const char* severity) {
    return Firing({
        {"alertname", "A"              },
        {"instance",  std::to_string(i)},
        {"severity",  severity         }
    });
  };
  world.Apply(event(1, "warning"));
  EXPECT_THAT(world.Reports(Shard::Reports::kUrgent), SizeIs(1)) << "opened";
  world.Apply(event(2, "warning"));
  EXPECT_THAT(world.Reports(Shard::Reports::kUrgent), IsEmpty());
  world.Apply(event(3, "critical"));
  EXPECT_THAT(world.Reports(Shard::Reports::kUrgent), SizeIs(1)) << "worse";
  world.Apply(event(4, "info"));
  EXPECT_THAT(world.Reports(Shard::Reports::kUrgent), IsEmpty());
  EXPECT_EQ(world.Reports()[0].firing, 4) << "nothing is lost by waiting";
  for (int i = 1; i <= 4; ++i)
    world.Apply(OfKind(event(i, i == 4 ? "info" : i == 3 ? "critical" : "warning"), EventKind::kResolve));
  EXPECT_THAT(world.Reports(Shard::Reports::kUrgent), SizeIs(1)) << "ended";
  EXPECT_THAT(world.Reports(), IsEmpty());
}

TEST(ShardTest, ListsGoThroughAllAlertsInSlices) {
  ShardWorld world;
  for (int i = 0; i < 100; ++i)
    world.Apply(Firing({
        {"alertname", "A"              },
        {"instance",  std::to_string(i)}
    }));
  std::uint64_t cursor = 0;
  int seen = 0;
  int slices = 0;
  do {
    cursor = world.shard().List(cursor, 7, [&](const AlertRecord&) { return ++seen > 0; });
    ++slices;
  } while (cursor != 0);
  EXPECT_EQ(seen, 100);
  EXPECT_GE(slices, 14);
  const GroupKey group = world
                             .Find(Firing({
                                 {"alertname", "A"},
                                 {"instance",  "5"}
  }))
                             ->groups.at(0);
  EXPECT_THAT(world.shard().ListGroup(group, 20), SizeIs(20));
  EXPECT_THAT(world.shard().ListGroup(GroupKey(1), 20), IsEmpty());
}

TEST(ShardTest, FingerprintsAreAlertmanagers) {
  ShardWorld world;
  const AlertEvent event = Firing({
      {"alertname", "DiskFull"},
      {"cluster",   "c1"      },
      {"instance",  "h1:9100" },
      {"severity",  "critical"}
  });
  world.Apply(event);
  EXPECT_EQ(world.Find(event)->fingerprint, 0x0868e46e4de6352c);
}

TEST(ShardTest, EveryEventHasOneOutcomeAndTheyAddUp) {
  ShardWorld world;
  for (int i = 0; i < 1000; ++i) {
    const AlertEvent event = Firing({
        {"alertname", "A"                   },
        {"instance",  std::to_string(i % 37)}
    });
    world.Apply(OfKind(event, static_cast<EventKind>(i / 3 % 3)), static_cast<IntegrationIndex>(i % 3));
  }
  const ShardStatistics statistics = world.shard().Statistics();
  EXPECT_EQ(std::accumulate(std::begin(statistics.outcomes), std::end(statistics.outcomes), std::uint64_t{0}), 1000);
  EXPECT_GT(statistics.outcomes[static_cast<std::size_t>(Outcome::kRejected)], 0);
}

}  // namespace
}  // namespace tocsin::shard_test
