#include "net/grpc_server.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "net/grpc_connection.h"
#include "net/grpc_loop.h"

namespace tocsin {

class GrpcServer::Impl {
 public:
  explicit Impl(Options options) { shared_.options = std::move(options); }
  ~Impl() { Stop(absl::ZeroDuration()); }

  absl::Status Listen() {
    const Options& options = shared_.options;
    ConnectionGate::Options gate;
    gate.host = options.host;
    gate.any_is_both = true;
    gate.port = options.port;
    gate.protocol = options.tls ? ConnectionGate::Protocol::kTls : ConnectionGate::Protocol::kHttp2;
    gate.proxies = options.proxies;
    gate.max_connections = options.max_connections;
    // Whoever says nothing more is closed after the time of a handshake, and one address may have no more than a part of all.
    if (options.tls) {
      gate.max_of_one_address = gate.max_unproven / 2;
    } else {
      gate.max_unproven = options.max_connections;
    }
    gate.max_waiting = std::min(gate.max_waiting, options.max_connections);
    gate.max_unvouched_bytes = options.max_unvouched_bytes;
    TOCSIN_ASSIGN(gate_, ConnectionGate::Listen(std::move(gate)));
    return absl::OkStatus();
  }

  void Begin(GrpcRouter router) {
    shared_.router = std::move(router);
    for (int i = 0; i < std::max(1, shared_.options.threads); ++i) {
      loops_.push_back(std::make_unique<GrpcLoop>(
          shared_, [this](const IpAddress& address, std::uint16_t port) { gate_->Vouch(address, port); }));
    }
    {
      const MutexLock lock(mutex_);
      running_ = loops_.size();
    }
    for (const std::unique_ptr<GrpcLoop>& loop : loops_)
      threads_.emplace_back([this, loop = loop.get()] { Run(*loop); });
    gate_->Begin([this](int, int connection) { loops_[next_++ % loops_.size()]->Adopt(connection); });
  }

  void Stop(absl::Duration grace) {
    if (gate_) gate_->Stop();
    for (const std::unique_ptr<GrpcLoop>& loop : loops_)
      loop->Drain();
    {
      const MutexLock lock(mutex_);
      ended_.WaitFor(mutex_, grace, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; });
    }
    for (const std::unique_ptr<GrpcLoop>& loop : loops_)
      loop->Stop();
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    loops_.clear();
  }

  std::uint16_t port() const { return gate_->port(); }
  Statistics ReadStatistics() const {
    return {.gate = gate_->ReadStatistics(),
            .calls = shared_.calls.load(std::memory_order_relaxed),
            .refused = shared_.refused.load(std::memory_order_relaxed),
            .malformed = shared_.malformed.load(std::memory_order_relaxed),
            .timeouts = shared_.timeouts.load(std::memory_order_relaxed)};
  }

 private:
  void Run(GrpcLoop& loop) {
    pthread_setname_np(pthread_self(), "grpc");
    loop.Run();
    {
      const MutexLock lock(mutex_);
      --running_;
    }
    ended_.NotifyAll();
  }

  GrpcShared shared_;
  std::unique_ptr<ConnectionGate> gate_;
  std::vector<std::unique_ptr<GrpcLoop>> loops_;
  std::vector<std::thread> threads_;
  std::size_t next_ = 0;  // loop; the gate's
  Mutex mutex_;
  std::size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  ConditionVariable ended_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Listen(Options options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  TOCSIN_TRY(impl->Listen());
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

void GrpcServer::Begin(GrpcRouter router) {
  impl_->Begin(std::move(router));
}
void GrpcServer::Stop(absl::Duration grace) {
  impl_->Stop(grace);
}
std::uint16_t GrpcServer::port() const {
  return impl_->port();
}
GrpcServer::Statistics GrpcServer::ReadStatistics() const {
  return impl_->ReadStatistics();
}

}  // namespace tocsin
