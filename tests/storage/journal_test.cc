#include "storage/journal.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/status.h"
#include "tests/storage/journal_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<Journal> OpenOrDie(FileSystem& files, Journal::Options options = SmallOptions()) {
  absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(files, kFolder, options);
  TOCSIN_CHECK(journal.ok(), journal.status().ToString());
  return *std::move(journal);
}

TEST(JournalTest, GivesBackWhatWasAppendedInOrder) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  const std::string first = "a";
  const std::string second(5000, 'b');
  const PendingEntry entries[] = {
      {EntryKind::kShard,        7, first },
      {EntryKind::kResponder,    0, second},
      {EntryKind::kIntegrations, 0, ""    }
  };
  const Now now = At(1234);
  EXPECT_EQ(*journal->Append(entries, now), Sequence(4));

  std::vector<Now> times;
  ASSERT_TRUE(journal
                  ->Read(Sequence(2),
                         [&](const Entry& entry) {
                           times.push_back(entry.now);
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(times, std::vector<Now>(3, now));
  EXPECT_EQ(ReadAll(*journal), (std::vector<Copied>{
                                   {1, 1, EntryKind::kLead,         0, ""    },
                                   {2, 1, EntryKind::kShard,        7, first },
                                   {3, 1, EntryKind::kResponder,    0, second},
                                   {4, 1, EntryKind::kIntegrations, 0, ""    }
  }));
}

TEST(JournalTest, GoesOnWhereItStoppedWithTheNextEpoch) {
  SimulatedDisk disk;
  std::vector<Copied> before;
  {
    const auto journal = OpenOrDie(disk);
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(AppendBodies(*journal, {std::to_string(i), "x"}, At(i)).ok());
    before = ReadAll(*journal);
  }
  const auto journal = OpenOrDie(disk);
  EXPECT_EQ(journal->epoch(), Epoch(2));
  EXPECT_EQ(journal->recovery().first, Sequence(1));
  EXPECT_EQ(journal->recovery().last, Sequence(101));
  EXPECT_EQ(journal->recovery().mark, Sequence(101));
  EXPECT_EQ(journal->recovery().engine, At(49).engine);
  EXPECT_EQ(journal->recovery().wall, At(49).wall);
  EXPECT_THAT(journal->recovery().notes, IsEmpty());
  before.push_back({102, 2, EntryKind::kLead, 0, ""});
  EXPECT_EQ(ReadAll(*journal), before);
  EXPECT_EQ(*AppendBodies(*journal, {"next"}), Sequence(103));
}

TEST(JournalTest, RollsToNewSegmentsAndTrimsOldOnes) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(AppendBodies(*journal, {std::string(3000, 'x')}).ok());
  // Three blocks of commits in a segment of four blocks.
  EXPECT_EQ(disk.Paths(), (std::vector<std::string>{Segment(1), Segment(4), Segment(7), Segment(10), kFolder + "/mark",
                                                    kFolder + "/spare"}));
  const std::uint64_t bytes = journal->bytes_on_disk();

  ASSERT_TRUE(journal->Trim(Sequence(9)).ok());
  EXPECT_EQ(disk.Paths(), (std::vector<std::string>{Segment(7), Segment(10), kFolder + "/mark", kFolder + "/spare"}));
  EXPECT_LT(journal->bytes_on_disk(), bytes);
  EXPECT_TRUE(absl::IsNotFound(journal->Read(Sequence(6), [](const Entry&) { return absl::OkStatus(); })));
  EXPECT_EQ(ReadAll(*journal, Sequence(7)).size(), 5);
  EXPECT_EQ(ReadAll(*journal, Sequence(11)).front().sequence, 11);
  EXPECT_THAT(ReadAll(*journal, Sequence(12)), IsEmpty());
}

TEST(JournalTest, NeverTrimsTheActiveSegment) {
  SimulatedDisk disk;
  auto journal = OpenOrDie(disk);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(AppendBodies(*journal, {std::string(3000, 'x')}).ok());
  ASSERT_TRUE(journal->Trim(Sequence(1000)).ok());
  EXPECT_EQ(ReadAll(*journal, Sequence(10)).size(), 2);
  journal.reset();
  journal = OpenOrDie(disk);
  EXPECT_EQ(journal->recovery().first, Sequence(10));
  EXPECT_EQ(journal->recovery().last, Sequence(11));
}

TEST(JournalTest, TakesACommitThatIsLargerThanASegment) {
  SimulatedDisk disk;
  const std::vector<std::string> bodies = {std::string(40'000, 'p'), std::string(limits::kJournalEntryBytes, 'q')};
  {
    const auto journal = OpenOrDie(disk);
    ASSERT_TRUE(AppendBodies(*journal, bodies).ok());
    ASSERT_TRUE(AppendBodies(*journal, {"after"}).ok());
  }
  const auto journal = OpenOrDie(disk);
  const std::vector<Copied> entries = ReadAll(*journal);
  ASSERT_EQ(entries.size(), 5);
  EXPECT_EQ(entries[1].body, bodies[0]);
  EXPECT_EQ(entries[2].body, bodies[1]);
  EXPECT_EQ(entries[3].body, "after");
}

TEST(JournalTest, RefusesABodyThatIsTooLongAndStaysUsable) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  EXPECT_TRUE(
      absl::IsInvalidArgument(AppendBodies(*journal, {std::string(limits::kJournalEntryBytes + 1, 'x')}).status()));
  EXPECT_EQ(*AppendBodies(*journal, {"fits"}), Sequence(2));
}

TEST(JournalTest, WritesOnceAndSyncsOncePerCommit) {
  SimulatedDisk disk;
  Journal::Options options = SmallOptions();
  options.segment_bytes = 1 << 20;
  const auto journal = OpenOrDie(disk, options);
  const SimulatedDisk::Counters before = disk.counters();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(AppendBodies(*journal, {"a", "b", "c"}, At(0)).ok());
  EXPECT_EQ(disk.counters().writes - before.writes, 10);
  EXPECT_EQ(disk.counters().syncs - before.syncs, 10);
  EXPECT_EQ(*journal->Append({}, At(0)), Sequence(31)) << "an empty commit costs nothing";
  EXPECT_EQ(disk.counters().writes - before.writes, 10);
}

TEST(JournalTest, WritesTheMarkWhenItIsDueAndNotWhenItSaysAllAlready) {
  SimulatedDisk disk;
  Journal::Options options = SmallOptions();
  options.segment_bytes = 1 << 20;
  const auto journal = OpenOrDie(disk, options);
  ASSERT_TRUE(AppendBodies(*journal, {"a"}, At(50)).ok());
  EXPECT_EQ(Journal::Verify(*disk.Clone(), kFolder)->mark, Sequence(1)) << "not due yet";
  ASSERT_TRUE(journal->TouchMark(At(100)).ok());
  EXPECT_EQ(Journal::Verify(*disk.Clone(), kFolder)->mark, Sequence(2));
  ASSERT_TRUE(AppendBodies(*journal, {"b"}, At(200)).ok());
  EXPECT_EQ(Journal::Verify(*disk.Clone(), kFolder)->mark, Sequence(3)) << "Append touches it, too";
  const std::uint64_t operations = disk.counters().operations;
  ASSERT_TRUE(journal->TouchMark(At(5000)).ok());
  EXPECT_EQ(disk.counters().operations, operations);
}

TEST(JournalTest, AFailedSyncIsFinal) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  ASSERT_TRUE(AppendBodies(*journal, {"acknowledged"}).ok());
  disk.FailSync(1);
  const absl::Status failed = AppendBodies(*journal, {"lost"}).status();
  EXPECT_THAT(failed.ToString(), HasSubstr("fdatasync: Input/output error"));
  EXPECT_EQ(AppendBodies(*journal, {"later"}).status(), failed);
  EXPECT_EQ(journal->TouchMark(At(10'000)), failed);
  EXPECT_EQ(journal->Trim(Sequence(2)), failed);
  EXPECT_EQ(ReadAll(*journal).back().body, "acknowledged");
}

TEST(JournalTest, AFailedOrShortWriteIsFinal) {
  SimulatedDisk disk;
  auto journal = OpenOrDie(disk);
  ASSERT_TRUE(AppendBodies(*journal, {"acknowledged"}).ok());
  disk.FailWrite(1);
  EXPECT_FALSE(AppendBodies(*journal, {std::string(3000, 'x')}).ok());
  EXPECT_FALSE(AppendBodies(*journal, {"later"}).ok());
  journal.reset();
  journal = OpenOrDie(disk);
  EXPECT_GT(journal->recovery().torn_bytes, 0);
  EXPECT_EQ(journal->recovery().notes.size(), 1);
  EXPECT_EQ(ReadAll(*journal)[1].body, "acknowledged");
  EXPECT_EQ(ReadAll(*journal)[2].kind, EntryKind::kLead);
}

// After a failed fsync Linux keeps the page and calls it clean. A restarted process reads the entry from memory, builds on
// it, and the next power cut would take it from the middle of the journal.
TEST(JournalTest, RecoveryDoesNotBuildOnPagesThatOnlyLookWritten) {
  SimulatedDisk disk;
  auto journal = OpenOrDie(disk);
  disk.FailSync(1);
  EXPECT_FALSE(AppendBodies(*journal, {"only in memory"}).ok());
  journal.reset();
  journal = OpenOrDie(disk);
  ASSERT_EQ(ReadAll(*journal)[1].body, "only in memory");
  ASSERT_TRUE(AppendBodies(*journal, {"acknowledged"}).ok());
  Random random(1);
  disk.CutPower(random, SimulatedDisk::Cut::kNothing);
  journal = OpenOrDie(disk);
  EXPECT_EQ(ReadAll(*journal)[1].body, "only in memory");
  EXPECT_EQ(ReadAll(*journal)[3].body, "acknowledged");
}

TEST(JournalTest, GoesOnForAWholeSegmentWhenTheDiskIsFull) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  std::uint64_t used = 0;
  for (const std::string& path : disk.Paths())
    used += disk.Contents(path).size();
  disk.SetCapacity(used);
  int appended = 0;
  while (AppendBodies(*journal, {std::string(3000, 'x')}).ok())
    ++appended;
  EXPECT_EQ(appended, 2 + 3) << "the rest of the active segment, and the spare";
  disk.SetCapacity(1 << 30);
  EXPECT_EQ(ReadAll(*OpenOrDie(disk)).size(), 1 + 5 + 1);
}

TEST(JournalTest, WritesASpareAheadThatHasBeenThereForAWhile) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  const auto operations = [&] { return disk.counters().operations; };
  const std::uint64_t before = operations();
  ASSERT_TRUE(journal->TendSpare().ok());
  EXPECT_EQ(operations(), before) << "it may be used up at once";
  ASSERT_TRUE(journal->TendSpare().ok());
  EXPECT_GT(operations(), before);
  const std::uint64_t written = operations();
  ASSERT_TRUE(journal->TendSpare().ok());
  EXPECT_EQ(operations(), written) << "once";
  EXPECT_EQ(disk.Contents(kFolder + "/spare"), std::string(SmallOptions().segment_bytes, '\0'));
  std::vector<std::string> bodies;
  for (int i = 0; i < 20; ++i) {
    bodies.push_back(std::string(3000, static_cast<char>('a' + i)));
    ASSERT_TRUE(AppendBodies(*journal, {bodies.back()}).ok());
    ASSERT_TRUE(journal->TendSpare().ok());
  }
  const std::vector<Copied> found = ReadAll(*journal);
  ASSERT_EQ(found.size(), 21);
  for (std::size_t i = 0; i < bodies.size(); ++i)
    EXPECT_EQ(found[i + 1].body, bodies[i]);
}

TEST(JournalTest, ASpareThatCannotBeWrittenIsAsFinalAsACommit) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  ASSERT_TRUE(journal->TendSpare().ok());
  disk.FailSync(1);
  EXPECT_FALSE(journal->TendSpare().ok());
  EXPECT_FALSE(AppendBodies(*journal, {"x"}).ok());
}

// Under a writer, for ThreadSanitizer and for what a spare's zeros could overwrite.
TEST(JournalTest, ASpareIsWrittenAheadBesideCommits) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  std::atomic<bool> stop{false};
  std::thread tending([&] {
    while (!stop)
      EXPECT_TRUE(journal->TendSpare().ok());
  });
  for (int i = 0; i < 500; ++i)
    EXPECT_TRUE(AppendBodies(*journal, {absl::StrFormat("%04d", i) + std::string(3000, 'x')}).ok());
  stop = true;
  tending.join();
  const std::vector<Copied> found = ReadAll(*journal);
  ASSERT_EQ(found.size(), 501);
  for (std::size_t i = 0; i < 500; ++i)
    EXPECT_EQ(found[i + 1].body.substr(0, 4), absl::StrFormat("%04d", i));
}

