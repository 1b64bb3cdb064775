// What a store refuses and how it says so: lost or damaged files, newer formats, a full disk, a second server.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/format_file.h"
#include "storage/store.h"
#include "storage/verify.h"
#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(StoreTest, ALostViewIsNoticedOnceTheJournalWasTrimmed) {
  {
    const auto store = OpenOrDie();
    for (int i = 0; i < 12; ++i)
      ASSERT_TRUE(AppendBodies(store->journal(), {std::string(3000, 'x')}).ok());
    ASSERT_TRUE(store->ApplyChange(Change(), Sequence(13)).ok());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(0, "body").ok());
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(13), At(0)).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  EXPECT_THAT(Open().status().ToString(), AllOf(HasSubstr("DATA_LOSS"), HasSubstr("they have seen entries up to 0"),
                                                HasSubstr("the journal begins with entry 13")));
  ASSERT_TRUE(Open(/*accept_loss=*/true).ok());
  const auto store = OpenOrDie();
  EXPECT_GE(store->ReplayFrom(), store->journal().first());
}

TEST_F(StoreTest, ViewsThatAreLostAreRebuiltFromAWholeJournal) {
  { ASSERT_TRUE(AppendBodies(OpenOrDie()->journal(), {"x"}).ok()); }
  env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  const auto store = OpenOrDie();
  EXPECT_EQ(store->ReplayFrom(), Sequence(1));
  EXPECT_EQ(store->journal().first(), Sequence(1));
}

TEST_F(StoreTest, AJournalThatEndsBeforeTheViewsIsRefused) {
  const auto shorter = [&] {
    OpenOrDie();
    return disk_.Clone();
  }();
  {
    const auto store = OpenOrDie();
    Change change;
    change.rows = {GroupOf(1)};
    for (int i = 0; i < 5; ++i)
      Apply(*store, change);
    ASSERT_TRUE(store->Flush().ok());
  }
  Store::Options options;
  options.journal = SmallOptions();
  options.reserve_bytes = 0;
  options.views_env = env_.get();
  EXPECT_THAT(Store::Open(*shorter, options).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("the views have seen entry 7")));
  options.journal.accept_loss = true;
  const auto store = Store::Open(*shorter, options);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_GT((*store)->journal().last(), Sequence(7)) << "numbers are never used again";
}

TEST_F(StoreTest, AnEmptyJournalFolderIsRefusedOnceTheStoreWasUsed) {
  OpenOrDie();
  for (const std::string& path : disk_.Paths()) {
    if (path.starts_with("data/journal/")) disk_.Delete(path);
  }
  EXPECT_TRUE(absl::IsDataLoss(Open().status()));
}

TEST_F(StoreTest, AMissingOrDamagedFormatFileIsRefused) {
  OpenOrDie();
  const auto missing = disk_.Clone();
  missing->Delete("data/FORMAT");
  Store::Options options;
  options.views_env = env_.get();
  EXPECT_THAT(Store::Open(*missing, options).status().ToString(),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr("data/FORMAT is missing")));
  const std::size_t size = disk_.Contents("data/FORMAT").size();
  for (std::size_t at = 0; at < size; ++at) {
    disk_.FlipBit("data/FORMAT", at, static_cast<unsigned>(at % 7));
    ASSERT_TRUE(absl::IsDataLoss(Open().status())) << at;
    disk_.FlipBit("data/FORMAT", at, static_cast<unsigned>(at % 7));
  }
  EXPECT_TRUE(Open().ok());
}

TEST(FormatFileTest, ANewerFormatIsRefusedInPlainWords) {
  std::string text = EncodeFormat(*NewFormat(1));
  const std::string line = absl::StrFormat("format %d", kStoreFormatVersion);
  text.replace(text.find(line), line.size(), "format 10");
  text.resize(text.rfind("checksum "));
  text += absl::StrFormat("checksum %016x\n", Hash64(text, 0x464F524D4154));
  const absl::Status status = DecodeFormat(text).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.ToString(),
              AllOf(HasSubstr("store format 10, this program"), HasSubstr("a newer tocsin has written here")));
}

