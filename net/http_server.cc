#include "net/http_server.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mutex.h"
#include "base/status.h"
#include "net/connection_gate.h"
#include "net/http_session.h"
#include "net/http_wire.h"

namespace tocsin {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using LocalAcceptor = asio::local::stream_protocol::acceptor;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr absl::Duration kDefaultGrace = absl::Seconds(5);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // when descriptors have run out

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Options options, HttpRouter router) : state_(std::make_shared<HttpServerState>()) {
    state_->options = std::move(options);
    state_->router = std::move(router);
  }
  ~Impl() { Stop(kDefaultGrace); }

  absl::Status Start() {
    const Options& options = state_->options;
    for (int i = 0; i < std::max(1, options.threads); ++i)
      loops_.push_back(std::make_shared<HttpLoop>());
    TOCSIN_TRY(Listen());
    for (const std::shared_ptr<HttpLoop>& loop : loops_)
      guards_.push_back(asio::make_work_guard(loop->context));
    if (gate_) {
      gate_->Begin([this](int, int connection) { Take(connection); });
    } else {
      asio::awaitable<void> accept = local_acceptor_ ? AcceptLocal() : Accept();
      asio::co_spawn(loops_.front()->context, std::move(accept),
                     [](const std::exception_ptr& error) { static_cast<void>(error); });
    }
    {
      const MutexLock lock(mutex_);
      running_ = loops_.size();
    }
    for (const std::shared_ptr<HttpLoop>& loop : loops_)
      threads_.emplace_back([this, loop] { Run(*loop); });
    return absl::OkStatus();
  }

  void Stop(absl::Duration grace) {
    if (threads_.empty()) return;
    if (gate_) gate_->Stop();
    asio::post(loops_.front()->context, [acceptor = acceptor_.get(), local = local_acceptor_.get()] {
      error_code ignored;
      if (acceptor != nullptr) acceptor->close(ignored);
      if (local != nullptr) local->close(ignored);
    });
    for (const std::shared_ptr<HttpLoop>& loop : loops_) {
      asio::post(loop->context, [loop = loop.get()] {
        loop->draining = true;
        for (HttpConnection* connection : loop->connections) {
          error_code ignored;
          if (connection->idle) connection->socket->cancel(ignored);
        }
      });
    }
    guards_.clear();
    {
      const MutexLock lock(mutex_);
      ended_.WaitFor(mutex_, grace, [this] { return running_ == 0; });
    }
    for (const std::shared_ptr<HttpLoop>& loop : loops_)
      loop->context.stop();
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    acceptor_.reset();
    local_acceptor_.reset();
    loops_.clear();
  }

  std::uint16_t port() const { return port_; }
  const HttpServerState::Counters& counters() const { return state_->counters; }
  ConnectionGate::Statistics gate() const { return gate_ ? gate_->ReadStatistics() : ConnectionGate::Statistics(); }

 private:
  absl::Status Listen() {
    const Options& options = state_->options;
    error_code error;
    if (!options.unix_socket.empty()) return ListenLocally();
    const asio::ip::address address = asio::ip::make_address(options.address, error);
    if (error) return Invalid("listen on %s: not an IP address", options.address);
    if (options.tls) return ListenForTls();
    const tcp::endpoint endpoint(address, options.port);
    acceptor_ = std::make_unique<tcp::acceptor>(loops_.front()->context);
    acceptor_->open(endpoint.protocol(), error);
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(tcp::acceptor::max_listen_connections, error);
    if (error) return Unavailable("listen on %s port %d: %s", options.address, options.port, error.message());
    port_ = acceptor_->local_endpoint(error).port();
    return absl::OkStatus();
  }

  // A handshake is dear, and a connection that has begun one keeps a hundred kilobytes.
  absl::Status ListenForTls() {
    const Options& options = state_->options;
    ConnectionGate::Options gate;
    gate.host = options.address;
    gate.port = options.port;
    gate.protocol = ConnectionGate::Protocol::kTls;
    gate.max_connections = options.max_connections;
    gate.reserved_connections = options.reserved_connections;
    gate.max_of_one_address = options.max_connections;
    gate.patience = options.header_timeout;
    TOCSIN_ASSIGN(gate_, ConnectionGate::Listen(std::move(gate)));
    port_ = gate_->port();
    return absl::OkStatus();
  }

  absl::Status ListenLocally() {
    const std::string& path = state_->options.unix_socket;
    unlink(path.c_str());
    error_code error;
    local_acceptor_ = std::make_unique<LocalAcceptor>(loops_.front()->context);
    local_acceptor_->open(asio::local::stream_protocol(), error);
    if (!error && path.size() >= sizeof(sockaddr_un::sun_path)) error = asio::error::name_too_long;
    if (!error) local_acceptor_->bind(asio::local::stream_protocol::endpoint(path), error);
    if (!error && chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
      error = error_code(errno, boost::system::system_category());
    if (!error) local_acceptor_->listen(asio::socket_base::max_listen_connections, error);
    if (error) return Unavailable("listen at %s: %s", path, error.message());
    return absl::OkStatus();
  }

  asio::awaitable<void> AcceptLocal() {
    for (std::size_t next = 0; local_acceptor_->is_open(); ++next) {
      const std::shared_ptr<HttpLoop>& loop = loops_[next % loops_.size()];
      auto [error, accepted] = co_await local_acceptor_->async_accept(loops_.front()->context, kAwait);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        asio::steady_timer pause(loops_.front()->context, kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      ucred peer{};
      socklen_t size = sizeof peer;
      if (getsockopt(accepted.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid())
        continue;
      // To everything behind here a stream of bytes is one: it asks neither for addresses nor for what only TCP has.
      tcp::socket socket(loop->context);
      error_code failed;
      const int fd = accepted.release(failed);
      if (!failed) socket.assign(tcp::v4(), fd, failed);
      if (failed) continue;
      state_->counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
      ServePlain(state_, loop, std::move(socket));
    }
  }

  asio::awaitable<void> Accept() {
    tcp::acceptor& acceptor = *acceptor_;
    for (std::size_t next = 0; acceptor.is_open(); ++next) {
      const std::shared_ptr<HttpLoop>& loop = loops_[next % loops_.size()];
      auto [error, socket] = co_await acceptor.async_accept(loop->context, kAwait);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        asio::steady_timer pause(loops_.front()->context, kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      Admit(loop, std::move(socket));
    }
  }

  // On the gate's thread.
  void Take(int fd) {
    const std::shared_ptr<HttpLoop>& loop = loops_[next_++ % loops_.size()];
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    error_code failed;
    tcp::socket socket(loop->context);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0)
      socket.assign(local.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, failed);
    if (!socket.is_open()) {
      close(fd);
      return;
    }
    // The identity lives as long as its context is used.
    const std::shared_ptr<const TlsIdentity> tls = state_->options.tls->current();
    ServeTls(state_, loop, std::move(socket), {tls, tls->context().get()});
  }

  void Admit(const std::shared_ptr<HttpLoop>& loop, tcp::socket socket) {
    HttpServerState::Counters& counters = state_->counters;
    counters.connections_accepted.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    const bool is_loopback = IsLoopback(socket.remote_endpoint(ignored).address());
    const Options& options = state_->options;
    const std::size_t limit =
        is_loopback ? options.max_connections
                    : options.max_connections - std::min(options.max_connections, options.reserved_connections);
    if (counters.connections_open.load(std::memory_order_relaxed) >= limit) {
      counters.connections_refused.fetch_add(1, std::memory_order_relaxed);
      Turn(socket);
      return;
    }
    ServePlain(state_, loop, std::move(socket));
  }

  // Says no in one write that either fits or is lost.
  static void Turn(tcp::socket& socket) {
    HttpResponse response = JsonResponse(503, R"({"code":503,"message":"too many connections"})");
    response.headers.push_back({"Retry-After", "1"});
    const std::string bytes = SerializeHead(response, {.keep_alive = false}, absl::Now()) + response.body;
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(bytes), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void Run(HttpLoop& loop) {
    loop.context.run();
    {
      const MutexLock lock(mutex_);
      --running_;
    }
    ended_.NotifyAll();
  }

  const std::shared_ptr<HttpServerState> state_;
  std::vector<std::shared_ptr<HttpLoop>> loops_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::unique_ptr<LocalAcceptor> local_acceptor_;  // instead
  std::unique_ptr<ConnectionGate> gate_;           // instead: with TLS
  std::size_t next_ = 0;                           // loop; the gate's
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  Mutex mutex_;
  std::size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  ConditionVariable ended_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(Options options, HttpRouter router) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(router));
  TOCSIN_TRY(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::Stop(absl::Duration grace) {
  impl_->Stop(grace);
}
std::uint16_t HttpServer::port() const {
  return impl_->port();
}

HttpServer::Statistics HttpServer::ReadStatistics() const {
  const HttpServerState::Counters& counters = impl_->counters();
  const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  const ConnectionGate::Statistics gate = impl_->gate();
  Statistics statistics{
      .connections_accepted = read(counters.connections_accepted) + gate.accepted,
      .connections_refused = read(counters.connections_refused) + gate.full + gate.crowded,
      .connections_open = read(counters.connections_open),
      .requests = read(counters.requests),
      .timeouts = read(counters.timeouts) + gate.silent,
      .malformed = read(counters.malformed) + gate.foreign,
  };
  for (std::size_t i = 0; i < std::size(statistics.responses); ++i)
    statistics.responses[i] = read(counters.responses[i]);
  return statistics;
}

}  // namespace tocsin
