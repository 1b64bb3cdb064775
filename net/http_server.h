// An HTTP/1.1 server: keep-alive, pipelining, chunked and gzip bodies, TLS. Made for hostile peers: everything has a deadline
// and a bound, and what is refused is refused before it costs memory.
//
// Threads: a fixed number of I/O threads; a connection stays on one of them. Handlers run there and answer later, from
// anywhere (see HttpResponder). A connection's requests are handled one after the other, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/limits.h"
#include "net/forwarded.h"
#include "net/http_router.h"
#include "net/tls.h"

namespace tocsin {

inline constexpr std::string_view kForwardedForHeader = "Tocsin-Forwarded-For";

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one, see port()
    // Instead of an address: listens at this path, for processes of this user alone (a gateway, which only forwards). Each request
    // says in kForwardedForHeader whom it came from: that is its peer, never taken for loopback. Such a header means nothing anywhere
    // else.
    std::string unix_socket = {};
    TrustedProxies proxies = {};  // whose headers say whom a request is from
    int threads = 2;
    std::shared_ptr<TlsKeeper> tls = {};  // asked for each new connection; null: no TLS

    std::size_t max_header_bytes = limits::kHeaderBytes;
    absl::Duration header_timeout = absl::Seconds(5);   // from the first byte of a request; also for the TLS handshake
    absl::Duration body_timeout = absl::Seconds(10);    // and one more second for each `min_body_rate` bytes that came
    std::size_t min_body_rate = 1024;                   // bytes a second
    absl::Duration idle_timeout = absl::Seconds(75);    // between requests; longer than any proxy's usual 60 s
    absl::Duration write_timeout = absl::Seconds(10);   // without the peer taking anything
    absl::Duration answer_timeout = absl::Seconds(30);  // a handler that has not answered by then: 503
    std::size_t max_connections = 16'384;
    std::size_t reserved_connections =
        64;  // of these; for loopback only, so that an operator can look at a flooded server
    std::size_t max_body_memory_bytes = 256U << 20U;  // of all bodies under way together; beyond it: 503
  };
  struct Statistics {
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;  // over max_connections
    std::uint64_t connections_open = 0;
    std::uint64_t requests = 0;
    std::uint64_t responses[6] = {};  // by first digit of the status
    std::uint64_t timeouts = 0;       // peers that were cut off because they were slow
    std::uint64_t malformed = 0;      // not HTTP
  };

  // Listens and serves. An error names the address or file.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(Options options, HttpRouter router);
  // Stop(5 s), unless that was done.
  ~HttpServer();

  // No new connections; idle ones are closed at once, requests under way get `grace` to be answered. Then all is closed.
  void Stop(absl::Duration grace);

  std::uint16_t port() const;
  Statistics ReadStatistics() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
