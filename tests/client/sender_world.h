// A Sender before the real gRPC ingest of a server, which can go and come back.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <unistd.h>

#include "base/status.h"
#include "client/client.h"
#include "tests/ingest/grpc_world.h"
#include "tests/support/fake_http.h"

namespace tocsin {

// Whatever takes so long hangs.
inline constexpr absl::Duration kLong = absl::Minutes(2);

class SenderTest : public GrpcIngestTest {
 protected:
  SenderTest() : folder_(::testing::TempDir() + absl::StrCat("tocsin-sender-", getpid())) {
    std::filesystem::remove_all(folder_);
    port_ = static_cast<std::uint16_t>(ClosedPort());  // which nobody else gets while the server is down
  }
  ~SenderTest() override { std::filesystem::remove_all(folder_); }
  void TearDown() override {
    StopCompleting();
    GrpcIngestTest::TearDown();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::string spool() const { return folder_ + "/spool"; }
  // Small batches that go at once, and short pauses: the tests say what they change.
  SenderOptions Options() const {
    SenderOptions options;
    options.servers = {address()};
    options.key = "stream-key";
    options.batch_age = absl::Milliseconds(5);
    options.pause_least = absl::Milliseconds(10);
    options.pause_most = absl::Milliseconds(100);
    return options;
  }
  static std::unique_ptr<Sender> Open(const SenderOptions& options) {
    absl::StatusOr<std::unique_ptr<Sender>> sender = Sender::Open(options);
    TOCSIN_CHECK(sender.ok(), Message(sender.status()));
    return *std::move(sender);
  }
  static AlertEvent Alert(const std::string& name, EventKind kind = EventKind::kTrigger) {
    AlertEvent alert;
    alert.kind = kind;
    alert.labels = {
        {"alertname", name}
    };
    return alert;
  }
  static void Send(Sender& sender, const AlertEvent& alert) {
    const absl::Status sent = sender.Send(alert);
    ASSERT_TRUE(sent.ok()) << sent;
  }

  // The same server at the same port, after Shutdown().
  void StartAgain() { server_ = Serve(ingest_, {.port = port_}); }
  // From now on the engine answers what it holds.
  void StartCompleting() {
    completing_ = true;
    completer_ = std::thread([this] {
      while (completing_) {
        if (!inlet_.Complete()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  void StopCompleting() {
    completing_ = false;
    if (completer_.joinable()) completer_.join();
  }

  // What the engine was told of each alert, in order; what is said again without another word between counts once.
  std::map<std::string, std::string> Stories() const {
    std::map<std::string, std::string> stories;
    for (const AlertEvent& event : inlet_.events()) {
      std::string& story = stories[event.labels.front().value];
      const char word = event.kind == EventKind::kResolve ? 'r' : event.kind == EventKind::kAcknowledge ? 'a' : 't';
      if (!story.ends_with(word)) story.push_back(word);
    }
    return stories;
  }
  std::size_t Waiting() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(spool() + "/queue"))
      count += entry.exists() ? 1U : 0U;
    return count;
  }

  const std::string folder_;
  std::atomic<bool> completing_ = false;
  std::thread completer_;
};

}  // namespace tocsin