TEST_F(StoreTest, AFolderOfAnOlderFormatBecomesOneOfOursAndSaysSo) {
  { ASSERT_TRUE(AppendBodies(OpenOrDie()->journal(), {"x"}).ok()); }
  StoreFormat format = **ReadFormat(disk_, "data");
  format.version = kOldestStoreFormat;
  ASSERT_TRUE(WriteFormat(disk_, "data", format).ok());
  EXPECT_EQ(OpenOrDie()->upgraded_from(), kOldestStoreFormat);
  EXPECT_EQ((**ReadFormat(disk_, "data")).version, kStoreFormatVersion);
  EXPECT_EQ(OpenOrDie()->upgraded_from(), std::nullopt);
}

TEST(FormatFileTest, NewStoresDifferUnlessTheSeedIsGiven) {
  EXPECT_EQ(*NewFormat(5), *NewFormat(5));
  const StoreFormat one = *NewFormat(0);
  const StoreFormat two = *NewFormat(0);
  EXPECT_NE(one.store, two.store);
  EXPECT_NE(one.key_seed, two.key_seed);
  EXPECT_NE(one.key_seed, one.journal_key);
  EXPECT_EQ(*DecodeFormat(EncodeFormat(one)), one);
}

TEST_F(StoreTest, IsCreatedWholeOrNotAtAllThroughAnyPowerCut) {
  Random random(9);
  for (std::uint64_t stop = 0; stop < 60; ++stop) {
    for (int i = 0; i < 3; ++i) {
      SCOPED_TRACE(stop);
      SimulatedDisk disk;
      const std::unique_ptr<rocksdb::Env> env(rocksdb::NewMemEnv(rocksdb::Env::Default()));
      Store::Options options;
      options.journal = SmallOptions();
      options.reserve_bytes = 4096;
      options.views_env = env.get();
      disk.StopAfter(stop);
      const bool opened = Store::Open(disk, options).ok();
      EXPECT_TRUE(opened || disk.stopped());
      disk.CutPower(random);
      const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(disk, options);
      ASSERT_TRUE(store.ok()) << store.status();
    }
  }
}

TEST_F(StoreTest, RefusesIngestAtTheLowWaterMarkAndGivesUpItsBallastForPaging) {
  const auto store = OpenOrDie();
  const auto used = [&] {
    std::uint64_t bytes = 0;
    for (const std::string& path : disk_.Paths())
      bytes += disk_.Contents(path).size();
    return bytes;
  };
  using Space = Store::Space;
  const auto ballast = [&] { return std::ranges::count(disk_.Paths(), "data/ballast") == 1; };
  EXPECT_TRUE(ballast());
  EXPECT_EQ(store->FreeSpace(At(0)), Space::kPlenty);
  disk_.SetCapacity(used() + (1 << 20) - 1);
  EXPECT_EQ(store->FreeSpace(At(500)), Space::kPlenty) << "asked at most once a second";
  EXPECT_EQ(store->FreeSpace(At(1000)), Space::kLow);
  disk_.SetCapacity(used() + (1 << 20) + 1);
  EXPECT_EQ(store->FreeSpace(At(2000)), Space::kLow) << "does not flutter";
  EXPECT_TRUE(ballast());
  disk_.SetCapacity(used());
  EXPECT_EQ(store->FreeSpace(At(3000)), Space::kLow);
  EXPECT_FALSE(ballast()) << "64 KiB for paging";
  disk_.SetCapacity(used() + 1000);
  EXPECT_EQ(store->FreeSpace(At(4000)), Space::kNone);
  disk_.SetCapacity(1 << 30);
  EXPECT_EQ(store->FreeSpace(At(5000)), Space::kPlenty);
  EXPECT_TRUE(ballast());
}

