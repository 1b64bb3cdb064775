// The two sides of the socket with each other.
#include "gateway/attachment.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "gateway/host.h"

namespace tocsin {
namespace {

bool Becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 12'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class AttachmentTest : public testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel("error");
    std::string name = testing::TempDir() + "gateway-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ + "/socket";
    SetRules("first");
  }
  void TearDown() override {
    gateway_.reset();
    host_.reset();
    std::filesystem::remove_all(folder_);
  }

  void SetRules(const std::string& integration) {
    const MutexLock lock(mutex_);
    rules_ = std::make_shared<const GatewayRules>(PickGatewayRules({IntegrationId(integration)}, nullptr, nullptr));
  }

  absl::Status StartHost() {
    TOCSIN_ASSIGN(host_, GatewayHost::Start({.path = path_, .http_path = path_ + ".http"},
                                            {.attach = [this] { return Attach(); },
                                             .detach =
                                                 [this](const std::shared_ptr<GatewayPort>& port) {
                                                   const MutexLock lock(mutex_);
                                                   std::erase(ports_, port);
                                                 },
                                             .tend = [] {},
                                             .rules =
                                                 [this] {
                                                   const MutexLock lock(mutex_);
                                                   return rules_;
                                                 }}));
    return absl::OkStatus();
  }
  absl::StatusOr<std::shared_ptr<GatewayPort>> Attach() {
    TOCSIN_ASSIGN(std::shared_ptr<GatewayPort> port, GatewayPort::Make(1, 2, 77));
    const MutexLock lock(mutex_);
    ports_.push_back(port);
    return port;
  }
  std::size_t ports() {
    const MutexLock lock(mutex_);
    return ports_.size();
  }

  void StartGateway() {
    gateway_ = std::make_unique<GatewayAttachment>(
        path_, GatewayAttachment::Hooks{.attached =
                                            [this](const GatewayMemory& memory, const std::string& http_path) {
                                              EXPECT_EQ(memory.control().key_seed, 77U);
                                              EXPECT_EQ(memory.shard_count(), 2U);
                                              EXPECT_EQ(http_path, path_ + ".http");
                                              ++attached_;
                                            },
                                        .rules =
                                            [this](const GatewayRules& rules) {
                                              const MutexLock lock(mutex_);
                                              heard_ = rules.integrations.at(0).value();
                                            },
                                        .detached = [this] { ++detached_; }});
  }
  std::string heard() {
    const MutexLock lock(mutex_);
    return heard_;
  }

  std::string folder_;
  std::string path_;
  Mutex mutex_;
  std::shared_ptr<const GatewayRules> rules_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<GatewayPort>> ports_ ABSL_GUARDED_BY(mutex_);
  std::string heard_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> attached_{0};
  std::atomic<int> detached_{0};
  std::unique_ptr<GatewayHost> host_;
  std::unique_ptr<GatewayAttachment> gateway_;
};

TEST_F(AttachmentTest, AGatewayHearsTheRulesAndTheirChanges) {
  ASSERT_TRUE(StartHost().ok());
  StartGateway();
  EXPECT_TRUE(Becomes([&] { return attached_ == 1 && heard() == "first"; }));
  SetRules("second");
  EXPECT_TRUE(Becomes([&] { return heard() == "second"; }));
  gateway_.reset();
  EXPECT_EQ(detached_, 1);
  EXPECT_TRUE(Becomes([&] { return ports() == 0; }));
}

TEST_F(AttachmentTest, AGatewayWaitsForItsEngineAndFindsItAgain) {
  StartGateway();
  ASSERT_TRUE(StartHost().ok());
  EXPECT_TRUE(Becomes([&] { return attached_ == 1; }));
  host_.reset();
  EXPECT_TRUE(Becomes([&] { return detached_ == 1; }));
  ASSERT_TRUE(StartHost().ok()) << "the old socket is replaced";
  EXPECT_TRUE(Becomes([&] { return attached_ == 2 && heard() == "first"; }));
}

TEST_F(AttachmentTest, AGatewayThatWasCutOffAttachesAnew) {
  ASSERT_TRUE(StartHost().ok());
  StartGateway();
  ASSERT_TRUE(Becomes([&] { return attached_ == 1; }));
  {
    const MutexLock lock(mutex_);
    ports_.front()->Break("the test says so");
  }
  EXPECT_TRUE(Becomes([&] { return attached_ == 2 && ports() == 1; }));
}

TEST_F(AttachmentTest, TheSocketIsThisUsersAloneAndOneServers) {
  ASSERT_TRUE(StartHost().ok());
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_TRUE(absl::IsFailedPrecondition(GatewayHost::Start({.path = path_}, {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(GatewayHost::Start({.path = std::string(200, 'x')}, {}).status()));
}

TEST_F(AttachmentTest, WhoSaysWhatNoGatewaySaysIsLetGo) {
  ASSERT_TRUE(StartHost().ok());
  for (const std::string& said : {std::string(100'000, 'x'), std::string("\x04\0\0\0\0\0\0\0", 8)}) {
    absl::StatusOr<FileDescriptor> socket = ConnectLocally(path_);
    ASSERT_TRUE(socket.ok());
    GatewayConnection connection(*std::move(socket), 4096);
    for (std::size_t i = 0; i + 8 <= said.size(); i += 8)
      connection.Send(static_cast<GatewayMessageKind>(said[i]), said.substr(i, 8));
    EXPECT_TRUE(Becomes([&] { return !connection.Move().ok(); }));
  }
  absl::StatusOr<FileDescriptor> socket = ConnectLocally(path_);
  ASSERT_TRUE(socket.ok());
  GatewayConnection old(*std::move(socket), 4096);
  old.Send(GatewayMessageKind::kHello, "0.0.0");
  std::optional<GatewayMessage> answer;
  EXPECT_TRUE(Becomes([&] {
    static_cast<void>(old.Move());
    answer = old.Take();
    return answer.has_value();
  }));
  EXPECT_EQ(answer->kind, GatewayMessageKind::kRefused);
  EXPECT_EQ(ports(), 0U);
}

}  // namespace
}  // namespace tocsin
