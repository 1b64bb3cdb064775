// Private to net: what all connections of a server share, and how one is served.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "net/http_exchange.h"
#include "net/http_server.h"

namespace tocsin {

struct HttpServerState {
  HttpServer::Options options;
  HttpRouter router;

  struct Counters {
    std::atomic<std::uint64_t> connections_accepted{0};
    std::atomic<std::uint64_t> connections_refused{0};
    std::atomic<std::uint64_t> connections_open{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> responses[6]{};
    std::atomic<std::uint64_t> timeouts{0};
    std::atomic<std::uint64_t> malformed{0};
  } counters;
  std::atomic<std::size_t> body_memory_bytes{0};
};

// Serves `socket`, made for `loop`, until it ends. Any thread.
void ServePlain(std::shared_ptr<HttpServerState> state,
                const std::shared_ptr<HttpLoop>& loop,
                boost::asio::ip::tcp::socket socket);
void ServeTls(std::shared_ptr<HttpServerState> state,
              const std::shared_ptr<HttpLoop>& loop,
              boost::asio::ip::tcp::socket socket,
              std::shared_ptr<boost::asio::ssl::context> tls);

// Loopback, also when it is an IPv4 address in IPv6 clothes.
bool IsLoopback(const boost::asio::ip::address& address);

}  // namespace tocsin
