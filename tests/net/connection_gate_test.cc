// What a ConnectionGate lets through, and what it does not.
#include "net/connection_gate.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mutex.h"
#include "tests/net/raw_client.h"

namespace tocsin {
namespace {

using Protocol = ConnectionGate::Protocol;

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kHello = std::string("\x16\x03\x01\x00\x04", 5) + "abcd";

class ConnectionGateTest : public testing::Test {
 protected:
  // Stands in for gRPC: keeps what it is given.
  void Open(ConnectionGate::Options options) {
    absl::StatusOr<std::unique_ptr<ConnectionGate>> gate = ConnectionGate::Listen(std::move(options));
    ASSERT_TRUE(gate.ok()) << gate.status();
    gate_ = *std::move(gate);
    gate_->Begin([this](int, int connection) {
      const MutexLock lock(mutex_);
      held_.push_back(connection);
    });
  }
  void TearDown() override {
    gate_.reset();
    for (const int fd : held_)
      close(fd);
  }

  std::size_t held() {
    const MutexLock lock(mutex_);
    return held_.size();
  }
  // gRPC closes a connection when it has served it; nobody tells us.
  void CloseOne() {
    const MutexLock lock(mutex_);
    close(held_.back());
    held_.pop_back();
  }
  // As long as it takes; a test that hangs here has failed.
  static void Await(const std::function<bool()>& condition) {
    while (!condition())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::unique_ptr<RawClient> Connect(const std::string& says = "") {
    auto client = std::make_unique<RawClient>(gate_->port());
    if (!says.empty()) client->Send(says);
    return client;
  }

  Mutex mutex_;
  std::vector<int> held_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ConnectionGate> gate_;
};

TEST_F(ConnectionGateTest, HandsOnWhoBeginsToSpeakWithEveryByte) {
  Open({});
  const auto client = Connect(kPreface.substr(0, 7));
  client->Send(kPreface.substr(7) + "and more");
  Await([&] { return held() == 1; });
  char bytes[100];
  const MutexLock lock(mutex_);
  const ssize_t got = recv(held_.front(), bytes, sizeof bytes, MSG_DONTWAIT);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(got)), kPreface + "and more");
}

TEST_F(ConnectionGateTest, HandsOnAHandshakeOnceItsFirstRecordIsWhole) {
  Open({.protocol = Protocol::kTls});
  const auto half = Connect(kHello.substr(0, 6));
  const auto whole = Connect(kHello);
  Await([&] { return held() == 1; });
  EXPECT_EQ(gate_->ReadStatistics().waiting + gate_->ReadStatistics().silent, 1U);
  half->Send(kHello.substr(6));
  Await([&] { return held() == 2; });
}

TEST_F(ConnectionGateTest, WhoSpeaksSomethingElseIsClosed) {
  Open({});
  EXPECT_EQ(Connect("GET / HTTP/1.1\r\n\r\n")->ReadResponse(), "");
  EXPECT_EQ(Connect(kHello)->ReadResponse(), "");
  EXPECT_EQ(Connect("PRI * HTTP/2.1")->ReadResponse(), "");
  Await([&] { return gate_->ReadStatistics().foreign == 3; });
  EXPECT_EQ(held(), 0U);
}

TEST_F(ConnectionGateTest, OverTlsWhatIsNoHandshakeIsClosed) {
  Open({.protocol = Protocol::kTls});
  EXPECT_EQ(Connect(kPreface)->ReadResponse(), "");
  EXPECT_EQ(Connect(std::string("\x16\x03\x01\xff\xff", 5))->ReadResponse(), "") << "longer than a record may be";
  EXPECT_EQ(Connect(std::string("\x16\x03\x01\x00\x00", 5))->ReadResponse(), "");
  EXPECT_EQ(held(), 0U);
}

TEST_F(ConnectionGateTest, WhoSaysNothingIsClosedAfterItsTime) {
  Open({.patience = absl::Milliseconds(20)});
  EXPECT_EQ(Connect()->ReadResponse(), "");
  EXPECT_EQ(Connect("PRI")->ReadResponse(), "");
  EXPECT_EQ(gate_->ReadStatistics().silent, 2U);
}

TEST_F(ConnectionGateTest, WhoIsSilentForTheLongestTimeMakesRoom) {
  Open({.max_waiting = 2, .patience = absl::Hours(1)});
  const auto first = Connect();
  Await([&] { return gate_->ReadStatistics().accepted == 1; });
  const auto second = Connect();
  const auto third = Connect();
  EXPECT_EQ(first->ReadResponse(), "");
  second->Send(kPreface);
  third->Send(kPreface);
  Await([&] { return held() == 2; });
  EXPECT_EQ(gate_->ReadStatistics().silent, 1U);
}

// What matters is who holds a connection here: those whose clients have gone away are held until they are closed.
TEST_F(ConnectionGateTest, RefusesBeyondTheBoundUntilOneIsClosedHere) {
  Open({.max_connections = 2});
  for (std::size_t i = 0; i < 2; ++i) {
    const auto leaves = Connect(kPreface);
    Await([&] { return held() == i + 1; });
  }
  EXPECT_EQ(Connect(kPreface)->ReadResponse(), "");
  Await([&] { return gate_->ReadStatistics().full == 1; });
  EXPECT_EQ(gate_->ReadStatistics().open, 2U);
  CloseOne();
  // It learns of it when it looks again, a moment later at most.
  std::vector<std::unique_ptr<RawClient>> clients;
  Await([&] {
    clients.push_back(Connect(kPreface));
    return held() == 2;
  });
}

// Those of it that have not begun to speak count, too: or one address could push out everybody else's.
TEST_F(ConnectionGateTest, OneAddressHasItsShare) {
  Open({.max_of_one_address = 2, .bounds_loopback = true});
  auto silent = Connect();
  const auto speaking = Connect(kPreface);
  Await([&] { return held() == 1; });
  EXPECT_EQ(Connect(kPreface)->ReadResponse(), "");
  Await([&] { return gate_->ReadStatistics().crowded == 1; });
  silent.reset();
  Await([&] { return gate_->ReadStatistics().gone == 1; });
  const auto again = Connect(kPreface);
  Await([&] { return held() == 2; });
  CloseOne();
  std::vector<std::unique_ptr<RawClient>> clients;
  Await([&] {
    clients.push_back(Connect(kPreface));
    return held() == 2;
  });
}

TEST_F(ConnectionGateTest, AFrontMayHaveMoreThanOneAddressElse) {
  const auto trusted = TrustedProxies::Parse({"127.0.0.1"});
  ASSERT_TRUE(trusted.ok());
  Open({.max_of_one_address = 1, .bounds_loopback = true, .proxies = *trusted});
  const auto first = Connect(kPreface);
  const auto second = Connect(kPreface);
  Await([&] { return held() == 2; });
  EXPECT_EQ(gate_->ReadStatistics().crowded, 0U);
}

TEST_F(ConnectionGateTest, WhoSendsMuchIsCutOffUnlessSomebodyVouchesForIt) {
  Open({.max_unvouched_bytes = 50'000});
  const auto vouched = Connect(kPreface);
  Await([&] { return held() == 1; });
  {
    const MutexLock lock(mutex_);
    sockaddr_in other{};
    socklen_t size = sizeof other;
    ASSERT_EQ(getpeername(held_.front(), reinterpret_cast<sockaddr*>(&other), &size), 0);
    gate_->Vouch(FromIpv4(&other.sin_addr), ntohs(other.sin_port));
  }
  const auto modest = Connect(kPreface + std::string(1000, 'a'));
  Await([&] { return held() == 2; });
  const auto greedy = Connect(kPreface);
  Await([&] { return held() == 3; });
  // Nobody reads here: the kernel takes this much all the same.
  vouched->Send(std::string(30'000, 'v'));
  greedy->Send(std::string(30'000, 'g'));
  const auto greedier = Connect(kPreface + std::string(32'000, 'g'));
  Await([&] { return gate_->ReadStatistics().greedy >= 2; });
  EXPECT_EQ(greedy->ReadResponse(), "");
  EXPECT_EQ(greedier->ReadResponse(), "");
  EXPECT_EQ(gate_->ReadStatistics().greedy, 2U) << "the modest one and the one that is vouched for stay";
}

TEST_F(ConnectionGateTest, ManyThatWaitedFindRoomForSoManyAsThereIs) {
  Open({.max_connections = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i)
    clients.push_back(Connect());
  Await([&] { return gate_->ReadStatistics().waiting == 5; });
  for (const auto& client : clients)
    client->Send(kPreface);
  Await([&] { return gate_->ReadStatistics().full == 3; });
  EXPECT_EQ(held(), 2U);
}

TEST_F(ConnectionGateTest, HandsOnNoMoreThanIsServed) {
  Open({.max_unproven = 2, .patience = absl::Hours(1)});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < 5; ++i) {
    clients.push_back(Connect(kPreface));
    Await([&] { return gate_->ReadStatistics().waiting + held() == i + 1; });
  }
  Await([&] { return held() == 2; });
  EXPECT_EQ(gate_->ReadStatistics().waiting, 3U);
  clients[0]->Send("goes on");
  Await([&] { return held() == 3; });
  CloseOne();
  Await([&] { return held() == 3; });
  clients.pop_back();  // before its turn
  Await([&] { return gate_->ReadStatistics().gone == 1; });
}

TEST_F(ConnectionGateTest, WhoseTurnDoesNotComeIsRefused) {
  Open({.max_unproven = 1, .patience = absl::Milliseconds(20)});
  const auto first = Connect(kPreface);
  Await([&] { return held() == 1; });
  EXPECT_EQ(Connect(kPreface)->ReadResponse(), "");
  EXPECT_EQ(gate_->ReadStatistics().full, 1U);
}

TEST_F(ConnectionGateTest, CountsDownByItself) {
  Open({});
  const auto client = Connect(kPreface);
  Await([&] { return gate_->ReadStatistics().open == 1; });
  Await([&] { return held() == 1; });
  CloseOne();
  Await([&] { return gate_->ReadStatistics().open == 0; });
}

TEST_F(ConnectionGateTest, ListensAtEveryAddressOfAName) {
  for (const char* host : {"localhost", "0.0.0.0", "[::]"}) {
    const auto gate = ConnectionGate::Listen({.host = host, .any_is_both = true});
    if (!gate.ok() && std::string(host) == "[::]") continue;  // a machine without IPv6
    ASSERT_TRUE(gate.ok()) << host << ": " << gate.status();
    EXPECT_NE((*gate)->port(), 0);
    const RawClient client((*gate)->port());  // 127.0.0.1
  }
}

TEST_F(ConnectionGateTest, SaysWhyItCannotListen) {
  Open({});
  EXPECT_FALSE(ConnectionGate::Listen({.port = gate_->port()}).ok());
  EXPECT_FALSE(ConnectionGate::Listen({.host = "203.0.113.1"}).ok());
  EXPECT_FALSE(ConnectionGate::Listen({.host = "no.such.name.invalid"}).ok());
}

}  // namespace
}  // namespace tocsin
