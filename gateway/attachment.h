// The gateway's side of attaching: connects to the engine's socket and stays with it, until the engine goes; then connects again, as
// often as it takes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "gateway/memory.h"
#include "gateway/rules.h"
#include "gateway/socket.h"

namespace tocsin {

class GatewayAttachment {
 public:
  // Called on the attachment's thread.
  struct Hooks {
    // The engine is there: its memory, and the socket of its HTTP server.
    std::function<void(GatewayMemory memory, std::string http_path)> attached;
    std::function<void(GatewayRules rules)> rules;
    std::function<void()> detached;
  };

  GatewayAttachment(std::string engine_path, Hooks hooks);
  // Detaches.
  ~GatewayAttachment();
  GatewayAttachment(const GatewayAttachment&) = delete;
  GatewayAttachment& operator=(const GatewayAttachment&) = delete;

 private:
  void Run();
  // From hello until the engine goes, which is what the status says.
  absl::Status Stay();
  absl::Status Hear(const GatewayMessage& message, GatewayConnection& connection);
  void Complain(const absl::Status& status);

  const std::string engine_path_;
  const Hooks hooks_;
  bool attached_ = false;
  std::string complaint_;  // the last one: the same is not told again
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace tocsin