TEST(JournalTest, OpensOnAFullDiskAsLongAsTheActiveSegmentHasRoom) {
  SimulatedDisk disk;
  { ASSERT_TRUE(AppendBodies(*OpenOrDie(disk), {"x"}).ok()); }
  disk.SetCapacity(0);
  const auto journal = OpenOrDie(disk);
  EXPECT_EQ(*AppendBodies(*journal, {"y"}), Sequence(4));
}

TEST(JournalTest, RefusesTheSegmentsOfAnotherStore) {
  SimulatedDisk disk;
  { OpenOrDie(disk); }
  Journal::Options options = SmallOptions();
  options.store = {1, 2};
  EXPECT_THAT(Journal::Open(disk, kFolder, options).status().ToString(), HasSubstr("belongs to another store"));
}

TEST(JournalTest, AnEmptyFolderIsALossWhenThereMustBeAJournal) {
  SimulatedDisk disk;
  Journal::Options options = SmallOptions();
  options.must_exist = true;
  EXPECT_TRUE(absl::IsDataLoss(Journal::Open(disk, kFolder, options).status()));
}

TEST(JournalTest, VerifyChangesNothing) {
  SimulatedDisk disk;
  { ASSERT_TRUE(AppendBodies(*OpenOrDie(disk), {"x"}).ok()); }
  disk.SetReadOnly(true);
  const absl::StatusOr<Journal::Recovery> found = Journal::Verify(disk, kFolder);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->last, Sequence(2));
  EXPECT_EQ(found->mark, Sequence(2));
}

