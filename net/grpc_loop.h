// Private to net: an I/O thread of a GrpcServer with its connections: sockets, TLS, deadlines. What is said on them is GrpcConnection's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"

#include "base/mutex.h"
#include "net/grpc_blocks.h"
#include "net/grpc_connection.h"
#include "net/grpc_mailbox.h"
#include "net/network.h"

namespace tocsin {

class GrpcLoop {
 public:
  using Vouch = std::function<void(const IpAddress& address, std::uint16_t port)>;

  GrpcLoop(GrpcShared& shared, Vouch vouch);
  ~GrpcLoop();
  GrpcLoop(const GrpcLoop&) = delete;
  GrpcLoop& operator=(const GrpcLoop&) = delete;

  // The thread: until it was told to stop, or to drain and nothing is under way. All connections are closed and all handlers gone then.
  void Run();

  // Any thread.
  // Owns the connection from now on.
  void Adopt(int connection);
  void Drain();
  void Stop();

 private:
  class Wire;

  void TakeAdopted();
  void Turn(Wire& wire, std::uint32_t events);
  void DeliverLetters();
  void Flush();
  void Tick();
  void Sweep();
  bool IsDone();

  GrpcShared& shared_;
  const Vouch vouch_;
  const std::shared_ptr<GrpcMailbox> mailbox_;
  const int epoll_;
  GrpcBlocks blocks_;
  std::string out_;  // what is being sent
  std::vector<GrpcMailbox::Letter> letters_;
  std::unordered_map<Wire*, std::unique_ptr<Wire>> wires_;
  std::vector<Wire*> ready_;    // have something to send
  std::vector<Wire*> pending_;  // have more to be read, of which the kernel does not tell
  std::vector<Wire*> closed_;
  absl::Time ticked_;
  bool goes_away_ = false;

  std::atomic<bool> drains_{false};
  std::atomic<bool> stops_{false};
  Mutex mutex_;
  std::vector<int> adopted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
