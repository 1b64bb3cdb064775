// Whatever stands where a file should be is a status.
#include "base/small_file.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/status.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SmallFileTest : public ::testing::Test {
 protected:
  SmallFileTest() {
    std::string pattern = ::testing::TempDir() + "tocsin-small-XXXXXX";
    TOCSIN_CHECK(mkdtemp(pattern.data()) != nullptr, "a folder");
    folder_ = pattern;
  }
  ~SmallFileTest() override { fs::remove_all(folder_); }
  std::string File(const std::string& text) const {
    std::ofstream(folder_ / "file", std::ios::binary) << text;
    return folder_ / "file";
  }

  fs::path folder_;
};

TEST_F(SmallFileTest, ReadsAFileOfAnySizeUpToTheLimit) {
  EXPECT_EQ(*ReadSmallFile(File(""), 10), "");
  const std::string zeros("a\0b\n", 4);
  EXPECT_EQ(*ReadSmallFile(File(zeros), 4), zeros);
  const std::string large(100'000, 'x');
  EXPECT_EQ(*ReadSmallFile(File(large), large.size()), large);
  const absl::Status refused = ReadSmallFile(File(large), large.size() - 1).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(Message(refused), HasSubstr("file has more than 99999 bytes"));
  fs::create_symlink(folder_ / "file", folder_ / "link");
  EXPECT_EQ(*ReadSmallFile(folder_ / "link", large.size()), large);
  // What says that it has no bytes may have some.
  EXPECT_THAT(*ReadSmallFile("/proc/self/status", 100'000), HasSubstr("Pid:"));
}

TEST_F(SmallFileTest, WhatIsNoFileIsSaid) {
  EXPECT_TRUE(absl::IsNotFound(ReadSmallFile(folder_ / "none", 10).status()));
  const absl::Status folder = ReadSmallFile(folder_, 10).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(folder));
  EXPECT_THAT(Message(folder), HasSubstr(folder_.string() + " cannot be read: a folder stands there"));
}

// Neither is waited for, and none of it is read.
TEST_F(SmallFileTest, PipesAndDevicesAreRefusedAtOnce) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), S_IRUSR | S_IWUSR), 0);
  for (const std::string& path : {pipe, std::string("/dev/zero")})
    EXPECT_THAT(Message(ReadSmallFile(path, 10).status()), HasSubstr(path + " cannot be read: a pipe or a device"));
}

}  // namespace
}  // namespace tocsin
