// An engine whose disk fills up.
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/simulated_env.h"
#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class FullDiskTest : public PipelineTest {
 protected:
  void SetUp() override {
    views_ = MakeSimulatedEnv(disk_);
    low_water_bytes_ = 1 << 20;
    PipelineTest::SetUp();
  }

  // Of the disk, from now on.
  void LeaveFree(std::uint64_t bytes) {
    for (const std::string& path : disk_.Paths())
      bytes += disk_.Contents(path).size();
    disk_.SetCapacity(bytes);
    clock_.Advance(absl::Seconds(11));
    Settle();
  }
  void MakeRoom() {
    disk_.SetCapacity(UINT64_MAX);
    clock_.Advance(absl::Seconds(11));
    Settle();
  }
  absl::Status Do(const std::string& actor, Command::Body body) {
    absl::Status status = absl::UnknownError("not answered");
    engine_->Execute({"", actor, std::move(body)}, [&](const CommandResult& result) { status = result.status; });
    Settle();
    return status;
  }
  absl::Status AddHeartbeat(const std::string& actor, const std::string& name, std::size_t bytes = 0) {
    PutHeartbeat put;
    put.rule.id = HeartbeatName(name);
    put.rule.interval = absl::Minutes(10);
    put.rule.description = std::string(bytes, 'd');
    return Do(actor, put);
  }
  std::size_t KeptHeartbeats() {
    const auto rows = store_->ListRows(KeyOf(Row(Heartbeat())).table, 0, 100'000);
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() ? rows->size() : 0;
  }
};

TEST_F(FullDiskTest, BelowTheLowWaterMarkSendersComeAgainAndPeopleAreHeard) {
  ASSERT_TRUE(AddHeartbeat("integration:og", "before").ok());
  LeaveFree(1 << 19);
  EXPECT_EQ(Submit(1), Admission::kDiskLow);
  EXPECT_TRUE(absl::IsUnavailable(AddHeartbeat("integration:og", "another")));
  EXPECT_TRUE(absl::IsUnavailable(Do("integration:og", PingHeartbeat{HeartbeatName("before")})));
  EXPECT_TRUE(absl::IsUnavailable(Do("token:ci", RecordChange{})));
  EXPECT_TRUE(AddHeartbeat("user:ann", "mine").ok());
  MakeRoom();
  EXPECT_TRUE(AddHeartbeat("integration:og", "another").ok());
}

TEST_F(FullDiskTest, ViewsThatCannotBeWrittenCatchUpWhenThereIsRoom) {
  LeaveFree(0);
  std::size_t added = 0;
  // RocksDB writes its buffer out when it is full, on a thread of its own, and says no from then on.
  for (; store_->why_behind().ok() && added < 9000; ++added)
    ASSERT_TRUE(AddHeartbeat("user:ann", absl::StrCat("h", added), 9900).ok());
  ASSERT_FALSE(store_->why_behind().ok());
  for (const std::size_t more = added + 10; added < more; ++added)
    ASSERT_TRUE(AddHeartbeat("user:ann", absl::StrCat("h", added)).ok()) << "the journal goes on";
  EXPECT_LT(KeptHeartbeats(), added);
  clock_.Advance(absl::Seconds(11));
  Settle();
  EXPECT_FALSE(store_->why_behind().ok()) << "there is no room yet";

  MakeRoom();
  EXPECT_TRUE(store_->why_behind().ok()) << store_->why_behind();
  EXPECT_EQ(KeptHeartbeats(), added);
  EXPECT_TRUE(AddHeartbeat("user:ann", "last").ok());
  EXPECT_EQ(KeptHeartbeats(), added + 1);
}

TEST_F(FullDiskTest, AStartWithoutRoomForTheViewsSaysHowMuchIsFree) {
  LeaveFree(0);
  // More than the views' buffers in memory hold.
  for (int i = 0; i < 5500; ++i)
    ASSERT_TRUE(AddHeartbeat("user:ann", absl::StrCat("h", i), 9900).ok());
  LeaveFree(1 << 14);
  const absl::Status status = Start();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("bytes are free, too few to start"), HasSubstr("make room and start again")));
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(Start().ok());
  EXPECT_EQ(KeptHeartbeats(), 5500U);
}

}  // namespace
}  // namespace tocsin
