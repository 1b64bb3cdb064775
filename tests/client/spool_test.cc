#include "client/spool.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mutex.h"
#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = SendResult::Kind;

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() : folder_(::testing::TempDir() + absl::StrCat("tocsin-spool-", getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~SpoolTest() override { std::filesystem::remove_all(folder_); }

  Spool Open(std::size_t max_events = 100) const {
    const absl::StatusOr<Spool> spool = Spool::Open(folder_, max_events);
    TOCSIN_CHECK(spool.ok(), Message(spool.status()));
    return *spool;
  }
  static SpooledEvent Event(const std::string& body, const std::string& key = "k") {
    return {.url = "http://127.0.0.1:1", .key = key, .body = body};
  }
  // What is sent when everything is taken.
  static std::vector<std::string> SendAll(const Spool& spool) {
    std::vector<std::string> bodies;
    const auto drained = spool.Drain(
        [&](const SpooledEvent& event) {
          bodies.push_back(event.body);
          return SendResult{Kind::kSent, ""};
        },
        [] { return true; });
    EXPECT_TRUE(drained.ok()) << drained.status();
    return bodies;
  }
  std::vector<std::filesystem::path> Files(const std::string& part) const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/" + part))
      files.push_back(entry.path());
    return files;
  }

  const std::string folder_;
  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(SpoolTest, EventsComeOutAsTheyWentInAndInOrder) {
  const std::string awkward("{\"a\":\"\x01\\\"\n\xC3\xA4\"}", 13);
  ASSERT_TRUE(Open().Put(Event("1"), now_).ok());
  ASSERT_TRUE(Open().Put(Event(awkward), now_).ok()) << "by another process, at the same instant";
  ASSERT_TRUE(Open().Put(Event("3"), now_ - absl::Hours(1)).ok()) << "the clock was set back";
  EXPECT_THAT(SendAll(Open()), ElementsAre("1", awkward, "3"));
  EXPECT_THAT(SendAll(Open()), IsEmpty());
  EXPECT_THAT(Files("queue"), IsEmpty());
  EXPECT_THAT(Files("new"), IsEmpty());
}

TEST_F(SpoolTest, OnlyItsOwnerCanReadTheKeys) {
  ASSERT_TRUE(Open().Put(Event("1"), now_).ok());
  for (const std::string& path : {folder_ + "/queue", Files("queue").at(0).string()}) {
    struct stat status {};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077U, 0U) << path;
  }
}

TEST_F(SpoolTest, WhatCannotBeSentYetHoldsBackItsOwnDestinationOnly) {
  const Spool spool = Open();
  for (const char* body : {"a1", "a2"})
    ASSERT_TRUE(spool.Put(Event(body, "a"), now_).ok());
  for (const char* body : {"b1", "b2"})
    ASSERT_TRUE(spool.Put(Event(body, "b"), now_).ok());
  std::vector<std::string> tried;
  const auto drained = spool.Drain(
      [&](const SpooledEvent& event) {
        tried.push_back(event.body);
        return event.key == "a" ? SendResult{Kind::kLater, "down"} : SendResult{Kind::kSent, ""};
      },
      [] { return true; });
  ASSERT_TRUE(drained.ok());
  EXPECT_THAT(tried, ElementsAre("a1", "b1", "b2")) << "a2 is not tried before a1 has gone";
  EXPECT_EQ(drained->sent, 2U);
  EXPECT_EQ(drained->left, 2U);
  EXPECT_EQ(drained->trouble, "down");
  EXPECT_THAT(SendAll(spool), ElementsAre("a1", "a2"));
}

TEST_F(SpoolTest, WhatWillNeverBeTakenIsKeptWithItsReasonAndTheRestGoesOn) {
  const Spool spool = Open();
  for (const char* body : {"1", "bad", "3"})
    ASSERT_TRUE(spool.Put(Event(body), now_).ok());
  const auto drained = spool.Drain(
      [&](const SpooledEvent& event) {
        return event.body == "bad" ? SendResult{Kind::kRejected, "no such key"} : SendResult{Kind::kSent, ""};
      },
      [] { return true; });
  ASSERT_TRUE(drained.ok());
  EXPECT_EQ(drained->sent, 2U);
  EXPECT_THAT(drained->rejected, ElementsAre(Field(&Spool::Drained::Rejected::reason, "no such key")));
  EXPECT_EQ(drained->left, 0U);
  bool found = false;
  for (const std::filesystem::path& path : Files("rejected")) {
    std::ifstream file(path);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (path.string().ends_with(".reason")) {
      EXPECT_EQ(text, "no such key\n");
    } else {
      found = text.find("bad") != std::string::npos;
    }
  }
  EXPECT_TRUE(found);
}

