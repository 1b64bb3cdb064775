// The journal of a restore to a point in time: the backup's with the archive's entries up to there, or a refusal that says why.
#include "storage/restore_journal.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "storage/journal_image.h"
#include "storage/mark.h"
#include "tests/storage/archive_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kRestored = "restored/journal";

class RestoreJournalTest : public ::testing::Test, protected ArchiveWorld {
 protected:
  // A journal of some segments with commits of one to three entries, archived.
  void Fill(std::uint64_t seed) {
    ASSERT_TRUE(Open().ok());
    Random random(seed);
    std::int64_t ms = 0;
    for (int i = 0; i < 40; ++i) {
      ms += 1 + static_cast<std::int64_t>(random.Below(200));
      ASSERT_TRUE(Append(random.Below(3) + 1, random.Below(2500), At(ms)).ok());
      if (random.OneIn(5)) {
        ASSERT_TRUE(Archive(At(ms)).ok());
      }
    }
    ASSERT_TRUE(Archive(At(ms)).ok());
    line = Lines()[0];
    all = Read(line);
  }

  // A backup that ends with entry `last`: the journal's files as they are there.
  std::unique_ptr<SimulatedDisk> BackupAt(std::size_t last) {
    auto backup = std::make_unique<SimulatedDisk>();
    TOCSIN_CHECK(backup->MakeFolder("restored").ok() && backup->MakeFolder(kRestored).ok(), "folders");
    if (last == 0) return backup;
    RestorePoint point;
    point.until_entry = Sequence(last);
    const absl::StatusOr<Stretch> stretch = FindStretch(archive, line, {}, absl::InfinitePast(), point);
    TOCSIN_CHECK(stretch.ok(), stretch.status().ToString());
    TOCSIN_CHECK(AppendStretch(archive, line, *stretch, *backup, kRestored).ok(), "backup");
    return backup;
  }
  static journal::Link EndOf(SimulatedDisk& disk, absl::Time* at) {
    const absl::StatusOr<journal::Image> image = journal::ReadImage(disk, kRestored, {});
    TOCSIN_CHECK(image.ok() && image->damage.ok(), "image");
    if (image->fresh) return {};
    *at = image->recovery.wall;
    return image->link;
  }
  absl::StatusOr<Stretch> Restore(SimulatedDisk& backup, const RestorePoint& point) {
    absl::Time at = absl::InfinitePast();
    const journal::Link from = EndOf(backup, &at);
    TOCSIN_ASSIGN(const bool fits, GoesThrough(archive, line, from));
    EXPECT_TRUE(fits);
    TOCSIN_ASSIGN(Stretch stretch, FindStretch(archive, line, from, at, point));
    if (stretch.entries() > 0) TOCSIN_TRY(AppendStretch(archive, line, stretch, backup, kRestored));
    return stretch;
  }
  // What a server that starts on it finds.
  static std::vector<Copied> Found(SimulatedDisk& disk) {
    const absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(disk, kRestored, SmallOptions());
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    std::vector<Copied> entries = ReadAll(**opened, Sequence(1));
    EXPECT_EQ(entries.back().kind, EntryKind::kLead);
    entries.pop_back();  // its own
    return entries;
  }
  std::vector<Copied> First(std::size_t entries) const {
    return Entries({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(entries)});
  }
  // How many entries there are up to the last whole commit of the first `entries`.
  std::size_t Whole(std::size_t entries) const {
    while (entries > 0 && !all[entries - 1].ends_commit)
      --entries;
    return entries;
  }

  ArchiveLine line;
  std::vector<Written> all;
};

TEST_F(RestoreJournalTest, EndsWithTheLastCommitAtOrBeforeAnyEntryWhateverTheBackup) {
  Fill(1);
  Random random(2);
  for (std::size_t entry = 1; entry <= all.size(); ++entry) {
    SCOPED_TRACE(entry);
    const std::size_t backup_at = Whole(random.Below(entry + 1));
    const std::unique_ptr<SimulatedDisk> backup = BackupAt(backup_at);
    RestorePoint point;
    point.until_entry = Sequence(entry);
    if (Whole(entry) == 0) continue;
    const absl::StatusOr<Stretch> stretch = Restore(*backup, point);
    ASSERT_TRUE(stretch.ok()) << stretch.status();
    EXPECT_EQ(stretch->to.next.value(), Whole(entry) + 1);
    EXPECT_EQ(stretch->at, all[Whole(entry) - 1].at);
    EXPECT_EQ(stretch->line_last.value(), all.size());
    EXPECT_EQ(stretch->notes.empty(), Whole(entry) == entry);
    EXPECT_EQ(Found(*backup), First(Whole(entry)));
  }
}

