// The archive of a journal: what it holds, what begins a new line, and that no power cut, full disk or damage makes it say something wrong.
#include "storage/archive.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/backup.h"
#include "tests/storage/archive_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ArchiveTest : public ::testing::Test, protected ArchiveWorld {
 protected:
  void OpenOrDie(bool keep_trimmed = false) { ASSERT_TRUE(Open(keep_trimmed).ok()); }
  // Commits of some kilobytes, so that segments of 16 KiB close.
  void Grow(int commits, std::int64_t from_ms) {
    for (int i = 0; i < commits; ++i)
      ASSERT_TRUE(Append(2, 1500, At(from_ms + i)).ok());
  }
};

TEST_F(ArchiveTest, HoldsWhatTheMarkVouchesForAndNothingElse) {
  OpenOrDie();
  ASSERT_TRUE(Append(1, 10, At(500)).ok());  // brings the mark up to date
  const std::uint64_t marked = journal->last().value();
  ASSERT_TRUE(Append(1, 10, At(501)).ok());  // 1 ms later: the mark stays behind
  ASSERT_TRUE(archiver->Round(At(502).wall).ok());
  EXPECT_EQ(archiver->archived().value(), marked);
  ASSERT_TRUE(Archive(At(700)).ok());
  EXPECT_EQ(archiver->archived(), journal->last());
  ASSERT_THAT(Lines(), SizeIs(1));
  EXPECT_EQ(Entries(Read(Lines()[0])), ReadAll(*journal, Sequence(1)));
  EXPECT_EQ(Lines()[0].to(), At(501).wall);
  for (const std::string_view name : {kStoreFiles[0]})
    EXPECT_EQ(archive.Contents(absl::StrFormat("%s/%s", Lines()[0].folder, name)), disk.Contents("data/FORMAT"));
}

TEST_F(ArchiveTest, AClosedSegmentIsOnePieceInTheEnd) {
  OpenOrDie();
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(Append(1, 200, At(round * 200)).ok());
    ASSERT_TRUE(Archive(At(round * 200)).ok());
  }
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(Entries(Read(lines[0])), ReadAll(*journal, Sequence(1)));
  const std::size_t segments = journal->Stand().segments.size();
  EXPECT_GT(segments, 20U);
  EXPECT_LE(lines[0].pieces.size(), segments + 3) << "a closed segment is one, the open one has few";
  std::size_t files = 0;
  for (const std::string& path : archive.Paths())
    files += path.ends_with(".piece") ? 1U : 0U;
  EXPECT_EQ(files, lines[0].pieces.size()) << "parts that were put together are gone";
}

TEST_F(ArchiveTest, TheOpenSegmentsPiecesArePutTogetherNowAndThen) {
  Journal::Options options = SmallOptions();
  options.segment_bytes = 4 << 20;
  absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(disk, "data/journal", options);
  ASSERT_TRUE(opened.ok());
  journal = *std::move(opened);
  archiver.emplace(
      disk, archive, Archiver::Options{.data = "data", .archive = kArchive, .store = options.store},
      [this] { return journal->Stand(); }, [](std::uint64_t) { return absl::OkStatus(); });
  std::size_t most = 0;
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(Append(1, 20, At(round * 200)).ok());
    ASSERT_TRUE(Archive(At(round * 200)).ok());
    most = std::max(most, Lines()[0].pieces.size());
  }
  EXPECT_GT(most, 30U);
  EXPECT_LT(most, 70U);
  EXPECT_EQ(Entries(Read(Lines()[0])), ReadAll(*journal, Sequence(1)));
}

TEST_F(ArchiveTest, GoesOnAfterAStartAndCopiesWhatWasTrimmedFromTheRecordedSegments) {
  OpenOrDie(true);
  Grow(10, 0);
  ASSERT_TRUE(Archive(At(100)).ok());
  Grow(30, 200);
  ASSERT_TRUE(journal->Trim(journal->last()).ok());  // renamed, not archived yet
  ASSERT_GT(journal->first().value(), archiver->archived().value());
  OpenOrDie(true);
  ASSERT_TRUE(Archive(At(300)).ok());
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1)) << "no gap";
  EXPECT_EQ(lines[0].first(), Sequence(1));
  EXPECT_EQ(lines[0].next().value(), journal->last().value() + 1);
  EXPECT_THAT(Read(lines[0]), SizeIs(journal->last().value()));
}

