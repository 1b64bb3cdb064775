// Private to net: an I/O thread, and one request's answer on its way to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/http.h"

namespace tocsin {

// What the loop can do to any of its connections. Its thread only.
class HttpConnection {
 public:
  HttpConnection() = default;
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

 protected:
  ~HttpConnection() = default;

 public:
  bool idle = false;  // between requests: nothing is lost by closing it
  boost::asio::ip::tcp::socket* socket = nullptr;
};

// One I/O thread. Shared, because answers may arrive when the server has gone: those hold it weakly.
struct HttpLoop {
  std::unordered_set<HttpConnection*> connections;  // before `context`: connections die with it and take themselves out
  bool draining = false;
  boost::asio::io_context context{1};
};

// Where an answer is put (any thread) and taken (the loop's thread).
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
 public:
  static constexpr std::size_t kMaxWaitingBytes = 1U << 20U;

  explicit HttpExchange(std::weak_ptr<HttpLoop> loop) : loop_(std::move(loop)) {}

  // Any thread.
  void Answer(HttpResponse response, bool streams);
  bool Write(std::string piece);
  void End();

  // The loop's thread. `waiter` is woken when anything below changes; it lives in the connection's coroutine.
  boost::asio::steady_timer* waiter = nullptr;
  std::optional<HttpResponse> response;
  bool streams = false;
  bool ended = false;
  std::deque<std::string> pieces;
  // The peer has gone, or gave up waiting: nobody takes any more.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }
  void Taken(std::size_t bytes) { waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  void Wake();

  std::weak_ptr<HttpLoop> loop_;
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> abandoned_{false};
};

}  // namespace tocsin