TEST_F(RestoreJournalTest, EndsWithTheLastCommitAtOrBeforeAnInstant) {
  Fill(3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const absl::Duration more : {absl::ZeroDuration(), absl::Microseconds(500)}) {
      const std::unique_ptr<SimulatedDisk> backup = BackupAt(0);
      RestorePoint point;
      point.until = all[i].at + more;
      const absl::StatusOr<Stretch> stretch = Restore(*backup, point);
      ASSERT_TRUE(stretch.ok()) << stretch.status();
      const auto after = std::ranges::find_if(all, [&](const Written& each) { return each.at > all[i].at; });
      EXPECT_EQ(Found(*backup), First(static_cast<std::size_t>(after - all.begin())));
    }
  }
  const std::unique_ptr<SimulatedDisk> backup = BackupAt(0);
  const absl::StatusOr<Stretch> whole = Restore(*backup, {});
  ASSERT_TRUE(whole.ok());
  EXPECT_THAT(whole->notes, IsEmpty());
  EXPECT_EQ(Found(*backup), Entries(all));
}

TEST_F(RestoreJournalTest, AClockThatWasPutBackIsSaid) {
  ASSERT_TRUE(Open().ok());
  std::int64_t engine = 0;
  for (const std::int64_t ms : {1000, 2000, 3000, 1500, 1800, 4000})
    ASSERT_TRUE(Append(1, 10, {At(ms).wall, EngineTime(++engine * 1'000'000'000)}).ok());
  ASSERT_TRUE(Archive(At(100'000)).ok());
  line = Lines()[0];
  all = Read(line);
  const std::unique_ptr<SimulatedDisk> backup = BackupAt(0);
  RestorePoint point;
  point.until = At(1900).wall;
  const absl::StatusOr<Stretch> stretch = Restore(*backup, point);
  ASSERT_TRUE(stretch.ok()) << stretch.status();
  EXPECT_EQ(stretch->at, At(1800).wall) << "the last of those that could be meant";
  ASSERT_THAT(stretch->notes, ElementsAre(HasSubstr("the clock was put back")));
  EXPECT_THAT(stretch->notes[0], HasSubstr("--until-entry 2 ends before"));
  point = {};
  point.until = At(9000).wall;
  const std::unique_ptr<SimulatedDisk> late = BackupAt(0);
  EXPECT_THAT(Restore(*late, point)->notes, ElementsAre(HasSubstr("before the time that was asked for")));
}

TEST_F(RestoreJournalTest, WhatCannotBeIsRefused) {
  Fill(4);
  const std::size_t end = Whole(all.size() / 2);
  const std::unique_ptr<SimulatedDisk> backup = BackupAt(end);
  RestorePoint point;
  point.until_entry = Sequence(end - 1);
  EXPECT_THAT(Restore(*backup, point).status().message(), HasSubstr("take an earlier backup"));
  point = {};
  point.until = all[0].at - absl::Seconds(1);
  EXPECT_THAT(Restore(*backup, point).status().message(), HasSubstr("take an earlier backup"));
  point = {};
  point.until_entry = Sequence(all.size() + 1);
  EXPECT_THAT(Restore(*backup, point).status().message(), HasSubstr("is not in it"));
  // Of another chain, although the numbers fit.
  absl::Time at;
  journal::Link from = EndOf(*backup, &at);
  from.hash.low ^= 1;
  EXPECT_FALSE(*GoesThrough(archive, line, from));
  const absl::Status strange = FindStretch(archive, line, from, at, {}).status();
  EXPECT_TRUE(absl::IsDataLoss(strange)) << strange;
  EXPECT_THAT(strange.message(), HasSubstr("does not continue entry"));
}

// Before the point it is a refusal that names the file; after it, a remark.
TEST_F(RestoreJournalTest, DamageBeforeThePointIsRefusedAndBehindItOnlySaid) {
  Fill(5);
  ASSERT_GT(line.pieces.size(), 4U);
  const std::size_t middle = line.pieces.size() / 2;
  RestorePoint point;
  point.until_entry = Sequence(line.pieces[middle].first().value() - 1);
  RestorePoint by_time;
  by_time.until = line.pieces[middle - 1].to;
  for (const std::size_t damaged : {middle - 1, middle + 1}) {
    const std::string path = line.folder + "/" + line.pieces[damaged].name();
    archive.FlipBit(path, journal::kBlock + 100, 3);
    for (const RestorePoint& each : {point, by_time}) {
      const std::unique_ptr<SimulatedDisk> restored = BackupAt(0);
      const absl::StatusOr<Stretch> stretch = Restore(*restored, each);
      EXPECT_EQ(stretch.ok(), damaged > middle) << stretch.status();
      if (!stretch.ok()) {
        EXPECT_THAT(stretch.status().message(), HasSubstr(line.pieces[damaged].name()));
      }
    }
    archive.FlipBit(path, journal::kBlock + 100, 3);
  }
  // A piece that is not there.
  archive.Delete(line.folder + "/" + line.pieces[middle + 1].name());
  line = Lines()[0];
  const std::unique_ptr<SimulatedDisk> restored = BackupAt(0);
  EXPECT_TRUE(Restore(*restored, point).ok());
  const absl::Status gap = FindStretch(archive, line, {}, absl::InfinitePast(), {}).status();
  EXPECT_TRUE(absl::IsDataLoss(gap));
  EXPECT_THAT(gap.message(), HasSubstr("are missing before this piece"));
}

// What was durable when it returned stays, whatever a power cut takes; what was cut before is begun anew.
TEST_F(RestoreJournalTest, APowerCutAtAnyOperationLosesNothingThatWasSaidToBeDone) {
  Fill(6);
  const std::size_t backup_at = Whole(all.size() / 3);
  RestorePoint point;
  point.until_entry = Sequence(Whole(all.size() - 5));
  Random random(7);
  bool done = false;
  for (std::uint64_t cut = 0; !done; ++cut) {
    ASSERT_LT(cut, 1000U);
    const std::unique_ptr<SimulatedDisk> backup = BackupAt(backup_at);
    const std::unique_ptr<SimulatedDisk> begun = backup->Clone();
    begun->StopAfter(cut);
    done = Restore(*begun, point).ok();
    begun->CutPower(random, SimulatedDisk::Cut::kNothing);
    if (done) {
      EXPECT_EQ(Found(*begun), First(Whole(all.size() - 5)));
    } else {
      ASSERT_TRUE(Restore(*backup, point).ok()) << "from the beginning";
    }
  }
}

// The entries of a restored store and those of the store that goes on elsewhere are never taken for each other.
TEST_F(RestoreJournalTest, ARestoredStoreGoesOnInALineOfItsOwn) {
  Fill(8);
  const std::unique_ptr<SimulatedDisk> restored = BackupAt(Whole(all.size() / 2));
  const absl::StatusOr<std::unique_ptr<Journal>> opened = Journal::Open(*restored, kRestored, SmallOptions());
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE(AppendBodies(**opened, {"after"}, At(900'000)).ok());
  ASSERT_TRUE((*opened)->TouchMark(At(901'000)).ok());
  ASSERT_TRUE(WriteFormat(*restored, "restored", {.store = SmallOptions().store}).ok());
  Archiver other(
      *restored, archive, {.data = "restored", .archive = kArchive, .store = SmallOptions().store},
      [&] { return (*opened)->Stand(); }, [](std::uint64_t) { return absl::OkStatus(); });
  ASSERT_TRUE(other.Round(At(901'000).wall).ok());
  const std::vector<ArchiveLine> lines = Lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(Entries(Read(lines[0])), Entries(all));
  EXPECT_EQ(Entries(Read(lines[1])), ReadAll(**opened, Sequence(1)));
}

}  // namespace
}  // namespace tocsin