TEST_F(SpoolTest, ADamagedFileIsSetAsideAndHoldsNothingBack) {
  const Spool spool = Open();
  ASSERT_TRUE(spool.Put(Event("1"), now_).ok());
  std::filesystem::resize_file(Files("queue").at(0), 10);
  ASSERT_TRUE(spool.Put(Event("2"), now_).ok());
  EXPECT_THAT(SendAll(spool), ElementsAre("2"));
  EXPECT_EQ(Files("rejected").size(), 2U);
}

// As on a full disk: there is no room for the reason, or not even for the other name.
TEST_F(SpoolTest, WhatCannotBeSetAsideProperlyHoldsNothingBack) {
  const Spool spool = Open();
  const auto reasonless = spool.Put(Event("reasonless"), now_);
  const auto immovable = spool.Put(Event("immovable"), now_);
  ASSERT_TRUE(spool.Put(Event("good"), now_).ok());
  const std::string rejected = folder_ + "/rejected/";
  std::filesystem::create_directories(rejected + *reasonless + ".reason/in-the-way");
  std::filesystem::create_directories(rejected + *immovable + "/in-the-way");
  const auto drain = [&] {
    const auto drained = spool.Drain(
        [](const SpooledEvent& event) {
          return event.body == "good" ? SendResult{Kind::kSent, ""} : SendResult{Kind::kRejected, "no such key"};
        },
        [] { return true; });
    EXPECT_TRUE(drained.ok()) << drained.status();
    return drained.value_or(Spool::Drained());
  };
  const Spool::Drained first = drain();
  EXPECT_EQ(first.sent, 1U);
  EXPECT_EQ(first.rejected.size(), 2U);
  EXPECT_EQ(first.left, 1U);
  EXPECT_THAT(first.trouble, HasSubstr("reject"));
  EXPECT_TRUE(std::filesystem::is_regular_file(rejected + *reasonless));
  EXPECT_TRUE(spool.IsRejected(*reasonless));
  std::filesystem::remove_all(rejected + *immovable);
  EXPECT_EQ(drain().left, 0U) << "there is room again";
}

TEST_F(SpoolTest, WhatCannotBeWrittenLeavesNothingBehind) {
  const Spool spool = Open();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const absl::Status put = spool.Put(Event("1"), now_).status();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(Message(put), HasSubstr("File too large"));
  EXPECT_THAT(Files("new"), IsEmpty());
  EXPECT_THAT(Files("queue"), IsEmpty());
}

TEST_F(SpoolTest, AFullSpoolRefusesLoudlyAndTakesAgainWhenThereIsRoom) {
  const Spool spool = Open(2);
  ASSERT_TRUE(spool.Put(Event("1"), now_).ok());
  ASSERT_TRUE(spool.Put(Event("2"), now_).ok());
  const absl::Status refused = spool.Put(Event("3"), now_).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(Message(refused), HasSubstr("is full: 2 events wait"));
  EXPECT_THAT(SendAll(spool), ElementsAre("1", "2"));
  EXPECT_TRUE(spool.Put(Event("3"), now_).ok());
}