TEST(JournalTest, IsReadByOtherThreadsWhileItGrowsAndIsTrimmed) {
  SimulatedDisk disk;
  const auto journal = OpenOrDie(disk);
  std::thread reader([&] {
    std::uint64_t next = 1;
    while (next < 300) {
      const absl::Status read = journal->Read(Sequence(next), [&](const Entry& entry) {
        EXPECT_EQ(entry.sequence, Sequence(next));
        const bool is_lead = entry.kind == EntryKind::kLead;
        EXPECT_EQ(entry.body.size(), is_lead ? 0 : entry.sequence.value() % 50 * 40);
        next += 1;
        return absl::OkStatus();
      });
      ASSERT_TRUE(read.ok()) << read;
      ASSERT_TRUE(journal->Trim(Sequence(next)).ok());
    }
  });
  for (std::uint64_t i = 2; i <= 300; ++i) {
    ASSERT_TRUE(AppendBodies(*journal, {std::string(i % 50 * 40, 'x')}, At(static_cast<std::int64_t>(i) * 20)).ok());
  }
  reader.join();
}

TEST(JournalTest, WorksOnTheRealFileSystem) {
  const std::string folder = ::testing::TempDir() + "/tocsin_journal_test_" + std::to_string(getpid());
  FileSystem& files = PosixFileSystem();
  std::vector<Copied> before;
  for (int run = 0; run < 3; ++run) {
    absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(files, folder, SmallOptions());
    ASSERT_TRUE(journal.ok()) << journal.status();
    const std::vector<Copied> now = ReadAll(**journal);
    ASSERT_EQ(std::vector<Copied>(now.begin(), now.end() - 1), before);
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(AppendBodies(**journal, {std::string(2000, 'x'), "y"}).ok());
    before = ReadAll(**journal);
  }
  const std::vector<std::string> names = *files.List(folder);
  for (const std::string& name : names)
    ASSERT_TRUE(files.Remove(folder + "/" + name).ok());
  EXPECT_EQ(rmdir(folder.c_str()), 0);
}

}  // namespace
}  // namespace tocsin
