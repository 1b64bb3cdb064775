// What an alert costs in memory is a promise (docs/performance.md): this counts what the shard's tables hold.
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

#include "engine/stored_alert.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

static_assert(sizeof(StoredAlert) + sizeof(ColdAlert) + sizeof(Signature) == 112);

// The alert of the benchmarks: 8 labels of which two are unique, 2 annotations of which one is.
AlertEvent BenchAlert(int i) {
  AlertEvent event = Firing({
      {"alertname",                "HighErrorRate"                      },
      {                                                "cluster", absl::StrFormat("prod-%d",                                i % 4)},
      {                                                "env",              "production"                                     },
      {                                       "instance",                   absl::StrFormat("10.%03d.%03d.%03d:9100",                                            i >> 16, i >> 8 & 255, i & 255)},
      {                                        "job",                      absl::StrFormat("service-%d",          i % 50)},
      { "pod",                      absl::StrFormat("pod-%08x",            static_cast<std::uint32_t>(i) * 2'654'435'761U)},
      {"severity",                 i % 100 == 0 ? "critical" : "warning"},
      {                                                "team", absl::StrFormat("team-%d",                               i % 10)},
  });
  event.annotations = {
      {"runbook_url", "https://runbooks.example.com/high-error-rate"},
      { "summary", absl::StrFormat("error rate of instance %08d is at %06d ppm",                                                        i, 0)},
  };
  return event;
}

std::uint64_t TableBytesWith(ShardWorld& world, int from, int to) {
  for (int i = from; i < to; ++i) {
    EXPECT_EQ(world.Apply(BenchAlert(i)), Outcome::kNew);
    if (i % 4096 == 0) world.Seal();
  }
  return world.shard().Statistics().table_bytes;
}

// Of the promised 256 bytes, 56 are left for the allocator and for what does not grow with the alerts.
TEST(ShardMemoryTest, AnAlertOfEightLabelsTakesAtMostTwoHundredBytes) {
  constexpr int kBase = 20'000;
  constexpr int kMore = 130'000;
  ShardWorld world;
  const std::uint64_t before = TableBytesWith(world, 0, kBase);
  const std::uint64_t after = TableBytesWith(world, kBase, kBase + kMore);
  EXPECT_LE((after - before) / kMore, 200U);
}

}  // namespace
}  // namespace tocsin::shard_test
