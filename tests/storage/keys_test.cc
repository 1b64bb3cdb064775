#include "storage/keys.h"

#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(KeysTest, SortAsTheNumbersDo) {
  const std::uint64_t values[] = {0, 1, 255, 256, 65'535, 1ULL << 40U, UINT64_MAX};
  for (std::size_t i = 1; i < std::size(values); ++i) {
    EXPECT_LT(keys::Number(values[i - 1]), keys::Number(values[i]));
    EXPECT_LT(keys::Row(keys::Home::kMemory, {2, values[i - 1]}), keys::Row(keys::Home::kMemory, {2, values[i]}));
    EXPECT_LT(keys::CheckpointBody(1, 2, values[i - 1]), keys::CheckpointBody(1, 2, values[i]));
    EXPECT_LT(keys::CheckpointBody(values[i - 1], 9, 9), keys::CheckpointBody(values[i], 0, 0));
  }
  EXPECT_LT(keys::Row(keys::Home::kMemory, {2, UINT64_MAX}), keys::Row(keys::Home::kMemory, {3, 0}));
}

TEST(KeysTest, TimesSortAcrossTheEpoch) {
  const absl::Time times[] = {absl::InfinitePast(),  absl::FromUnixNanos(-5), absl::FromUnixNanos(-1),
                              absl::UnixEpoch(),     absl::FromUnixNanos(1),  absl::FromUnixSeconds(1'700'000'000),
                              absl::InfiniteFuture()};
  for (std::size_t i = 1; i < std::size(times); ++i)
    EXPECT_LT(keys::Time(times[i - 1]), keys::Time(times[i]));
}

TEST(KeysTest, AreReadBackAsWritten) {
  EXPECT_EQ(keys::ParseRow(keys::Row(keys::Home::kHistory, {7, 1'234'567})), (RowKey{7, 1'234'567}));
  EXPECT_EQ(keys::ParseRow("r"), std::nullopt);
  const std::string closed = keys::Time(absl::FromUnixSeconds(77));
  const std::string retention = keys::Retention(closed, {4, 99});
  EXPECT_EQ(keys::ParseRetention(retention)->closed, closed);
  EXPECT_EQ(keys::ParseRetention(retention)->row, (RowKey{4, 99}));
  const std::string body = keys::CheckpointBody(3, 5, 1);
  EXPECT_EQ(keys::ParseCheckpoint(body)->generation, 3);
  EXPECT_EQ(keys::ParseCheckpoint(body)->shard, 5);
  const std::uint64_t ordinal = keys::TimelineOrdinal(Sequence(12), 3);
  EXPECT_EQ(keys::ParseTimelineOrdinal(keys::Timeline({SubjectKind::kGroup, 8}, ordinal)), ordinal);
  EXPECT_EQ(keys::ParseNumber("short"), std::nullopt);
}

}  // namespace
}  // namespace tocsin
