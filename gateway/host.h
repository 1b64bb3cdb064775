// The engine's side of attaching: listens at a Unix socket, hands each gateway its memory, tells it of the rules, and lets go of those
// that die or are cut off. One thread of its own that never waits for a gateway.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

#include "gateway/port.h"
#include "gateway/rules.h"
#include "gateway/socket.h"

namespace tocsin {

class GatewayHost {
 public:
  // Called on the host's thread.
  struct Hooks {
    std::function<absl::StatusOr<std::shared_ptr<GatewayPort>>()> attach;
    std::function<void(const std::shared_ptr<GatewayPort>&)> detach;
    std::function<void()> tend;  // ten times a second
    // The same pointer as long as nothing has changed; asked ten times a second.
    std::function<std::shared_ptr<const GatewayRules>()> rules;
  };
  struct Options {
    std::string path;       // of the socket
    std::string http_path;  // of the HTTP server's, for what a gateway only forwards
  };

  static absl::StatusOr<std::unique_ptr<GatewayHost>> Start(Options options, Hooks hooks);
  // Lets go of all gateways.
  ~GatewayHost();

 private:
  struct Guest;
  GatewayHost(Options options, Hooks hooks, FileDescriptor listener);
  void Run();
  void Await();
  void Accept();
  void Serve(Guest& guest);
  void Welcome(Guest& guest, const GatewayMessage& hello);
  void TellRules();
  void LetGo(Guest& guest, std::string_view why);

  const Options options_;
  const Hooks hooks_;
  const FileDescriptor listener_;
  std::shared_ptr<const GatewayRules> rules_;
  std::string encoded_rules_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tocsin