TEST_F(ArchiveTest, WhatWasGivenUpBeforeItWasArchivedBeginsANewLineThatSaysSo) {
  OpenOrDie();
  Grow(10, 0);
  ASSERT_TRUE(Archive(At(100)).ok());
  const std::uint64_t archived = archiver->archived().value();
  Grow(30, 200);
  ASSERT_TRUE(journal->Trim(journal->last()).ok());
  archiver->TakeNews();
  ASSERT_TRUE(Archive(At(300)).ok());
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].next().value(), archived + 1);
  EXPECT_EQ(lines[1].first(), journal->first());
  EXPECT_EQ(archiver->lines_begun(), 1U);
  const std::string why =
      absl::StrFormat("a gap: entries %d to %d were given up", archived + 1, journal->first().value() - 1);
  EXPECT_THAT(lines[1].why, HasSubstr(why));
  EXPECT_THAT(archiver->TakeNews(), ElementsAre(HasSubstr(why)));
  EXPECT_EQ(Entries(Read(lines[1])), ReadAll(*journal, journal->first()));
}

TEST_F(ArchiveTest, AStoreOfAnotherChainOverwritesNothing) {
  OpenOrDie();
  Grow(10, 0);
  ASSERT_TRUE(Archive(At(100)).ok());
  Close();
  const std::unique_ptr<SimulatedDisk> former = disk.Clone();
  OpenOrDie();
  Grow(10, 200);
  ASSERT_TRUE(Archive(At(300)).ok());
  const std::vector<Written> before = Read(Lines()[0]);
  const std::vector<Copied> first_store = Entries(before);
  Close();

  // The machine was set back to what it was, or a backup was restored: the same store, and it goes on otherwise.
  Journal::Options options = SmallOptions();
  absl::StatusOr<std::unique_ptr<Journal>> again = Journal::Open(*former, "data/journal", options);
  ASSERT_TRUE(again.ok());
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(AppendBodies(**again, {std::string(2000, 'z')}, At(400 + i)).ok());
  ASSERT_TRUE((*again)->TouchMark(At(1000)).ok());
  Archiver other(
      *former, archive, {.data = "data", .archive = kArchive, .store = options.store},
      [&] { return (*again)->Stand(); }, [](std::uint64_t) { return absl::OkStatus(); });
  for (int round = 0; round < 2; ++round)
    ASSERT_TRUE(other.Round(At(1000).wall).ok());
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(Entries(Read(lines[0])), first_store);
  EXPECT_EQ(Entries(Read(lines[1])), ReadAll(**again, Sequence(1)));
  EXPECT_THAT(lines[1].why, HasSubstr("does not go on where line-000001 ends"));
  // The first store, if it still runs, goes on in its own line.
  OpenOrDie();
  Grow(3, 2000);
  ASSERT_TRUE(Archive(At(3000)).ok());
  ASSERT_THAT(Lines(), SizeIs(2));
  EXPECT_EQ(Entries(Read(Lines()[0])), ReadAll(*journal, Sequence(1)));
}

