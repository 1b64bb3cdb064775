#include "net/smtp_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/status.h"
#include "net/http_session.h"
#include "net/smtp_session.h"

namespace tocsin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);

// Where a message's answer waits for its connection. The connection's coroutine and whoever answers hold it.
struct Waiting {
  explicit Waiting(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;  // the server's thread only
  std::optional<SmtpReply> reply;
};

struct Loop {
  asio::io_context context{1};
};

using SteadyClock = std::chrono::steady_clock;

// Whom a client is counted with: this machine, its IPv4 address, or its IPv6 network, of which one host has all addresses.
asio::ip::address NeighboursOf(const asio::ip::address& address) {
  if (IsLoopback(address)) return asio::ip::address_v4::loopback();
  if (address.is_v4()) return address;
  if (address.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  asio::ip::address_v6::bytes_type bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6(bytes);
}

// A client. Its coroutine, its watchdog and the list of all of them hold it; the server's thread only.
struct Connection {
  explicit Connection(tcp::socket from) : socket(std::move(from)), watchdog(socket.get_executor()) {
    error_code error;
    peer = socket.remote_endpoint(error).address();
    name = error ? "" : peer.to_string();
    neighbours = NeighboursOf(peer);
  }

  // Ends whatever it waits for. 421 is sent where it does not get in the way of another answer.
  void End(std::string_view why) {
    farewell = why;
    error_code ignored;
    socket.cancel(ignored);
  }

  tcp::socket socket;
  asio::steady_timer watchdog;
  asio::ip::address peer;
  asio::ip::address neighbours;
  std::string name;
  SteadyClock::time_point heard = SteadyClock::now();  // a whole command or a part of a message
  bool has_mail = false;                               // begun, not complete
  bool is_delivering = false;
  std::string_view farewell;
};
using ConnectionPtr = std::shared_ptr<Connection>;

void SayAndForget(tcp::socket& socket, std::string_view line) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(line), ignored);
}

constexpr std::string_view kBusy = "421 4.3.2 too many connections, come again later\r\n";
constexpr std::string_view kMakeRoom = "421 4.3.2 silent for too long while others wait, come again later\r\n";
constexpr std::string_view kSilent = "421 4.4.2 silent for too long\r\n";

}  // namespace

class SmtpServer::Impl {
 public:
  Impl(Options options, CheckRecipient check, Deliver deliver)
      : options_(std::move(options)), check_(std::move(check)), deliver_(std::move(deliver)) {}
  ~Impl() {
    guard_.reset();
    loop_->context.stop();
    if (thread_.joinable()) thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Start() {
    error_code error;
    const asio::ip::address address = asio::ip::make_address(options_.address, error);
    if (error) return Invalid("listen on %s: not an IP address", options_.address);
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.emplace(loop_->context);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(tcp::acceptor::max_listen_connections, error);
    if (error) return Unavailable("listen on %s port %d: %s", options_.address, options_.port, error.message());
    port_ = acceptor_->local_endpoint(error).port();
    guard_.emplace(asio::make_work_guard(loop_->context));
    asio::co_spawn(loop_->context, Accept(), [](const std::exception_ptr& failure) { static_cast<void>(failure); });
    thread_ = std::thread([this] { loop_->context.run(); });
    return absl::OkStatus();
  }

  std::uint16_t port() const { return port_; }
  Statistics ReadStatistics() const { return {connections_.load(), refused_.load(), messages_.load()}; }

 private:
  asio::awaitable<void> Accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_->async_accept(loop_->context, kAwait);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        asio::steady_timer pause(loop_->context, kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      const auto connection = std::make_shared<Connection>(std::move(socket));
      if (!MakeRoom(connection->neighbours)) {
        refused_.fetch_add(1);
        SayAndForget(connection->socket, kBusy);
        continue;
      }
      connections_.fetch_add(1);
      open_.push_back(connection);
      asio::co_spawn(loop_->context, Serve(connection), [this, connection](const std::exception_ptr& failure) {
        static_cast<void>(failure);
        std::erase(open_, connection);
      });
    }
  }

  // For one more of `neighbours`. False: all who are in the way are at work.
  bool MakeRoom(const asio::ip::address& neighbours) {
    const auto is_one = [&](const ConnectionPtr& other) { return other->neighbours == neighbours; };
    const std::size_t share =
        neighbours.is_loopback() ? options_.max_connections_loopback : options_.max_connections_per_peer;
    if (static_cast<std::size_t>(std::ranges::count_if(open_, is_one)) >= share) return LetGo(is_one);
    return open_.size() < options_.max_connections || LetGo([](const ConnectionPtr&) { return true; });
  }

