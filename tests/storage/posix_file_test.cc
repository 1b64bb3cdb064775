#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "storage/file.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PosixFileTest : public ::testing::Test {
 protected:
  PosixFileTest() { EXPECT_TRUE(files_.MakeFolder(folder_).ok()); }
  ~PosixFileTest() override {
    if (const auto names = files_.List(folder_); names.ok()) {
      for (const std::string& name : *names)
        EXPECT_TRUE(files_.Remove(Path(name)).ok());
    }
    rmdir(folder_.c_str());
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  FileSystem& files_ = PosixFileSystem();
  std::string folder_ = ::testing::TempDir() + "/tocsin_posix_file_test_" + std::to_string(getpid());
};

TEST_F(PosixFileTest, ReadsBackWhatWasWritten) {
  const auto file = *files_.Create(Path("a"));
  ASSERT_TRUE(file->WriteAt(5, "hello").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->Size(), 10);
  EXPECT_EQ(*file->ReadAt(5, 100), "hello") << "as many bytes as there are";
  EXPECT_EQ(*file->ReadAt(10, 1), "");
  EXPECT_EQ(*(*files_.Open(Path("a")))->ReadAt(0, 6), std::string("\0\0\0\0\0h", 6));
}

TEST_F(PosixFileTest, AllocatedBytesAreZero) {
  const auto file = *files_.Create(Path("a"));
  ASSERT_TRUE(file->WriteAt(0, "x").ok());
  ASSERT_TRUE(file->Allocate(10'000).ok());
  EXPECT_EQ(*file->Size(), 10'000);
  EXPECT_EQ(*file->ReadAt(0, 10'000), "x" + std::string(9'999, '\0'));
  ASSERT_TRUE(file->Truncate(1).ok());
  EXPECT_EQ(*file->Size(), 1);
}

TEST_F(PosixFileTest, NamesAreListedSortedRenamedAndRemoved) {
  for (const char* name : {"c", "a", "b"})
    ASSERT_TRUE(files_.Create(Path(name)).ok());
  EXPECT_THAT(*files_.List(folder_), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(files_.Rename(Path("a"), Path("d")).ok());
  ASSERT_TRUE(files_.Remove(Path("b")).ok());
  ASSERT_TRUE(files_.SyncFolder(folder_).ok());
  EXPECT_THAT(*files_.List(folder_), ElementsAre("c", "d"));
}

TEST_F(PosixFileTest, ErrorsNameThePathAndWhatTheKernelSaid) {
  const absl::Status absent = files_.Open(Path("absent")).status();
  EXPECT_TRUE(absl::IsNotFound(absent));
  EXPECT_THAT(absent.ToString(), HasSubstr(Path("absent") + ": open: No such file or directory"));
  ASSERT_TRUE(files_.Create(Path("a")).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(files_.Create(Path("a")).status()));
  EXPECT_TRUE(absl::IsNotFound(files_.List(Path("absent")).status()));
  EXPECT_TRUE(absl::IsNotFound(files_.Remove(Path("absent"))));
  EXPECT_FALSE(files_.MakeFolder(Path("absent/deep")).ok());
  EXPECT_TRUE(files_.MakeFolder(folder_).ok()) << "it is there";
}

// /dev/full answers every write with ENOSPC.
TEST_F(PosixFileTest, AFullDiskIsResourceExhausted) {
  const auto full = files_.Open("/dev/full");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_TRUE(absl::IsResourceExhausted((*full)->WriteAt(0, "x")));
}

TEST_F(PosixFileTest, AnAtomicWriteReplacesTheWholeFile) {
  ASSERT_TRUE(WriteFileAtomically(files_, folder_, "f", "first, the longer one").ok());
  ASSERT_TRUE(files_.Create(Path("f.new")).ok()) << "left by an interrupted attempt";
  ASSERT_TRUE(WriteFileAtomically(files_, folder_, "f", "second").ok());
  EXPECT_EQ(*ReadWholeFile(files_, Path("f")), "second");
  EXPECT_THAT(*files_.List(folder_), ElementsAre("f"));
  EXPECT_TRUE(absl::IsNotFound(ReadWholeFile(files_, Path("absent")).status()));
}

TEST_F(PosixFileTest, KnowsTheFreeSpace) {
  EXPECT_GT(*files_.FreeBytes(folder_), 0);
}

}  // namespace
}  // namespace tocsin
