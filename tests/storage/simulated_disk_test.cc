#include "storage/simulated_disk.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Cut = SimulatedDisk::Cut;

std::unique_ptr<File> Durable(SimulatedDisk& disk, const std::string& path, std::string_view bytes) {
  std::unique_ptr<File> file = *disk.Create(path);
  EXPECT_TRUE(file->WriteAt(0, bytes).ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(disk.SyncFolder("d").ok());
  return file;
}

TEST(SimulatedDiskTest, KeepsWhatWasSyncedAndOnlyThat) {
  SimulatedDisk disk;
  const auto file = Durable(disk, "d/a", "synced");
  ASSERT_TRUE(file->WriteAt(0, "UNSAFE").ok());
  EXPECT_EQ(disk.Contents("d/a"), "UNSAFE");
  Random random(1);
  disk.CutPower(random, Cut::kNothing);
  EXPECT_EQ(disk.Contents("d/a"), "synced");
  EXPECT_FALSE(file->Sync().ok()) << "a handle from before the cut is dead";
  EXPECT_FALSE(file->ReadAt(0, 1).ok());
}

TEST(SimulatedDiskTest, ASyncedFileWithoutASyncedNameCanVanish) {
  SimulatedDisk disk;
  const auto file = *disk.Create("d/a");
  ASSERT_TRUE(file->WriteAt(0, "x").ok());
  ASSERT_TRUE(file->Sync().ok());
  Random random(1);
  disk.CutPower(random, Cut::kNothing);
  EXPECT_THAT(disk.Paths(), IsEmpty());
}

TEST(SimulatedDiskTest, AnUnsyncedRenameShowsTheOldNameOrTheNewNeverBoth) {
  std::set<std::vector<std::string>> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk;
    Durable(disk, "d/a", "1");
    ASSERT_TRUE(disk.Rename("d/a", "d/b").ok());
    Random random(seed);
    disk.CutPower(random);
    seen.insert(disk.Paths());
  }
  EXPECT_THAT(seen, ElementsAre(ElementsAre("d/a"), ElementsAre("d/b")));
}

TEST(SimulatedDiskTest, UnsyncedWritesSurviveVanishOrAreTornAtSectors) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SimulatedDisk disk;
    const auto file = Durable(disk, "d/a", std::string(1536, '.'));
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'x')).ok());
    ASSERT_TRUE(file->WriteAt(1024, std::string(512, 'y')).ok());
    Random random(seed);
    disk.CutPower(random);
    const std::string contents = disk.Contents("d/a");
    ASSERT_EQ(contents.size(), 1536);
    std::string sectors;
    for (std::size_t at = 0; at < contents.size(); at += 512) {
      ASSERT_EQ(contents.substr(at, 512), std::string(512, contents[at])) << "torn inside a sector";
      sectors += contents[at];
    }
    seen.insert(sectors);
  }
  EXPECT_THAT(seen, ElementsAre("...", "..y", ".x.", ".xy", "x..", "x.y", "xx.", "xxy"));
}

TEST(SimulatedDiskTest, AFailedSyncLeavesPagesThatLookWrittenAndAreNot) {
  SimulatedDisk disk;
  const auto file = Durable(disk, "d/a", "old");
  ASSERT_TRUE(file->WriteAt(0, "new").ok());
  disk.FailSync(1);
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_TRUE(file->Sync().ok()) << "the second sync says yes";
  EXPECT_EQ(*file->ReadAt(0, 3), "new");
  Random random(1);
  disk.CutPower(random, Cut::kAll);
  EXPECT_EQ(disk.Contents("d/a"), "old");
}

TEST(SimulatedDiskTest, PreallocatedSpaceStaysUsableOnAFullDisk) {
  SimulatedDisk disk;
  const auto file = *disk.Create("d/a");
  disk.SetCapacity(1000);
  ASSERT_TRUE(file->Allocate(600).ok());
  EXPECT_EQ(*disk.FreeBytes("d"), 400);
  const auto other = *disk.Create("d/b");
  EXPECT_TRUE(absl::IsResourceExhausted(other->WriteAt(0, std::string(401, 'x'))));
  EXPECT_TRUE(other->WriteAt(0, std::string(400, 'x')).ok());
  EXPECT_TRUE(file->WriteAt(0, std::string(600, 'y')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(file->WriteAt(600, "z")));
}

TEST(SimulatedDiskTest, StopsAtTheOperationItWasToldAndComesBackAfterTheCut) {
  SimulatedDisk disk;
  const auto file = Durable(disk, "d/a", "a");
  disk.StopAfter(1);
  EXPECT_TRUE(file->WriteAt(0, "b").ok());
  EXPECT_FALSE(disk.stopped());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_TRUE(disk.stopped());
  EXPECT_FALSE(disk.Open("d/a").ok());
  Random random(1);
  disk.CutPower(random, Cut::kAll);
  EXPECT_EQ(*(*disk.Open("d/a"))->ReadAt(0, 1), "b");
}

TEST(SimulatedDiskTest, TheSameSeedLeavesTheSameDisk) {
  const auto contents = [](std::uint64_t seed) {
    SimulatedDisk disk;
    const auto file = Durable(disk, "d/a", std::string(8192, '.'));
    for (std::uint64_t i = 0; i < 8; ++i)
      EXPECT_TRUE(file->WriteAt(i * 1000, std::string(2000, 'x')).ok());
    Random random(seed);
    disk.CutPower(random, Cut::kTorn);
    return disk.Contents("d/a");
  };
  EXPECT_EQ(contents(5), contents(5));
  EXPECT_NE(contents(5), contents(6));
}

TEST(SimulatedDiskTest, AReadOnlyDiskRefusesWritesAndServesReads) {
  SimulatedDisk disk;
  const auto file = Durable(disk, "d/a", "a");
  disk.SetReadOnly(true);
  EXPECT_TRUE(absl::IsPermissionDenied(file->WriteAt(0, "b")));
  EXPECT_TRUE(absl::IsPermissionDenied(disk.Create("d/c").status()));
  EXPECT_EQ(*file->ReadAt(0, 10), "a");
}

}  // namespace
}  // namespace tocsin
