// Views on a disk that fills up: they stand still, then take what they have missed from the journal.
#include <gtest/gtest.h>

#include "model/codec/response_codec.h"
#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

class CatchUpTest : public StoreTest {
 protected:
  void SetUp() override { env_ = MakeSimulatedEnv(disk_); }

  void Fill() {
    std::uint64_t bytes = 0;
    for (const std::string& path : disk_.Paths())
      bytes += disk_.Contents(path).size();
    disk_.SetCapacity(bytes);
  }
  // As the engine does.
  static void Add(Store& store, std::uint64_t group) {
    Change change;
    change.rows = {GroupOf(group)};
    const std::string body = EncodeChange(change);
    const PendingEntry entry{EntryKind::kResponder, 0, body};
    const absl::StatusOr<Sequence> sequence = store.journal().Append({&entry, 1}, At(0));
    ASSERT_TRUE(sequence.ok()) << sequence.status();
    EXPECT_TRUE(store.ApplyChange(change, *sequence).ok());
  }
  static bool Has(const Store& store, std::uint64_t group) {
    const auto row = store.ReadRow(KeyOf(Row(GroupOf(group))));
    return row.ok() && row->has_value();
  }
};

TEST_F(CatchUpTest, WhatAFullDiskKeptFromTheViewsComesFromTheJournal) {
  {
    const auto store = OpenOrDie();
    Add(*store, 1);
    Fill();
    EXPECT_TRUE(absl::IsResourceExhausted(store->Flush()));
    EXPECT_TRUE(absl::IsResourceExhausted(store->why_behind())) << store->why_behind();
    Add(*store, 2);
    EXPECT_TRUE(AppendBodies(store->journal(), {"of a shard"}).ok());
    Add(*store, 3);
    EXPECT_TRUE(Has(*store, 1)) << "what they have is read";
    EXPECT_FALSE(Has(*store, 2));
    EXPECT_FALSE(store->BeginCheckpoint().ok());
    EXPECT_FALSE(store->Flush().ok());
    EXPECT_TRUE(absl::IsResourceExhausted(store->CatchUp()));

    disk_.SetCapacity(UINT64_MAX);
    Add(*store, 4);
    EXPECT_FALSE(Has(*store, 4)) << "with room, but not before what comes before it";
    ASSERT_TRUE(store->CatchUp().ok());
    EXPECT_TRUE(store->why_behind().ok());
    Add(*store, 5);
    for (std::uint64_t group = 1; group <= 5; ++group)
      EXPECT_TRUE(Has(*store, group)) << group;
    EXPECT_TRUE(store->Flush().ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->responder_position(), store->journal().recovery().last);
  for (std::uint64_t group = 1; group <= 5; ++group)
    EXPECT_TRUE(Has(*store, group)) << group;
}

TEST_F(CatchUpTest, AStartMeanwhileBeginsWhereTheViewsStood) {
  {
    const auto store = OpenOrDie();
    Add(*store, 1);
    ASSERT_TRUE(store->Flush().ok());
    Add(*store, 2);
    Fill();
    EXPECT_FALSE(store->Flush().ok());
    Add(*store, 3);
  }
  disk_.SetCapacity(UINT64_MAX);
  const auto store = OpenOrDie();
  EXPECT_TRUE(Has(*store, 1));
  EXPECT_LT(store->responder_position(), store->journal().recovery().last);
}

}  // namespace
}  // namespace tocsin
