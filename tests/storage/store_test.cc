#include "storage/store.h"

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "storage/format_file.h"
#include "storage/simulated_disk.h"
#include "storage/verify.h"
#include "tests/storage/journal_world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Group GroupOf(std::uint64_t id, absl::Time resolved_at = absl::UnixEpoch()) {
  Group group;
  group.id = GroupId(id);
  group.key = GroupKey(id * 7);
  group.state = Group::State::kResolved;
  group.resolved_at = resolved_at;
  return group;
}

Timer TimerOf(std::uint64_t id) {
  Timer timer;
  timer.id = TimerId(id);
  timer.due = EngineTime(5);
  return timer;
}

TimelineEntry EntryOf(Subject subject, std::string text) {
  TimelineEntry entry;
  entry.subject = subject;
  entry.at = absl::FromUnixSeconds(1000);
  entry.text = std::move(text);
  return entry;
}

std::vector<std::string> Texts(const std::vector<TimelineEntry>& entries) {
  std::vector<std::string> texts;
  for (const TimelineEntry& entry : entries)
    texts.push_back(entry.text);
  return texts;
}

// A store whose files and views live in memory, through any number of openings.
class StoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Open(bool accept_loss = false) {
    Store::Options options;
    options.journal = SmallOptions();
    options.journal.accept_loss = accept_loss;
    options.folder = "data";
    options.low_water_bytes = 1 << 20;
    options.reserve_bytes = 1 << 16;
    options.views_env = env_.get();
    options.key_seed = 4711;
    return Store::Open(disk_, options);
  }
  std::unique_ptr<Store> OpenOrDie() {
    absl::StatusOr<std::unique_ptr<Store>> store = Open();
    TOCSIN_CHECK(store.ok(), store.status().ToString());
    return *std::move(store);
  }
  // Journals a stand-in for `change`, then applies it, as the engine does.
  static Sequence Apply(Store& store, const Change& change) {
    const PendingEntry entry{EntryKind::kResponder, 0, std::string_view("change")};
    const absl::StatusOr<Sequence> sequence = store.journal().Append({&entry, 1}, At(0));
    TOCSIN_CHECK(sequence.ok() && store.ApplyChange(change, *sequence).ok(), "apply");
    return *sequence;
  }
  static std::vector<std::pair<std::uint32_t, std::string>> ReadCheckpoint(Store& store) {
    std::vector<std::pair<std::uint32_t, std::string>> bodies;
    EXPECT_TRUE(store
                    .ReadCheckpoint([&](std::uint32_t shard, std::string_view body) {
                      bodies.emplace_back(shard, body);
                      return absl::OkStatus();
                    })
                    .ok());
    return bodies;
  }

  std::unique_ptr<rocksdb::Env> env_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  SimulatedDisk disk_;
};

