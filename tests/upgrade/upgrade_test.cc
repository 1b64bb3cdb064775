// Folders of every format that there has been: this program reads each as the one that wrote it did. And a format changes under a new
// number only.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/status.h"
#include "storage/format_file.h"
#include "tests/upgrade/samples.h"
#include "tests/upgrade/schema.h"
#include "tests/upgrade/state_text.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

fs::path FolderOf(std::uint32_t format) {
  return fs::path(TOCSIN_FORMATS) / std::to_string(format);
}

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> LinesOf(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.insert(line);
  return lines;
}

// Lines that only one of the two has, some of them: what a person needs to see.
std::string Difference(const std::string& expected, const std::string& found) {
  const std::set<std::string> before = LinesOf(expected);
  const std::set<std::string> after = LinesOf(found);
  std::vector<std::string> gone;
  std::vector<std::string> come;
  std::ranges::set_difference(before, after, std::back_inserter(gone));
  std::ranges::set_difference(after, before, std::back_inserter(come));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(gone.size(), 8); ++i)
    text += "- " + gone[i] + "\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(come.size(), 8); ++i)
    text += "+ " + come[i] + "\n";
  return text.empty() ? "the same lines in another order\n" : text;
}

// A folder of its own with the format's data in it, gone with the test.
class Unpacked {
 public:
  explicit Unpacked(std::uint32_t format)
      : folder_(fs::temp_directory_path() / absl::StrFormat("tocsin-format-%d-%d", format, getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    const std::string command =
        absl::StrFormat("tar -xJf '%s' -C '%s'", (FolderOf(format) / "data.tar.xz").string(), folder_.string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  ~Unpacked() { fs::remove_all(folder_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  std::string data() const { return (folder_ / "data").string(); }

 private:
  fs::path folder_;
};

TEST(UpgradeTest, AFormatChangesUnderANewNumberOnly) {
  const fs::path folder = FolderOf(kStoreFormatVersion);
  ASSERT_TRUE(fs::exists(folder / "schema.txt")) << "there is no golden folder of format " << kStoreFormatVersion
                                                 << ". Run ./dev golden and commit what it writes";
  const std::string expected = ReadText(folder / "schema.txt");
  const std::string found = DescribeDiskSchema();
  if (expected == found) return;
  const std::string difference = Difference(expected, found);
  if (fs::exists(folder / "FROZEN")) {
    FAIL() << "What is written to the disk is no longer format " << kStoreFormatVersion << ", and that one is frozen:\n"
           << difference << "1. Raise kStoreFormatVersion in storage/format_file.h to " << kStoreFormatVersion + 1
           << " (old folders must still be read: fields that are not there are zero).\n"
           << "2. Run ./dev golden: it writes tests/upgrade/formats/" << kStoreFormatVersion + 1 << ".\n"
           << "3. Add a row to docs/adr/0009-formats.md, and commit all of it.";
  }
  FAIL() << "What is written to the disk has changed, and the golden folder of format " << kStoreFormatVersion
         << " (not released yet) was not made anew:\n"
         << difference << "Run ./dev golden and commit tests/upgrade/formats/" << kStoreFormatVersion
         << ". It needs a new workload only if new rows should lie in the folder as a server writes them.";
}

TEST(UpgradeTest, EveryFormatIsReadAsTheProgramThatWroteItDid) {
  for (std::uint32_t format = kOldestStoreFormat; format <= kStoreFormatVersion; ++format) {
    SCOPED_TRACE(absl::StrFormat("format %d", format));
    const Unpacked unpacked(format);
    EXPECT_THAT(ReadText(unpacked.data() + "/FORMAT"), testing::HasSubstr(absl::StrFormat("format %d\n", format)));
    const absl::StatusOr<std::string> state = DescribeState(unpacked.data());
    ASSERT_TRUE(state.ok()) << state.status();
    const std::string expected = ReadText(FolderOf(format) / "state.txt");
    EXPECT_EQ(*state == expected, true) << Difference(expected, *state);
    // It is one of ours now, and says the same.
    EXPECT_THAT(ReadText(unpacked.data() + "/FORMAT"),
                testing::HasSubstr(absl::StrFormat("format %d\n", kStoreFormatVersion)));
    const absl::StatusOr<std::string> again = DescribeState(unpacked.data());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again == expected, true) << Difference(expected, *again);
  }
}

TEST(UpgradeTest, EveryFieldOfEveryTableOfEveryFormatSurvives) {
  for (std::uint32_t format = kOldestStoreFormat; format <= kStoreFormatVersion; ++format) {
    SCOPED_TRACE(absl::StrFormat("format %d", format));
    const absl::Status status = CheckSamples(ReadText(FolderOf(format) / "samples.txt"));
    EXPECT_TRUE(status.ok()) << status;
  }
}

// A workload that forgets a table proves nothing about it.
TEST(UpgradeTest, TheFoldersHoldOpenGroupsIncidentsTimersAndARowOfEveryTableOfFormatOne) {
  const std::string state = ReadText(FolderOf(kOldestStoreFormat) / "state.txt");
  for (int table = 0; table < 23; ++table)
    EXPECT_THAT(state, testing::HasSubstr(absl::StrFormat("row %02d/", table)));
  for (const char* part : {"state: STATE_OPEN", "alert ", "timeline ", "integration "})
    EXPECT_THAT(state, testing::HasSubstr(part)) << part;
}

}  // namespace
}  // namespace tocsin