TEST_F(SpoolTest, ABodyIsAnyBytesAndADamagedOneIsNoticed) {
  const Spool spool = Open();
  std::string bytes;
  for (int i = 0; i < 512; ++i)
    bytes.push_back(static_cast<char>(i));
  const auto name = spool.Put(Event(bytes), now_);
  ASSERT_TRUE(name.ok());
  ASSERT_EQ(spool.Read(*name), Event(bytes));
  std::fstream file(Files("queue").at(0), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('x');
  file.close();
  EXPECT_EQ(spool.Read(*name), std::nullopt);
}

// What an earlier version has left in the folder is sent as well.
TEST_F(SpoolTest, TheFirstFormatIsRead) {
  const Spool spool = Open();
  std::ofstream(folder_ + "/queue/00001700000000000000-0123456789abcdef.event")
      << R"({"format":1,"url":"http://127.0.0.1:1","key":"k","body":"{\"a\":\"\u00e4\"}"})"
      << "\n";
  EXPECT_THAT(SendAll(spool), ElementsAre("{\"a\":\"\xC3\xA4\"}"));
}

TEST_F(SpoolTest, WhoOwnsItDrainsAlone) {
  const Spool spool = Open();
  ASSERT_TRUE(spool.Put(Event("1"), now_).ok());
  auto lease = spool.Own();
  ASSERT_TRUE(lease.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Open().Own().status()));
  EXPECT_THAT(SendAll(spool), IsEmpty());
  lease->reset();
  EXPECT_THAT(SendAll(spool), ElementsAre("1"));
}

TEST_F(SpoolTest, PartsAreSetAsideWithTheirReasons) {
  const Spool spool = Open();
  ASSERT_TRUE(spool.SetAside(Event("a"), "labels: none", now_).ok());
  ASSERT_TRUE(spool.SetAside(Event("b"), "labels: none", now_).ok());
  EXPECT_EQ(Files("rejected").size(), 4U);
  EXPECT_THAT(Files("new"), IsEmpty());
  EXPECT_THAT(SendAll(spool), IsEmpty());
}

TEST_F(SpoolTest, OnlyOneProcessDrains) {
  const Spool spool = Open();
  ASSERT_TRUE(spool.Put(Event("1"), now_).ok());
  const int held = open((folder_ + "/drain.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(held, LOCK_EX), 0);
  EXPECT_THAT(SendAll(spool), IsEmpty());
  close(held);
  EXPECT_THAT(SendAll(spool), ElementsAre("1"));
}

TEST_F(SpoolTest, StopsWhenTheTimeIsOver) {
  const Spool spool = Open();
  for (const char* body : {"1", "2", "3"})
    ASSERT_TRUE(spool.Put(Event(body), now_).ok());
  int sent = 0;
  const auto drained = spool.Drain(
      [&](const SpooledEvent&) {
        ++sent;
        return SendResult{Kind::kSent, ""};
      },
      [&] { return sent < 2; });
  ASSERT_TRUE(drained.ok());
  EXPECT_EQ(drained->sent, 2U);
  EXPECT_EQ(drained->left, 1U);
}

// Many that put and drain at once, each as a Nagios worker does: all events arrive, each once, each writer's in order.
TEST_F(SpoolTest, LosesAndRepeatsNothingUnderConcurrency) {
  constexpr int kWriters = 6;
  constexpr int kEvents = 25;
  Mutex mutex;
  std::vector<std::string> arrived;
  const auto drain = [&] {
    const auto drained = Open(1000).Drain(
        [&](const SpooledEvent& event) {
          const MutexLock lock(mutex);
          arrived.push_back(event.body);
          return SendResult{Kind::kSent, ""};
        },
        [] { return true; });
    EXPECT_TRUE(drained.ok()) << drained.status();
  };
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kEvents; ++i) {
        // Each writer has its own clock, and they disagree by hours.
        const auto put = Open(1000).Put(Event(absl::StrCat(writer, ":", i), absl::StrCat("key", writer % 2)),
                                        now_ - absl::Hours(writer));
        EXPECT_TRUE(put.ok()) << put.status();
        drain();
      }
    });
  }
  for (std::thread& writer : writers)
    writer.join();
  EXPECT_EQ(arrived.size(), static_cast<std::size_t>(kWriters * kEvents)) << "nobody had to come after them";
  for (int writer = 0; writer < kWriters; ++writer) {
    int next = 0;
    for (const std::string& body : arrived) {
      if (!body.starts_with(absl::StrCat(writer, ":"))) continue;
      EXPECT_EQ(body, absl::StrCat(writer, ":", next++));
    }
    EXPECT_EQ(next, kEvents);
  }
}

}  // namespace
}  // namespace tocsin
