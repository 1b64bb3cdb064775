// A gRPC server: HTTP/2 by nghttp2, messages and statuses by gRPC's rules (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md), unary calls and
// streams, TLS. Made for hostile peers, and for many small calls: whatever becomes ready together is sent together, and a message's bytes stay
// where they came. Messages are not compressed (a compressed one is refused with UNIMPLEMENTED, and what we take is said in
// grpc-accept-encoding).
//
//   connection ─▶ ConnectionGate ─▶ one of the I/O threads, on which it stays ─▶ headers: GrpcRouter ─▶ GrpcHandler
//
// Bounds: connections and what strangers send (ConnectionGate), streams of a connection, bytes of headers, of a message, of all unfinished
// messages together, answers that a peer does not take, frames that mean nothing. Deadlines: of handshakes, of writes, of peers that are
// silent (asked by a PING).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/limits.h"
#include "net/connection_gate.h"
#include "net/forwarded.h"
#include "net/grpc_router.h"
#include "net/tls.h"

namespace tocsin {

class GrpcServer {
 public:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  // Of memory to read into: kBlockBytes that are the server's until all owners have let go; null: it is to take memory of its own. Any thread.
  using Blocks = std::function<std::shared_ptr<char>()>;

  struct Options {
    std::string host =
        "127.0.0.1";  // a name or an address, of IPv6 with brackets or without; 0.0.0.0 and [::] are both families
    std::uint16_t port = 0;  // 0: any free one, see port()
    int threads = 2;
    std::shared_ptr<TlsKeeper> tls = {};  // asked for each new connection; null: no TLS
    TrustedProxies proxies = {};          // may have more connections than one address else
    std::size_t max_connections = 4096;
    std::size_t max_streams = 100;  // of a connection
    std::size_t max_header_bytes = limits::kHeaderBytes;
    std::size_t max_partial_bytes = std::size_t{256} << 20U;  // of messages that have not come whole, all together
    std::size_t max_unsent_bytes = std::size_t{64} << 20U;  // of answers on their way to one peer; beyond it is cut off
    std::uint64_t max_unvouched_bytes = 0;                  // as ConnectionGate's
    Blocks blocks = {};                                     // null: none but its own
    absl::Duration handshake_timeout = absl::Seconds(5);    // to the end of the client's first SETTINGS, TLS included
    absl::Duration keepalive = absl::Seconds(60);           // of silence, before a PING asks
    absl::Duration keepalive_timeout = absl::Seconds(20);   // for its answer; and without the peer taking anything
  };
  struct Statistics {
    ConnectionGate::Statistics gate;
    std::uint64_t calls = 0;      // begun
    std::uint64_t refused = 0;    // of these: by their headers
    std::uint64_t malformed = 0;  // connections that were ended since they broke the rules
    std::uint64_t timeouts = 0;   // connections that were ended since they said or took nothing
  };

  // Listens; who connects waits until Begin. An error says what is wrong with the address.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Listen(Options options);
  // Stop(0), unless that was done.
  ~GrpcServer();

  void Begin(GrpcRouter router);
  // No new connections and calls; those under way get `grace` to be answered. Then all is closed, and every handler gone.
  void Stop(absl::Duration grace);

  std::uint16_t port() const;
  Statistics ReadStatistics() const;

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