  // Ends the one of those that has been silent for longest, one that is in the middle of a mail last.
  template <class Which>
  bool LetGo(const Which& which) {
    const SteadyClock::time_point busy_since = SteadyClock::now() - absl::ToChronoMilliseconds(options_.grace);
    auto found = open_.end();
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (!which(*it) || (*it)->is_delivering || (*it)->heard > busy_since) continue;
      const auto rank = [](const Connection& each) { return std::pair(each.has_mail, each.heard); };
      if (found == open_.end() || rank(**it) < rank(**found)) found = it;
    }
    if (found == open_.end()) return false;
    refused_.fetch_add(1);
    (*found)->End(kMakeRoom);
    open_.erase(found);
    return true;
  }

  // Ends a client that says nothing for too long; single bytes of a command do not count.
  void Watch(const ConnectionPtr& connection) const {
    const absl::Duration patience = connection->has_mail ? options_.command_timeout : options_.idle_timeout;
    connection->watchdog.expires_at(connection->heard + absl::ToChronoMilliseconds(patience));
    connection->watchdog.async_wait([connection](error_code error) {
      // It may have been set anew after this was on its way.
      if (!error && connection->watchdog.expiry() <= SteadyClock::now()) connection->End(kSilent);
    });
  }

  asio::awaitable<void> Serve(ConnectionPtr connection) {
    SmtpSession session(options_, check_, connection->name, connection->neighbours.is_loopback());
    if (!co_await Send(connection, session.Greeting())) co_return;
    std::string buffer;
    std::array<char, 16 * 1024> bytes;
    while (connection->farewell.empty()) {
      SmtpSession::Step step = session.Advance(buffer);
      connection->has_mail = session.has_mail();
      if (step.message) {
        messages_.fetch_add(1);
        connection->is_delivering = true;
        step.send = session.Answered(co_await Answer(*std::move(step.message)));
        connection->is_delivering = false;
      }
      if (!step.send.empty()) {
        connection->heard = SteadyClock::now();
        if (!co_await Send(connection, step.send)) co_return;
        if (step.close) break;
        continue;
      }
      Watch(connection);
      const auto [failure, count] = co_await connection->socket.async_read_some(asio::buffer(bytes), kAwait);
      connection->watchdog.cancel();
      if (failure) break;
      if (session.in_data()) connection->heard = SteadyClock::now();
      buffer.append(bytes.data(), count);
    }
    if (!connection->farewell.empty()) SayAndForget(connection->socket, connection->farewell);
  }

  asio::awaitable<bool> Send(const ConnectionPtr& connection, std::string text) {
    Watch(connection);
    const auto [error, count] = co_await asio::async_write(connection->socket, asio::buffer(text), kAwait);
    connection->watchdog.cancel();
    co_return !error;
  }

  asio::awaitable<SmtpReply> Answer(SmtpMessage message) {
    const auto waiting = std::make_shared<Waiting>(loop_->context);
    waiting->timer.expires_after(absl::ToChronoMilliseconds(options_.answer_timeout));
    const std::weak_ptr<Loop> weak_loop = loop_;
    const std::weak_ptr<Waiting> weak = waiting;
    deliver_(std::move(message), [weak_loop, weak](SmtpReply reply) {
      const std::shared_ptr<Loop> loop = weak_loop.lock();
      if (!loop) return;
      asio::post(loop->context, [weak, reply = std::move(reply)]() mutable {
        const std::shared_ptr<Waiting> connection = weak.lock();
        if (!connection) return;
        connection->reply = std::move(reply);
        connection->timer.cancel();
      });
    });
    co_await waiting->timer.async_wait(kAwait);
    if (waiting->reply) co_return *waiting->reply;
    co_return SmtpReply{451, "4.3.0 not taken in time, send it again"};
  }

  const Options options_;
  const CheckRecipient check_;
  const Deliver deliver_;
  std::shared_ptr<Loop> loop_ = std::make_shared<Loop>();
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard_;
  std::optional<tcp::acceptor> acceptor_;
  std::thread thread_;
  std::uint16_t port_ = 0;
  std::vector<ConnectionPtr> open_;  // without those that make room; the server's thread only
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> messages_{0};
};

SmtpServer::SmtpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SmtpServer::~SmtpServer() = default;

absl::StatusOr<std::unique_ptr<SmtpServer>> SmtpServer::Start(Options options, CheckRecipient check, Deliver deliver) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(check), std::move(deliver));
  TOCSIN_TRY(impl->Start());
  return std::unique_ptr<SmtpServer>(new SmtpServer(std::move(impl)));
}

std::uint16_t SmtpServer::port() const {
  return impl_->port();
}
SmtpServer::Statistics SmtpServer::ReadStatistics() const {
  return impl_->ReadStatistics();
}

}  // namespace tocsin
