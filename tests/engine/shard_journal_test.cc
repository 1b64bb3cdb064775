// A shard's bodies: their size, and that no damage to them can do more than be noticed.
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "base/random.h"
#include "base/status.h"
#include "tests/engine/random_world.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

AlertEvent Numbered(int i) {
  AlertEvent event = Firing({
      {"alertname", absl::StrFormat("Alert%d", i % 7)},
      {"instance",           absl::StrFormat("10.0.0.%d:9100",                           i)},
      {"severity",         i % 3 == 0 ? "critical" : "warning"       }
  });
  event.annotations = {
      {"summary", absl::StrFormat("value is %d", i)}
  };
  return event;
}

std::size_t BytesOf(const std::vector<std::string>& bodies) {
  std::size_t bytes = 0;
  for (const std::string& body : bodies)
    bytes += body.size();
  return bytes;
}

TEST(ShardJournalTest, ARepeatedAlertCostsAtMostTwentyFourBytesHoweverOftenItWasRepeated) {
  ShardWorld world;
  constexpr int kAlerts = 1000;
  for (int i = 0; i < kAlerts; ++i)
    world.Apply(Numbered(i));
  world.Seal();
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    world.bodies().clear();
    world.Pass(absl::Seconds(75));
    for (int repeat = 0; repeat < 3; ++repeat) {
      for (int i = 0; i < kAlerts; ++i) {
        const AlertEvent event = Numbered(static_cast<int>(random.Below(kAlerts)));
        ASSERT_EQ(world.Apply(WithEnd(event, kStart, world.now().wall + absl::Minutes(4))), Outcome::kDuplicate);
      }
    }
    world.Seal();
    // The first such repeat turns the lease from a timeout to the sender's own end, which is a change of state.
    if (round > 4) {
      EXPECT_LE(BytesOf(world.bodies()), 24 * kAlerts);
    }
  }
}

TEST(ShardJournalTest, NothingIsSealedTwice) {
  ShardWorld world;
  EXPECT_FALSE(world.Seal());
  world.Apply(Numbered(1));
  EXPECT_TRUE(world.Seal());
  EXPECT_FALSE(world.Seal());
  world.Work();
  EXPECT_FALSE(world.Seal());
}