TEST_F(StoreTest, GivesUpItsBallastToStartOnAFullDiskAndElseSaysThatItIsFull) {
  const auto used = [&] {
    std::uint64_t bytes = 0;
    for (const std::string& path : disk_.Paths())
      bytes += disk_.Contents(path).size();
    return bytes;
  };
  OpenOrDie();
  disk_.SetCapacity(used());
  OpenOrDie();
  EXPECT_EQ(std::ranges::count(disk_.Paths(), "data/ballast"), 0);
  disk_.SetCapacity(used());
  const absl::Status full = Open().status();
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(Message(full), HasSubstr("make room and start again"));
}

TEST_F(StoreTest, DoesNotBeginACheckpointThatMayNotFit) {
  const auto store = OpenOrDie();
  disk_.SetCapacity(0);
  EXPECT_TRUE(absl::IsResourceExhausted(store->BeginCheckpoint()));
}

TEST_F(StoreTest, VerifyReportsEverythingAndFindsDamage) {
  {
    const auto store = OpenOrDie();
    Change change;
    change.rows = {GroupOf(1), GroupOf(2)};
    change.removed = {
        {0, 1}
    };
    change.entries = {EntryOf(SubjectOf(GroupId(1)), "opened")};
    Apply(*store, change);
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(0, "body").ok());
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(2), At(0)).ok());
  }
  const absl::StatusOr<StoreReport> report = VerifyStore(disk_, "data", env_.get());
  ASSERT_TRUE(report.ok()) << report.status();
  const std::vector<std::string> lines = Describe(*report);
  EXPECT_THAT(lines[1], HasSubstr("entries 1 to 2 in 1 segments, mark at 2, epoch 1"));
  EXPECT_THAT(lines[2], HasSubstr("at entry 2; 1 rows in memory, 1 in the history, 1 timeline entries"));
  EXPECT_THAT(lines[3], HasSubstr("checkpoint at entry 2, 1 bodies"));
  disk_.FlipBit("data/journal/00000000000000000001.journal", 4096 + 20, 3);
  EXPECT_TRUE(absl::IsDataLoss(VerifyStore(disk_, "data", env_.get()).status()));
  EXPECT_TRUE(absl::IsNotFound(VerifyStore(disk_, "elsewhere", env_.get()).status()));
}

// With real files: the lock, and RocksDB on a real disk.
TEST(StoreOnDiskTest, IsHeldByOneProcessAtATime) {
  const std::string folder = ::testing::TempDir() + "/tocsin_store_test_" + std::to_string(getpid());
  Store::Options options;
  options.folder = folder;
  options.journal = SmallOptions();
  options.reserve_bytes = 1 << 16;
  {
    const auto store = Store::Open(PosixFileSystem(), options);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status second = Store::Open(PosixFileSystem(), options).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(second));
    EXPECT_THAT(second.ToString(), HasSubstr("in use by another tocsin (process " + std::to_string(getpid()) + ")"));
    EXPECT_TRUE(absl::IsFailedPrecondition(VerifyStore(PosixFileSystem(), folder).status()));
    Change change;
    change.rows = {GroupOf(1)};
    ASSERT_TRUE((*store)->ApplyChange(change, Sequence(1)).ok());
    ASSERT_TRUE((*store)->BeginCheckpoint().ok());
    ASSERT_TRUE((*store)->WriteCheckpoint(3, "body").ok());
    ASSERT_TRUE((*store)->CommitCheckpoint(Sequence(1), At(0)).ok());
  }
  EXPECT_TRUE(VerifyStore(PosixFileSystem(), folder).ok());
  {
    const auto store = Store::Open(PosixFileSystem(), options);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(*(*store)->LoadRows(), std::vector<Row>{GroupOf(1)});
    EXPECT_EQ((*store)->shards_position(), Sequence(1));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tocsin
