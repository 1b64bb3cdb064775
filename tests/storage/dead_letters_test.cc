// Entries that are put aside: what is kept of them, what is refused; and how a start knows which entry has crashed the ones before.
#include "storage/dead_letters.h"

#include <csignal>
#include <filesystem>
#include <string>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/status.h"
#include "storage/recovery_watch.h"
#include "storage/simulated_disk.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

class DeadLettersTest : public ::testing::Test {
 protected:
  DeadLettersTest() { EXPECT_TRUE(disk_.MakeFolder("data").ok()); }
  static Entry EntryAt(std::uint64_t sequence) {
    Entry entry;
    entry.sequence = Sequence(sequence);
    entry.epoch = Epoch(3);
    entry.now = {absl::FromUnixSeconds(1'800'000'000), EngineTime(5)};
    entry.kind = EntryKind::kResponder;
    return entry;
  }
  SimulatedDisk disk_;
};

TEST_F(DeadLettersTest, KeepEveryByteThroughAPowerCutAndAreHeldByTheNextStart) {
  std::string bytes = "checksum 0\n";
  for (int i = 0; i < 256; ++i)
    bytes.push_back(static_cast<char>(i));
  {
    DeadLetters letters(disk_, "data");
    ASSERT_TRUE(letters.Open().ok());
    EXPECT_FALSE(letters.Holds(Sequence(7)));
    ASSERT_TRUE(letters.PutAside(EntryAt(9), "x", "a reason\nof two lines", absl::FromUnixSeconds(1'800'000'001)).ok());
    ASSERT_TRUE(letters.PutAside(EntryAt(7), bytes, "why", absl::FromUnixSeconds(1'800'000'001)).ok());
    ASSERT_TRUE(letters.PutAside(EntryAt(7), "again", "why", absl::FromUnixSeconds(1'800'000'002)).ok());
  }
  DeadLetters letters(disk_, "data");
  ASSERT_TRUE(letters.Open().ok());
  EXPECT_TRUE(letters.Holds(Sequence(7)));
  EXPECT_TRUE(letters.Holds(Sequence(9)));
  EXPECT_FALSE(letters.Holds(Sequence(8)));
  const auto read = letters.Read();
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].body, bytes);
  EXPECT_EQ((*read)[1].why, "a reason of two lines");
  EXPECT_EQ((*read)[1].now.wall, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_EQ(letters.Waiting(), 2U);
}

TEST_F(DeadLettersTest, WhatIsSettledStaysHeldAndSaysByWhom) {
  DeadLetters letters(disk_, "data");
  ASSERT_TRUE(letters.Open().ok());
  ASSERT_TRUE(letters.PutAside(EntryAt(7), "body", "why", absl::UnixEpoch()).ok());
  ASSERT_TRUE(letters.SetIncident(Sequence(7), 17).ok());
  ASSERT_TRUE(letters.Settle(Sequence(7), "user:ann", "seen to").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(letters.Settle(Sequence(7), "user:bob", "me too")));
  EXPECT_TRUE(absl::IsNotFound(letters.Settle(Sequence(8), "user:bob", "what")));
  EXPECT_EQ(letters.Waiting(), 0U);
  DeadLetters again(disk_, "data");
  ASSERT_TRUE(again.Open().ok());
  EXPECT_TRUE(again.Holds(Sequence(7)));
  EXPECT_EQ((*again.Read())[0].settled, "user:ann: seen to");
  EXPECT_EQ((*again.Read())[0].incident, 17U);
  EXPECT_EQ((*again.Read())[0].body, "");
}

TEST_F(DeadLettersTest, ManyAtOnceAreNoAccidentOfOneEntry) {
  DeadLetters letters(disk_, "data");
  ASSERT_TRUE(letters.Open().ok());
  for (std::uint64_t i = 1; i <= DeadLetters::kMostAtOnce; ++i)
    ASSERT_TRUE(letters.PutAside(EntryAt(i), "body", "why", absl::UnixEpoch()).ok());
  const absl::Status status = letters.PutAside(EntryAt(100), "body", "why", absl::UnixEpoch());
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(Message(status), HasSubstr("entry 100: why"));
}

TEST_F(DeadLettersTest, AFlippedBitAnywhereIsRefused) {
  {
    DeadLetters letters(disk_, "data");
    ASSERT_TRUE(letters.PutAside(EntryAt(7), "body", "why", absl::UnixEpoch()).ok());
  }
  const std::size_t size = disk_.Contents("data/dead-letters").size();
  for (std::size_t at = 0; at < size; ++at) {
    disk_.FlipBit("data/dead-letters", at, static_cast<unsigned>(at % 8));
    EXPECT_TRUE(absl::IsDataLoss(DeadLetters(disk_, "data").Open())) << at;
    disk_.FlipBit("data/dead-letters", at, static_cast<unsigned>(at % 8));
  }
  EXPECT_TRUE(DeadLetters(disk_, "data").Open().ok());
}

class RecoveryWatchTest : public ::testing::Test {
 protected:
  RecoveryWatchTest() { std::filesystem::create_directories(folder_); }
  ~RecoveryWatchTest() override { std::filesystem::remove_all(folder_); }
  // A start that ends by `signal` while it applies the entry.
  void CrashAt(std::uint64_t sequence, int signal) const {
    const pid_t child = fork();
    if (child == 0) {
      const RecoveryWatch watch(folder_);
      RecoveryWatch::Applying(Sequence(sequence));
      raise(signal);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_EQ(WTERMSIG(status), signal);
  }
  std::optional<Sequence> Poison() const { return RecoveryWatch(folder_).Poison(); }

  const std::string folder_ = testing::TempDir() + absl::StrFormat("/recovery_watch_%d", getpid());
};

TEST_F(RecoveryWatchTest, AnEntryThatCrashesTwoStartsInARowIsNamed) {
  EXPECT_EQ(Poison(), std::nullopt);
  CrashAt(42, SIGABRT);
  EXPECT_EQ(Poison(), std::nullopt);
  CrashAt(42, SIGSEGV);
  EXPECT_EQ(Poison(), Sequence(42));
}

TEST_F(RecoveryWatchTest, TwoEntriesOnceEachAreNot) {
  CrashAt(42, SIGABRT);
  CrashAt(43, SIGABRT);
  EXPECT_EQ(Poison(), std::nullopt);
}

TEST_F(RecoveryWatchTest, AKillFromOutsideIsNobodysFault) {
  for (int i = 0; i < 5; ++i)
    CrashAt(42, SIGKILL);
  EXPECT_EQ(Poison(), std::nullopt);
}

TEST_F(RecoveryWatchTest, AStartThatComesToItsEndForgetsCrashesBefore) {
  CrashAt(42, SIGABRT);
  { RecoveryWatch(folder_).Finished(); }
  CrashAt(42, SIGABRT);
  EXPECT_EQ(Poison(), std::nullopt);
}

}  // namespace
}  // namespace tocsin