TEST_F(ArchiveTest, TwoThatWriteOneLineAreNoticed) {
  OpenOrDie();
  Grow(4, 0);
  ASSERT_TRUE(Archive(At(100)).ok());
  const std::unique_ptr<SimulatedDisk> copied = disk.Clone();  // a copy of the folder, started elsewhere
  absl::StatusOr<std::unique_ptr<Journal>> twin = Journal::Open(*copied, "data/journal", SmallOptions());
  ASSERT_TRUE(twin.ok() && AppendBodies(**twin, {"other"}, At(600)).ok() && (*twin)->TouchMark(At(900)).ok());
  Archiver other(
      *copied, archive, {.data = "data", .archive = kArchive, .store = SmallOptions().store},
      [&] { return (*twin)->Stand(); }, [](std::uint64_t) { return absl::OkStatus(); });
  ASSERT_TRUE(other.Round(At(900).wall).ok());
  ASSERT_THAT(Lines(), SizeIs(1)) << "it continues the line, as far as anybody can tell";
  Grow(2, 1000);
  ASSERT_TRUE(Archive(At(1500)).ok());
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(Entries(Read(lines[0])), ReadAll(**twin, Sequence(1)));
  EXPECT_EQ(Entries(Read(lines[1])), ReadAll(*journal, Sequence(1)));
}

TEST_F(ArchiveTest, AnArchiveThatIsNotThereIsNotMadeAnew) {
  OpenOrDie();
  Grow(4, 0);
  ASSERT_TRUE(Archive(At(100)).ok());
  // What is below the point where it was mounted.
  SimulatedDisk empty;
  ASSERT_TRUE(empty.MakeFolder(kArchive).ok());
  const auto stand = [this] { return journal->Stand(); };
  const auto pace = [](std::uint64_t) { return absl::OkStatus(); };
  Archiver other(disk, empty, {.data = "data", .archive = kArchive, .store = SmallOptions().store}, stand, pace);
  const absl::Status refused = other.Round(At(200).wall);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("is the disk mounted?"));
  EXPECT_THAT(empty.Paths(), IsEmpty());
  SimulatedDisk nothing;
  Archiver third(disk, nothing, {.data = "data", .archive = kArchive, .store = SmallOptions().store}, stand, pace);
  EXPECT_THAT(third.Round(At(200).wall).message(), HasSubstr("there is no such folder"));
  // In the middle of a run.
  const std::vector<std::string> paths = archive.Paths();
  for (const std::string& path : paths)
    archive.Delete(path);
  Grow(1, 300);
  EXPECT_TRUE(absl::IsFailedPrecondition(Archive(At(600))));
  EXPECT_THAT(archive.Paths(), IsEmpty());
}

TEST_F(ArchiveTest, AFullDiskIsSaidAndGoesOnWhenThereIsRoom) {
  OpenOrDie();
  Grow(10, 0);
  archive.SetCapacity(20'000);
  absl::Status full = Archive(At(100));
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  for (int round = 0; round < 3; ++round) {
    Grow(5, 200 + 10 * round);
    EXPECT_FALSE(Archive(At(300 + 100 * round)).ok());
  }
  for (const ArchiveLine& line : Lines())
    EXPECT_TRUE(VerifyLine(archive, line).ok());
  archive.SetCapacity(1 << 30);
  ASSERT_TRUE(Archive(At(900)).ok());
  ASSERT_THAT(Lines(), SizeIs(1));
  EXPECT_EQ(Entries(Read(Lines()[0])), ReadAll(*journal, Sequence(1)));
}

TEST_F(ArchiveTest, OneChangedBitAnywhereIsFoundAndTheFileNamed) {
  OpenOrDie();
  Grow(12, 0);
  ASSERT_TRUE(Archive(At(500)).ok());
  Random random(5);
  const ArchiveLine line = Lines()[0];
  for (const ArchivePiece& piece : line.pieces) {
    const std::string path = line.folder + "/" + piece.name();
    const std::uint64_t size = archive.Contents(path).size();
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t at = random.Below(size);
      const auto bit = static_cast<unsigned>(random.Below(8));
      archive.FlipBit(path, at, bit);
      const absl::Status found = VerifyLine(archive, Lines()[0]);
      EXPECT_FALSE(found.ok()) << path << " offset " << at;
      EXPECT_THAT(found.message(), HasSubstr(piece.name()));
      archive.FlipBit(path, at, bit);
    }
  }
  EXPECT_TRUE(VerifyLine(archive, Lines()[0]).ok());
  const std::string missing = Lines()[0].pieces[1].name();
  archive.Delete(Lines()[0].folder + "/" + missing);
  EXPECT_THAT(VerifyLine(archive, Lines()[0]).message(), HasSubstr("are missing before this piece"));
}