TEST(ShardJournalTest, WhileLeasesRunTheirClockIsJournalledOnceAMinute) {
  ShardWorld world;
  world.Apply(WithEnd(Numbered(1), kStart, kStart + absl::Hours(5)));
  world.Work();
  world.Seal();
  int sealed = 0;
  for (int second = 0; second < 3600; ++second) {
    world.Pass(absl::Seconds(1));
    world.Work();
    sealed += world.Seal() ? 1 : 0;
  }
  EXPECT_THAT(sealed, testing::AllOf(testing::Ge(55), testing::Le(60)));
  world.Crash();
  EXPECT_LE(world.Find(Numbered(1))->lease_until - EngineTime(1'000'000'000), absl::Hours(5) + absl::Minutes(1));
}

TEST(ShardJournalTest, ManyLongAlertsMakeSeveralBodiesEachBelowTheLimit) {
  ShardWorld world;
  for (int i = 0; i < 200; ++i) {
    AlertEvent event = Numbered(i);
    for (int a = 0; a < 3; ++a)
      event.annotations.push_back({absl::StrFormat("text%d", a), std::string(16'000, static_cast<char>('a' + i % 26))});
    event.annotations.back().value[static_cast<std::size_t>(i)] = '!';
    ASSERT_EQ(world.Apply(event), Outcome::kNew);
  }
  world.Seal();
  EXPECT_GT(world.bodies().size(), 3);
  for (const std::string& body : world.bodies())
    EXPECT_LT(body.size(), limits::kJournalEntryBytes);
  const std::uint64_t before = world.shard().StateHash();
  world.Crash();
  EXPECT_EQ(world.shard().StateHash(), before);
}

TEST(ShardJournalTest, AnEventAtEveryLimitIsTakenAndRecovered) {
  ShardWorld world;
  AlertEvent event;
  for (std::size_t i = 0; i < limits::kLabelsPerAlert; ++i)
    event.labels.push_back({absl::StrFormat("l%02d", i), std::string(100, 'v')});
  for (std::size_t i = 0; i < limits::kAnnotationsPerAlert; ++i) {
    event.annotations.push_back({absl::StrFormat("a%02d", i), i < 3 ? std::string(16'000, 'w') : ""});
  }
  event.dedup_key = std::string(limits::kDedupKeyBytes, 'k');
  event.link = std::string(limits::kLabelValueBytes, 'u');
  EXPECT_EQ(world.Apply(event, 1), Outcome::kNew);
  world.Seal();
  world.Crash();
  const std::optional<AlertRecord> record = world.Find(event, 1);
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->summary.labels, event.labels);
  EXPECT_EQ(record->summary.annotations, event.annotations);
  EXPECT_EQ(record->summary.link, event.link);
}

// Bodies of every kind of entry.
std::vector<std::string> RichBodies() {
  ShardWorld world;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 25; ++i) {
      world.Apply(Numbered(i), static_cast<IntegrationIndex>(i % 3));
      if (i % 5 == 0) world.Apply(OfKind(Numbered(i), EventKind::kAcknowledge), static_cast<IntegrationIndex>(i % 3));
      if (i % 4 == round) world.Apply(OfKind(Numbered(i), EventKind::kResolve), static_cast<IntegrationIndex>(i % 3));
    }
    if (round == 1)
      world.SetSilences({
          SilenceOf(3, {{"alertname", MatchOp::kEqual, "Alert3"}}
           )
      });
    world.Work();
    world.Seal();
    world.Pass(absl::Minutes(20));
  }
  world.Work();
  world.Seal();
  world.shard().BeginCheckpoint();
  while (world.shard().CheckpointSlice(10, [&](std::string_view body) { world.bodies().emplace_back(body); })) {
  }
  return world.bodies();
}

// Uses everything that reads the table.
void Exercise(Shard& shard) {
  const Now now{kStart + absl::Hours(1), EngineTime(4'000'000'000'000)};
  shard.SetRules(RulesOf(1, std::make_shared<const Organisation>(SampleOrganisation()),
                         {
                             SilenceOf(1, {{"instance", MatchOp::kRegex, ".*"}}
                              )
  }),
                 SampleIntegrations(), now);
  shard.ReportAll();
  std::vector<GroupReport> reports;
  shard.TakeReports(reports);
  for (const GroupReport& report : reports)
    shard.ListGroup(report.key, 5);
  for (int i = 0; i < 25; ++i) {
    EventBatch batch(kSeed, static_cast<IntegrationIndex>(i % 3));
    ASSERT_TRUE(batch.Append(Numbered(i)).ok());
    shard.Apply(batch.at(0), now);
  }
  for (int hour = 0; hour < 5; ++hour) {
    const EngineTime later = now.engine + absl::Hours(hour);
    for (int slice = 0; slice < 100 && shard.Work({now.wall + absl::Hours(hour), later}, later, 1000); ++slice) {
    }
  }
  shard.Seal([](std::string_view) {});
  shard.StateHash();
}

TEST(ShardJournalTest, DamagedBodiesAreNoticedOrHarmless) {
  const std::vector<std::string> bodies = RichBodies();
  Random random(11);
  int refused = 0;
  constexpr int kTrials = 1500;
  for (int trial = 0; trial < kTrials; ++trial) {
    Shard shard(ShardWorld::DefaultOptions());
    absl::Status status;
    for (const std::string& body : bodies) {
      std::string damaged = body;
      for (std::uint64_t flips = random.Below(3); flips > 0; --flips) {
        damaged[random.Below(damaged.size())] ^= static_cast<char>(1U << random.Below(8));
      }
      if (random.OneIn(20)) damaged.resize(random.Below(damaged.size() + 1));
      status.Update(shard.Fold(damaged));
    }
    if (!status.ok()) {
      // A byte of the version that has become a higher one is taken for a newer program's word.
      EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status)) << status;
      ++refused;
    }
    Exercise(shard);
  }
  EXPECT_GT(refused, kTrials / 4);
}

TEST(ShardJournalTest, EveryTruncationOfABodyIsRefused) {
  for (const std::string& body : RichBodies()) {
    for (std::size_t size = 0; size < body.size(); size += 1 + size / 16) {
      Shard shard(ShardWorld::DefaultOptions());
      EXPECT_EQ(shard.Fold(std::string_view(body).substr(0, size)).code(), absl::StatusCode::kDataLoss) << size;
    }
  }
}

TEST(ShardJournalTest, ANewerFormatIsRefusedInPlainWords) {
  Shard shard(ShardWorld::DefaultOptions());
  const absl::Status status = shard.Fold(std::string_view("\x02\x00\x00\x00\x00", 5));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), "alert body: format version 2, this program reads 1: use a newer tocsin");
}

TEST(ShardJournalTest, NoiseIsRefused) {
  Random random(17);
  for (int trial = 0; trial < 5000; ++trial) {
    std::string noise(random.Below(200), '\0');
    for (char& byte : noise)
      byte = static_cast<char>(random.Below(256));
    if (!noise.empty()) noise[0] = 1;
    Shard shard(ShardWorld::DefaultOptions());
    if (!shard.Fold(noise).ok()) continue;
    Exercise(shard);
  }
}

}  // namespace
}  // namespace tocsin::shard_test
