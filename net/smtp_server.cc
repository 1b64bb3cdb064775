#include "net/smtp_server.h"

#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

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
      if (open_ >= options_.max_connections) {
        refused_.fetch_add(1);
        constexpr std::string_view kBusy = "421 4.3.2 too many connections, come again later\r\n";
        error_code ignored;
        socket.non_blocking(true, ignored);
        socket.write_some(asio::buffer(kBusy), ignored);
        continue;
      }
      connections_.fetch_add(1);
      ++open_;
      asio::co_spawn(loop_->context, Serve(std::move(socket)), [this](const std::exception_ptr& failure) {
        static_cast<void>(failure);
        --open_;
      });
    }
  }

  // Closes the socket of a client that says nothing for too long.
  void Watch(const std::shared_ptr<asio::steady_timer>& watchdog, tcp::socket& socket) const {
    watchdog->expires_after(absl::ToChronoMilliseconds(options_.command_timeout));
    watchdog->async_wait([&socket, watchdog](error_code error) {
      error_code ignored;
      if (!error) socket.cancel(ignored);
    });
  }

  asio::awaitable<void> Serve(tcp::socket socket) {
    error_code error;
    const asio::ip::address peer = socket.remote_endpoint(error).address();
    SmtpSession session(options_, check_, error ? "" : peer.to_string(), IsLoopback(peer));
    const auto watchdog = std::make_shared<asio::steady_timer>(loop_->context);
    if (!co_await Send(socket, watchdog, session.Greeting())) co_return;
    std::string buffer;
    std::array<char, 16 * 1024> bytes;
    for (;;) {
      SmtpSession::Step step = session.Advance(buffer);
      if (step.message) {
        messages_.fetch_add(1);
        step.send = session.Answered(co_await Answer(*std::move(step.message)));
      }
      if (!step.send.empty() && !co_await Send(socket, watchdog, step.send)) break;
      if (step.close) break;
      if (!step.send.empty()) continue;
      Watch(watchdog, socket);
      const auto [failure, count] = co_await socket.async_read_some(asio::buffer(bytes), kAwait);
      watchdog->cancel();
      if (failure) break;
      buffer.append(bytes.data(), count);
    }
    watchdog->cancel();
  }

  asio::awaitable<bool> Send(tcp::socket& socket,
                             const std::shared_ptr<asio::steady_timer>& watchdog,
                             std::string text) {
    Watch(watchdog, socket);
    const auto [error, count] = co_await asio::async_write(socket, asio::buffer(text), kAwait);
    watchdog->cancel();
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
  std::size_t open_ = 0;  // the server's thread only
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
