#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/pipeline_stages.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

GroupReport Report(std::uint64_t key, std::uint32_t shard = 0, Severity highest = Severity::kWarning) {
  GroupReport report;
  report.key = GroupKey(key);
  report.shard = shard;
  report.firing = 1;
  report.highest = highest;
  return report;
}

std::vector<std::uint64_t> KeysOf(const std::vector<GroupReport>& reports) {
  std::vector<std::uint64_t> keys;
  for (const GroupReport& report : reports)
    keys.push_back(report.key.value());
  return keys;
}

TEST(WaitingReportsTest, WhatIsCriticalOvertakesWhatCameBefore) {
  WaitingReports waiting;
  for (std::uint64_t key = 1; key <= 4; ++key)
    waiting.Add(0, Report(key));
  waiting.Add(0, Report(5, 0, Severity::kCritical));
  waiting.Add(0, Report(3, 0, Severity::kCritical));  // it waits already, and has become worse
  EXPECT_THAT(KeysOf(waiting.Take(3)), ElementsAre(5, 3, 1));
  EXPECT_THAT(KeysOf(waiting.Take(9)), ElementsAre(2, 4));
  EXPECT_TRUE(waiting.empty());
}

TEST(WaitingReportsTest, TheNewestReportOfAShardStandsForThoseBefore) {
  WaitingReports waiting;
  waiting.Add(0, Report(1));
  waiting.Add(1, Report(1, 1));
  GroupReport newer = Report(1);
  newer.firing = 7;
  waiting.Add(0, newer);
  const std::vector<GroupReport> taken = waiting.Take(9);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].firing, 7U);
  EXPECT_EQ(taken[1].shard, 1U);
}

TEST(WaitingReportsTest, AShardIsHeardToItsEndWhenAllThatCameBeforeIsTaken) {
  WaitingReports waiting;
  waiting.Add(0, Report(1));
  waiting.Add(0, Report(2));
  waiting.AddEnd(0);
  waiting.Add(0, Report(3, 0, Severity::kCritical));  // after it, and before it in turn
  EXPECT_THAT(KeysOf(waiting.Take(2)), ElementsAre(3, 1));
  EXPECT_THAT(waiting.TakeEnds(), IsEmpty());
  EXPECT_THAT(KeysOf(waiting.Take(1)), ElementsAre(2));
  EXPECT_THAT(waiting.TakeEnds(), ElementsAre(0));
  EXPECT_THAT(waiting.TakeEnds(), IsEmpty());
  waiting.AddEnd(1);  // of a shard that holds nothing
  EXPECT_THAT(waiting.TakeEnds(), ElementsAre(1));
}

}  // namespace
}  // namespace tocsin