TEST_F(StoreTest, GivesBackRowsAfterAFlushAndASecondOpening) {
  Counters counters;
  counters.next_id = 12;
  Change change;
  change.rows = {GroupOf(3), TimerOf(4), counters};
  Sequence applied;
  {
    const auto store = OpenOrDie();
    EXPECT_EQ(store->responder_position(), Sequence());
    EXPECT_EQ(store->ReplayFrom(), Sequence(1));
    applied = Apply(*store, change);
    ASSERT_TRUE(store->Flush().ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->responder_position(), applied);
  EXPECT_EQ(*store->LoadRows(), change.rows);
  EXPECT_EQ(**store->ReadRow({0, 3}), Row(GroupOf(3)));
  EXPECT_EQ(*store->ReadRow({0, 4}), std::nullopt);
  EXPECT_EQ(store->key_seed(), 4711);
  EXPECT_EQ(store->store_id().size(), 32);
}

TEST_F(StoreTest, WhatWasNotFlushedIsAtAnEarlierPositionNeverHalfThere) {
  {
    const auto store = OpenOrDie();
    Change first;
    first.rows = {GroupOf(1)};
    Apply(*store, first);
    ASSERT_TRUE(store->Flush().ok());
    Change second;
    second.rows = {GroupOf(2)};
    second.removed = {
        {0, 1}
    };
    Apply(*store, second);
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->responder_position(), Sequence(2));
  EXPECT_EQ(*store->LoadRows(), std::vector<Row>{GroupOf(1)});
}

TEST_F(StoreTest, AChangeThatTheViewsHaveSeenIsSkipped) {
  const auto store = OpenOrDie();
  Change change;
  change.rows = {GroupOf(1)};
  change.entries = {EntryOf(SubjectOf(GroupId(1)), "opened")};
  const Sequence sequence = Apply(*store, change);
  Change older;
  older.rows = {GroupOf(9)};
  ASSERT_TRUE(store->ApplyChange(older, sequence).ok());
  EXPECT_EQ(store->LoadRows()->size(), 1);
}

TEST_F(StoreTest, IntegrationsKeepTheirNumbers) {
  const std::vector<IntegrationId> names = {IntegrationId("default"), IntegrationId("datadog")};
  {
    const auto store = OpenOrDie();
    EXPECT_THAT(*store->LoadIntegrations(), IsEmpty());
    const PendingEntry entry{EntryKind::kIntegrations, 0, std::string_view("names")};
    const Sequence sequence = *store->journal().Append({&entry, 1}, At(0));
    ASSERT_TRUE(store->ApplyIntegrations(names, sequence).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(*store->LoadIntegrations(), names);
}

TEST_F(StoreTest, TimelinesAreReadInOrderByCursor) {
  const auto store = OpenOrDie();
  const Subject one = SubjectOf(GroupId(1));
  const Subject other = SubjectOf(IncidentId(1));
  Change first;
  first.entries = {EntryOf(one, "a"), EntryOf(other, "x"), EntryOf(one, "b")};
  Change second;
  second.entries = {EntryOf(one, "c"), EntryOf(one, "d")};
  Apply(*store, first);
  Apply(*store, second);
  std::uint64_t next = 7;
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 10, &next)), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(next, 0);
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 3, &next)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Texts(*store->ReadTimeline(one, next, 3, &next)), ElementsAre("d"));
  EXPECT_EQ(next, 0);
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 4, &next)), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(next, 0) << "exactly all is all";
  EXPECT_THAT(Texts(*store->ReadTimeline(other, 0, 10, &next)), ElementsAre("x"));
  EXPECT_THAT(Texts(*store->ReadTimeline(SubjectOf(GroupId(2)), 0, 10, &next)), IsEmpty());
}

TEST_F(StoreTest, RowsThatLeftMemoryAreListedUntilRetained) {
  const absl::Time day = absl::FromUnixSeconds(1'000'000);
  const auto store = OpenOrDie();
  Change opened;
  for (std::uint64_t id = 1; id <= 6; ++id) {
    opened.rows.emplace_back(GroupOf(id, day + absl::Hours(static_cast<std::int64_t>(id))));
    opened.entries.push_back(EntryOf(SubjectOf(GroupId(id)), "opened"));
  }
  opened.rows.emplace_back(TimerOf(7));
  Apply(*store, opened);
  Change dropped;
  dropped.now = At(0);
  dropped.removed = {
      {0, 1  },
      {0, 2  },
      {0, 4  },
      {6, 7  },
      {0, 999}
  };
  Apply(*store, dropped);

  EXPECT_EQ(store->LoadRows()->size(), 3);
  EXPECT_EQ(**store->ReadRow({0, 2}), Row(GroupOf(2, day + absl::Hours(2))));
  EXPECT_EQ(*store->ReadRow({6, 7}), std::nullopt) << "timers have no history";
  const auto ids = [](const std::vector<Row>& rows) {
    std::vector<std::uint64_t> result;
    for (const Row& row : rows)
      result.push_back(KeyOf(row).id);
    return result;
  };
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(ids(*store->ListRows(0, 0, 2)), ElementsAre(6, 5));
  EXPECT_THAT(ids(*store->ListRows(0, 5, 2)), ElementsAre(4, 3));
  EXPECT_THAT(ids(*store->ListRows(6, 0, 100)), IsEmpty());

  ASSERT_TRUE(store->Retain(day + absl::Hours(3), 1).ok());
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3, 2)) << "one at most";
  ASSERT_TRUE(store->Retain(day + absl::Hours(3), 100).ok());
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3)) << "only what closed before";
  std::uint64_t next = 0;
  EXPECT_THAT(*store->ReadTimeline(SubjectOf(GroupId(2)), 0, 10, &next), IsEmpty());
  EXPECT_EQ(store->ReadTimeline(SubjectOf(GroupId(4)), 0, 10, &next)->size(), 1);
}

TEST_F(StoreTest, ARowThatIsWrittenAndRemovedInOneChangeGoesToTheHistory) {
  const auto store = OpenOrDie();
  Change change;
  change.rows = {GroupOf(1)};
  change.removed = {
      {0, 1}
  };
  Apply(*store, change);
  EXPECT_THAT(*store->LoadRows(), IsEmpty());
  EXPECT_EQ(**store->ReadRow({0, 1}), Row(GroupOf(1)));
}