TEST_F(ArchiveTest, PrunedUpToABackupItGoesThroughThatStill) {
  OpenOrDie();
  Grow(30, 0);
  ASSERT_TRUE(Archive(At(500)).ok());
  const std::vector<Written> all = Read(Lines()[0]);
  const journal::Link backup = Lines()[0].pieces[3].after();
  ASSERT_TRUE(PruneLine(archive, Lines()[0], Sequence(backup.next.value() + 1)).ok()) << "in the middle of a piece";
  ASSERT_THAT(Lines(), SizeIs(1));
  EXPECT_EQ(Lines()[0].first(), backup.next);
  EXPECT_TRUE(*GoesThrough(archive, Lines()[0], backup));
  EXPECT_FALSE(*GoesThrough(archive, Lines()[0],
                            {
                                backup.next, {1, 2},
                                 backup.epoch
  }))
      << "another chain";
  EXPECT_FALSE(
      *GoesThrough(archive, Lines()[0],
                   Lines()[0].pieces[0].before().next.value() > 1 ? journal::Link{Sequence(2), {}, {}} : backup));
  // The server goes on, and archives nothing again.
  Grow(10, 1000);
  ASSERT_TRUE(Archive(At(2000)).ok());
  OpenOrDie();
  ASSERT_TRUE(Archive(At(3000)).ok());
  ASSERT_THAT(Lines(), SizeIs(1));
  EXPECT_EQ(Lines()[0].first(), backup.next);
  EXPECT_EQ(Lines()[0].next().value(), journal->last().value() + 1);
}

// Power cuts of either machine at any operation: the archive is always whole, holds what the journal has, and no line too many.
TEST_F(ArchiveTest, PowerCutsAtAnyOperationLeaveItWhole) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    ArchiveWorld world;
    Random random(seed);
    std::int64_t ms = 0;
    for (int life = 0; life < 8; ++life) {
      SimulatedDisk& victim = random.OneIn(2) ? world.disk : world.archive;
      victim.StopAfter(random.Below(120));
      if (world.Open(/*keep_trimmed=*/true).ok()) {
        for (bool lives = true; lives && !random.OneIn(30);) {
          ms += static_cast<std::int64_t>(random.Below(200));
          lives = world.Append(random.Below(3) + 1, random.Below(4000), At(ms)).ok();
          if (random.OneIn(3)) lives = world.Archive(At(ms)).ok() && lives;
          if (random.OneIn(12)) world.journal->Trim(world.journal->last()).IgnoreError();
        }
      }
      world.Close();
      world.disk.CutPower(random);
      world.archive.CutPower(random);
      for (const ArchiveLine& line : world.Lines())
        ASSERT_TRUE(line.empty() || VerifyLine(world.archive, line).ok()) << VerifyLine(world.archive, line);
    }
    ASSERT_TRUE(world.Open(/*keep_trimmed=*/true).ok());
    ASSERT_TRUE(world.Archive(At(ms + 500)).ok());
    std::size_t with_entries = 0;
    for (const ArchiveLine& line : world.Lines())
      with_entries += line.empty() ? 0U : 1U;
    ASSERT_EQ(with_entries, 1U);
    const ArchiveLine line = world.Lines().back();
    for (const std::string& path : world.archive.Paths())
      EXPECT_FALSE(path.ends_with(kPartial)) << "what a crash leaves is swept";
    EXPECT_EQ(line.first(), Sequence(1));
    const std::vector<Copied> archived = Entries(world.Read(line));
    const std::vector<Copied> present = ReadAll(*world.journal, world.journal->first());
    ASSERT_GE(archived.size(), present.size());
    EXPECT_TRUE(std::ranges::equal(present, std::span(archived).last(present.size())));
  }
}

}  // namespace
}  // namespace tocsin
