// Journal entries whose checksums and links are right and whose content is nonsense: one is put aside with its bytes, all else goes on.
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

class PipelinePoisonTest : public PipelineTest {
 protected:
  // As a program with a mistake in it would.
  void Write(EntryKind kind, std::string_view body) {
    const PendingEntry entry{kind, 0, body};
    ASSERT_TRUE(store_->journal().Append({&entry, 1}, clock_.Read()).ok());
  }
  // A program without threads that has ended; the journal is open.
  void EndAndOpen() {
    engine_.reset();
    store_.reset();
    Store::Options options;
    options.folder = "data";
    options.views_env = views_.get();
    options.low_water_bytes = 0;
    options.reserve_bytes = 0;
    auto store = Store::Open(disk_, options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void ExpectNewerIsRefused(EntryKind kind, std::string_view body) {
    Write(kind, body);
    const absl::Status status = Start();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(status.ToString(), HasSubstr("use a newer tocsin"));
    EXPECT_TRUE(Letters().empty());
  }
  std::vector<DeadLetter> Letters() { return *store_->dead_letters().Read(); }
  std::uint64_t Alerts() {
    std::uint64_t active = 0;
    engine_->ReadShardsAndWait([&](const Shard& shard) { active += shard.Statistics().firing; });
    return active;
  }
};

TEST_F(PipelinePoisonTest, AnAlertBodyIsPutAsideAndAllElseIsThere) {
  for (std::uint64_t i = 0; i < 10; ++i)
    Submit(i);
  Settle();
  const std::uint64_t before = Alerts();
  ASSERT_GT(before, 0U);
  EndAndOpen();
  const std::string nonsense = "\x01 this is no body";
  Write(EntryKind::kShard, nonsense);
  const Sequence poison = store_->journal().last();
  ASSERT_TRUE(Start().ok());
  Settle();
  EXPECT_EQ(Alerts(), before);
  ASSERT_EQ(Letters().size(), 1U);
  EXPECT_EQ(Letters()[0].sequence, poison);
  EXPECT_EQ(Letters()[0].body, nonsense);
  EXPECT_THAT(Letters()[0].why, HasSubstr("alert body"));
  Submit(50);
  Settle();
  // The next start passes over it and comes to the same state.
  ASSERT_TRUE(Start().ok());
  Settle();
  EXPECT_EQ(Letters().size(), 1U);
  EXPECT_EQ(Alerts(), before + 1);
}

TEST_F(PipelinePoisonTest, ADecisionIsPutAsideAndLaterOnesCount) {
  EndAndOpen();
  Write(EntryKind::kResponder, "this is no change");
  const Sequence poison = store_->journal().last();
  ASSERT_TRUE(Start().ok());
  Settle();
  ASSERT_EQ(Letters().size(), 1U);
  EXPECT_EQ(Letters()[0].sequence, poison);
  EXPECT_EQ(Letters()[0].kind, EntryKind::kResponder);
  ASSERT_NE(engine_->rules(), nullptr) << "the organisation of before";
  Submit(1);
  Settle();
  EXPECT_GT(Alerts(), 0U);
}

TEST_F(PipelinePoisonTest, ADecisionInSeveralEntriesIsPutAsideAsAWhole) {
  EndAndOpen();
  const PendingEntry parts[] = {
      {EntryKind::kResponderPart, 0, "the beginning, "},
      {EntryKind::kResponderPart, 0, "the middle, "   },
      {EntryKind::kResponder,     0, "the end"        }
  };
  ASSERT_TRUE(store_->journal().Append(parts, clock_.Read()).ok());
  for (int start = 0; start < 2; ++start) {
    ASSERT_TRUE(Start().ok());
    Settle();
    ASSERT_EQ(Letters().size(), 1U);
    EXPECT_EQ(Letters()[0].body, "the beginning, the middle, the end");
    Submit(static_cast<std::uint64_t>(start));
    Settle();
    EXPECT_NE(engine_->rules(), nullptr);
  }
}

TEST_F(PipelinePoisonTest, ABodyOfANewerProgramIsRefusedAndNotPutAside) {
  EndAndOpen();
  ExpectNewerIsRefused(EntryKind::kShard, "\x02 of tomorrow");
}

TEST_F(PipelinePoisonTest, ADecisionOfANewerProgramIsRefusedAndNotPutAside) {
  EndAndOpen();
  ExpectNewerIsRefused(EntryKind::kResponder, std::string("\x22\x05\xA2\x06\x02hi", 7));  // rows { 100: "hi" }
}

TEST_F(PipelinePoisonTest, TheNumberingOfIntegrationsIsNeverPassedOver) {
  EndAndOpen();
  Write(EntryKind::kIntegrations, "\xFF");
  EXPECT_TRUE(absl::IsDataLoss(Start()));
  EXPECT_TRUE(Letters().empty());
}

TEST_F(PipelinePoisonTest, ManyAtOnceAreRefused) {
  EndAndOpen();
  for (int i = 0; i <= DeadLetters::kMostAtOnce; ++i)
    Write(EntryKind::kResponder, "this is no change");
  const absl::Status status = Start();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("no accident of one entry"));
}

}  // namespace
}  // namespace tocsin