TEST_F(StoreTest, ARowThatCameBackIsNotForgotten) {
  const auto store = OpenOrDie();
  Change gone;
  gone.rows = {GroupOf(1)};
  gone.removed = {
      {0, 1}
  };
  Apply(*store, gone);
  Change back;
  back.rows = {GroupOf(1, absl::FromUnixSeconds(5))};
  back.entries = {EntryOf(SubjectOf(GroupId(1)), "reopened")};
  Apply(*store, back);
  ASSERT_TRUE(store->Retain(absl::InfiniteFuture(), 100).ok());
  EXPECT_EQ(**store->ReadRow({0, 1}), Row(GroupOf(1, absl::FromUnixSeconds(5))));
  EXPECT_EQ(store->ListRows(0, 0, 10)->size(), 1);
  std::uint64_t next = 0;
  EXPECT_EQ(store->ReadTimeline(SubjectOf(GroupId(1)), 0, 10, &next)->size(), 1);
}

TEST_F(StoreTest, ACheckpointReplacesTheOneBefore) {
  {
    const auto store = OpenOrDie();
    EXPECT_THAT(ReadCheckpoint(*store), IsEmpty());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    for (const std::uint32_t shard : {1U, 0U, 1U}) {
      ASSERT_TRUE(store->WriteCheckpoint(shard, absl::StrFormat("old %d", shard)).ok());
    }
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(1)).ok());
    EXPECT_EQ(store->shards_position(), Sequence(1));
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(0, "given up").ok());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(2, "new").ok());
    EXPECT_EQ(ReadCheckpoint(*store).size(), 3) << "until Commit the old one is valid";
    Apply(*store, Change());
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(2)).ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->shards_position(), Sequence(2));
  EXPECT_THAT(ReadCheckpoint(*store), ElementsAre(std::pair(2U, "new")));
}

TEST_F(StoreTest, BodiesOfAShardComeBackInTheOrderTheyWereWritten) {
  const auto store = OpenOrDie();
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  std::vector<std::pair<std::uint32_t, std::string>> expected;
  for (int i = 0; i < 300; ++i) {
    for (const std::uint32_t shard : {2U, 0U, 1U}) {
      expected.emplace_back(shard, absl::StrFormat("%d", i));
      ASSERT_TRUE(store->WriteCheckpoint(shard, expected.back().second).ok());
    }
  }
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(1)).ok());
  std::ranges::stable_sort(expected, {}, &std::pair<std::uint32_t, std::string>::first);
  EXPECT_EQ(ReadCheckpoint(*store), expected);
}

TEST_F(StoreTest, AnEmptyAlertTableHasACheckpointToo) {
  const auto store = OpenOrDie();
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(1)).ok());
  EXPECT_EQ(store->shards_position(), Sequence(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->CommitCheckpoint(Sequence(1)))) << "nothing was begun";
}

TEST_F(StoreTest, FlushTrimsTheJournalUpToWhatViewsAndCheckpointBothHave) {
  const auto store = OpenOrDie();
  const std::string body(3000, 'x');
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(AppendBodies(store->journal(), {body}).ok());
  ASSERT_TRUE(store->ApplyChange(Change(), Sequence(13)).ok()) << "there was nothing for the views";
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->journal().first(), Sequence(1)) << "the alert table has no checkpoint yet";
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(8)).ok());
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->journal().first(), Sequence(7)) << "the segment that holds entry 9 begins with 7";
  EXPECT_EQ(store->ReplayFrom(), Sequence(9));
}

TEST_F(StoreTest, ALostViewIsNoticedOnceTheJournalWasTrimmed) {
  {
    const auto store = OpenOrDie();
    for (int i = 0; i < 12; ++i)
      ASSERT_TRUE(AppendBodies(store->journal(), {std::string(3000, 'x')}).ok());
    ASSERT_TRUE(store->ApplyChange(Change(), Sequence(13)).ok());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(0, "body").ok());
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(13)).ok());
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
  text.replace(text.find("format 1"), 8, "format 2");
  text.resize(text.rfind("checksum "));
  text += absl::StrFormat("checksum %016x\n", Hash64(text, 0x464F524D4154));
  const absl::Status status = DecodeFormat(text).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.ToString(), HasSubstr("store format 2, this program knows 1: use a newer tocsin"));
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
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(2)).ok());
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
    ASSERT_TRUE((*store)->CommitCheckpoint(Sequence(1)).ok());
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
