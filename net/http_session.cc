#include "net/http_session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "base/status.h"
#include "base/strings.h"
#include "net/gzip.h"
#include "net/http_wire.h"

namespace tocsin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFirstReadBytes = 8 * 1024;  // what a quiet connection costs
constexpr std::size_t kReadBytes = 64 * 1024;      // what one with a large body may use
constexpr std::size_t kJoinBytes = 16 * 1024;      // smaller bodies are sent in one piece with their head
constexpr std::size_t kUnwantedBytes = 64 * 1024;  // bodies nobody asked for are read and dropped up to here
constexpr std::size_t kLingerBytes = 1024 * 1024;  // and after a refusal, so that the peer can read why
constexpr int kGone = 0;
constexpr std::size_t kSmallBytes = 64 * 1024;
constexpr auto kLinger = std::chrono::seconds(1);

std::chrono::nanoseconds Chrono(absl::Duration d) {
  return absl::ToChronoNanoseconds(d);
}

// A share of the memory that all bodies together may use: what has arrived, not what a header claims. A quarter more is for small bodies
// alone, so that large ones that come slowly do not shut the doors for an acknowledgement.
class BodyLease {
 public:
  explicit BodyLease(HttpServerState& state) : state_(state) {}
  ~BodyLease() { state_.body_memory_bytes.fetch_sub(bytes_, std::memory_order_relaxed); }
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;
  // False when there is no room for a body of so many bytes.
  bool GrowTo(std::size_t bytes) {
    if (bytes <= bytes_) return true;
    const std::size_t more = bytes - bytes_;
    const std::size_t before = state_.body_memory_bytes.fetch_add(more, std::memory_order_relaxed);
    bytes_ = bytes;
    const std::size_t most = state_.options.max_body_memory_bytes;
    return before + more <= (bytes <= kSmallBytes ? most + most / 4 : most);
  }

 private:
  HttpServerState& state_;
  std::size_t bytes_ = 0;
};

HttpProblem ProblemOf(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {431, "the request's header is too large"};
  }
  return {400, absl::StrFormat("the request is not HTTP/1.1: %s", error.message())};
}

TrustedProxies::Headers ForwardedBy(const HttpRequest& request) {
  TrustedProxies::Headers headers;
  for (const HttpHeader& header : request.headers) {
    if (absl::EqualsIgnoreCase(header.name, "X-Forwarded-For")) headers.x_forwarded_for.emplace_back(header.value);
    if (absl::EqualsIgnoreCase(header.name, "Forwarded")) headers.forwarded.emplace_back(header.value);
  }
  return headers;
}

bool IsForwarded(const HttpRequest& request) {
  constexpr std::string_view kNames[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
  return std::ranges::any_of(kNames, [&](std::string_view name) { return !request.header(name).empty(); });
}

// GCC 12 destroys some temporaries of co_await expressions twice (aggregates, operands of ?:): below, whatever has a
// destructor gets a name first.
using Parser = http::request_parser<http::string_body>;

// One of the connections that there may be. Taken when it is accepted, not when its session begins: a thousand that come at once are
// all accepted before a busy loop begins with the first.
class Place {
 public:
  explicit Place(std::shared_ptr<HttpServerState> state) : state_(std::move(state)) {
    state_->counters.connections_open.fetch_add(1, std::memory_order_relaxed);
  }
  Place(Place&&) = default;
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (state_ != nullptr) state_->counters.connections_open.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<HttpServerState> state_;  // null: moved from
};

template <class Stream>
class Session final : public HttpConnection {
 public:
  Session(std::shared_ptr<HttpServerState> state, Place place, const std::shared_ptr<HttpLoop>& loop, Stream stream)
      : place_(std::move(place)),
        state_(std::move(state)),
        loop_(loop.get()),
        weak_loop_(loop),
        stream_(std::move(stream)),
        buffer_(kReadBytes) {
    socket = &Lowest().socket();
    error_code ignored;
    const tcp::endpoint peer = socket->remote_endpoint(ignored);
    peer_ = peer.address().to_string();
    is_loopback_ = IsLoopback(peer.address());
    is_proxy_ = state_->options.proxies.Trusts(peer_);
    socket->set_option(tcp::no_delay(true), ignored);
    buffer_.reserve(kFirstReadBytes);
    loop_->connections.insert(this);
  }
  ~Session() { loop_->connections.erase(this); }

  asio::awaitable<void> Run() {
    if (co_await Handshake()) {
      bool keep = true;
      for (bool first = true; keep && !loop_->draining; first = false) {
        if (!co_await AwaitRequest(first)) break;
        keep = co_await ServeOne();
      }
    }
    co_await Close();
  }

 private:
  beast::tcp_stream& Lowest() { return beast::get_lowest_layer(stream_); }
  void Expire(absl::Duration after) { Lowest().expires_after(Chrono(after)); }
  void CountError(error_code error) {
    if (error == beast::error::timeout) state_->counters.timeouts.fetch_add(1, std::memory_order_relaxed);
  }

  asio::awaitable<bool> Handshake() {
    if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
      Expire(state_->options.header_timeout);
      const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
      CountError(error);
      co_return !error;
    }
    co_return true;
  }

  // Waits for the first byte of a request. A new connection has to say something soon; a proven one may be quiet.
  asio::awaitable<bool> AwaitRequest(bool first) {
    if (buffer_.size() > 0) co_return true;
    Expire(first ? state_->options.header_timeout : state_->options.idle_timeout);
    idle = true;
    const auto [error, bytes] = co_await stream_.async_read_some(buffer_.prepare(kFirstReadBytes), kAwait);
    idle = false;
    if (error) {
      if (first) CountError(error);
      co_return false;
    }
    buffer_.commit(bytes);
    co_return true;
  }

  // True: the connection may be used again.
  asio::awaitable<bool> ServeOne() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(state_->options.max_header_bytes));
    parser.body_limit(boost::none);
    Expire(state_->options.header_timeout);
    const auto [error, bytes] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
    HttpRequest request;
    if (error) {
      CountError(error);
      if (error.category() != http::make_error_code(http::error::bad_method).category() ||
          error == http::error::end_of_stream || error == http::error::partial_message) {
        co_return false;  // the network's trouble, not the request's
      }
      state_->counters.malformed.fetch_add(1, std::memory_order_relaxed);
      const HttpProblem problem = ProblemOf(error);
      co_await Refuse(request, problem);
      co_return false;
    }
    state_->counters.requests.fetch_add(1, std::memory_order_relaxed);
    if (const std::optional<HttpProblem> problem = ReadHead(parser, request)) {
      state_->counters.malformed.fetch_add(1, std::memory_order_relaxed);
      co_await Refuse(request, *problem);
      co_return false;
    }
    co_return co_await Dispatch(parser, std::move(request));
  }

  // Parser's header -> request. A problem: what makes the request unfit for any handler.
  std::optional<HttpProblem> ReadHead(Parser& parser, HttpRequest& request) {
    const auto& message = parser.get();
    request.method_name = std::string(message.method_string());
    request.method = ParseHttpMethod(request.method_name);
    request.peer = peer_;
    int hosts = 0;
    for (const auto& field : message) {
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
      if (field.name() == http::field::host) ++hosts;
    }
    TakePeer(request);
    if (!ParseTarget(std::string(message.target()), request))
      return HttpProblem{400, "the request's target is not a path"};
    // Two servers that read these differently would see different requests (smuggling).
    if (hosts > 1 || (hosts == 0 && message.version() >= 11)) return HttpProblem{400, "one Host header is required"};
    const std::string_view transfer = request.header("Transfer-Encoding");
    if (!transfer.empty() && (!absl::EqualsIgnoreCase(ToAbsl(transfer), "chunked") || parser.content_length())) {
      return HttpProblem{400, "transfer encodings other than chunked, or together with a length, are not understood"};
    }
    const std::string_view expect = request.header("Expect");
    if (!expect.empty() && !absl::EqualsIgnoreCase(ToAbsl(expect), "100-continue")) {
      return HttpProblem{417, "only the expectation 100-continue is understood"};
    }
    return std::nullopt;
  }

  void TakePeer(HttpRequest& request) const {
    const bool is_handed_on = !state_->options.unix_socket.empty();
    if (is_handed_on) {
      request.peer = request.header(kForwardedForHeader);
    } else if (is_proxy_) {
      request.peer = state_->options.proxies.ClientOf(peer_, ForwardedBy(request));
    }
    // Who hands on could say anything, and what is open to this machine alone needs no key.
    request.is_loopback = is_loopback_ && !is_handed_on && !IsForwarded(request);
  }

  asio::awaitable<bool> Dispatch(Parser& parser, HttpRequest request) {
    HttpRouter::Match match = state_->router.Find(request);
    const std::size_t cap = match.handler != nullptr ? match.options.max_body_bytes : kUnwantedBytes;
    BodyLease lease(*state_);
    std::optional<HttpProblem> problem = co_await ReadBody(parser, request, lease, cap);
    if (problem) {
      if (match.handler == nullptr) problem->message = "a body that nobody asked for is too large";
      if (problem->status != kGone) co_await Refuse(request, *problem);
      co_return false;
    }
    const bool keep_alive = parser.keep_alive() && !loop_->draining;
    if (match.handler == nullptr) {
      co_return co_await Respond(request, std::move(match.response), keep_alive);
    }
    request.body = std::move(parser.get().body());
    problem = Inflate(request, lease, cap);
    if (problem) {
      HttpResponse refusal = state_->router.Describe(request, *problem);
      co_return co_await Respond(request, std::move(refusal), keep_alive);
    }
    co_return co_await Answer(*match.handler, std::move(request), keep_alive, parser.get().version());
  }

  // A problem with status kGone: there is nobody to tell.
  asio::awaitable<std::optional<HttpProblem>> ReadBody(Parser& parser,
                                                       const HttpRequest& request,
                                                       BodyLease& lease,
                                                       std::size_t cap) {
    const HttpProblem too_large{413, absl::StrFormat("the body is too large: at most %d bytes", cap)};
    const HttpProblem no_memory{503, "too many bodies at once: try again"};
    const HttpProblem gone{kGone, ""};
    const boost::optional<std::uint64_t> length = parser.content_length();
    if (length && *length > cap) co_return too_large;
    if (parser.is_done()) co_return std::nullopt;
    parser.body_limit(cap);
    if (!request.header("Expect").empty() && buffer_.size() == 0) {
      Expire(state_->options.write_timeout);
      const auto [error, bytes] =
          co_await asio::async_write(stream_, asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), kAwait);
      if (error) co_return gone;
    }
    buffer_.reserve(std::min<std::size_t>(kReadBytes, length ? static_cast<std::size_t>(*length) : kReadBytes));
    const auto start = std::chrono::steady_clock::now();
    while (!parser.is_done()) {
      const auto earned = std::chrono::milliseconds(parser.get().body().size() * 1000 /
                                                    std::max<std::size_t>(1, state_->options.min_body_rate));
      Lowest().expires_at(start + Chrono(state_->options.body_timeout) + earned);
      const auto [error, bytes] = co_await http::async_read_some(stream_, buffer_, parser, kAwait);
      if (error == http::error::body_limit) co_return too_large;
      if (error) {
        CountError(error);
        const bool malformed = error.category() == http::make_error_code(http::error::bad_method).category() &&
                               error != http::error::partial_message && error != http::error::end_of_stream;
        HttpProblem problem = gone;
        if (malformed) problem = ProblemOf(error);
        co_return problem;
      }
      if (!lease.GrowTo(parser.get().body().size())) co_return no_memory;
    }
    co_return std::nullopt;
  }

  static std::optional<HttpProblem> Inflate(HttpRequest& request, BodyLease& lease, std::size_t cap) {
    const std::string encoding = ToLower(Trim(request.header("Content-Encoding")));
    if (encoding.empty() || encoding == "identity") return std::nullopt;
    if (encoding != "gzip" && encoding != "x-gzip") {
      return HttpProblem{415, absl::StrFormat("content encoding %s is not understood, gzip is", JsonQuote(encoding))};
    }
    absl::StatusOr<std::string> plain = Gunzip(request.body, {.max_bytes = cap});
    if (!plain.ok()) return HttpProblem{absl::IsResourceExhausted(plain.status()) ? 413 : 400, Message(plain.status())};
    if (!lease.GrowTo(request.body.size() + plain->size())) {
      return HttpProblem{503, "too many bodies at once: try again"};
    }
    request.body = *std::move(plain);
    return std::nullopt;
  }

  // Lets the handler answer. `request` without its body is kept for the subtree's last touch.
  asio::awaitable<bool> Answer(const HttpHandler& handler, HttpRequest request, bool keep_alive, unsigned version) {
    const auto exchange = std::make_shared<HttpExchange>(weak_loop_);
    asio::steady_timer waiter(loop_->context);
    exchange->waiter = &waiter;
    std::string body = std::exchange(request.body, {});
    HttpRequest kept = request;
    request.body = std::move(body);
    handler(std::move(request), HttpResponder(exchange));

    waiter.expires_after(Chrono(state_->options.answer_timeout));
    if (!exchange->response) co_await waiter.async_wait(kAwait);
    if (!exchange->response) {
      exchange->waiter = nullptr;
      exchange->Abandon();
      HttpResponse late = state_->router.Describe(kept, {503, "no answer in time"});
      co_return co_await Respond(kept, std::move(late), keep_alive);
    }
    bool kept_alive = false;
    if (exchange->streams) {
      kept_alive = co_await RespondInPieces(kept, *exchange, waiter, keep_alive, version);
    } else {
      kept_alive = co_await Respond(kept, std::move(*exchange->response), keep_alive);
    }
    exchange->waiter = nullptr;
    exchange->Abandon();
    co_return kept_alive;
  }

  asio::awaitable<bool> Respond(const HttpRequest& request, HttpResponse response, bool keep_alive) {
    keep_alive = keep_alive && !loop_->draining;
    state_->router.Finish(request, response);
    Count(response.status);
    std::string head = SerializeHead(response, {.keep_alive = keep_alive}, absl::Now());
    const bool bodiless = request.method == HttpMethod::kHead || response.status == 204 || response.status == 304;
    if (!bodiless && response.body.size() <= kJoinBytes) head += response.body;
    if (!co_await Write(head)) co_return false;
    if (!bodiless && response.body.size() > kJoinBytes && !co_await Write(response.body)) co_return false;
    co_return keep_alive;
  }

  asio::awaitable<bool> RespondInPieces(const HttpRequest& request,
                                        HttpExchange& exchange,
                                        asio::steady_timer& waiter,
                                        bool keep_alive,
                                        unsigned version) {
    HttpResponse& response = *exchange.response;
    const bool chunked = version >= 11;
    state_->router.Finish(request, response);
    Count(response.status);
    const ResponseFraming framing{.keep_alive = keep_alive && chunked, .chunked = chunked, .until_close = !chunked};
    const std::string head = SerializeHead(response, framing, absl::Now());
    if (!co_await Write(head)) co_return false;
    if (request.method == HttpMethod::kHead) co_return framing.keep_alive;
    if (!response.body.empty() && !co_await WritePiece(response.body, chunked)) co_return false;
    while (!exchange.pieces.empty() || !exchange.ended) {
      if (exchange.pieces.empty()) {
        if (loop_->draining) co_return false;
        waiter.expires_after(std::chrono::seconds(1));  // to notice that the server is stopping
        co_await waiter.async_wait(kAwait);
        continue;
      }
      const std::string piece = std::move(exchange.pieces.front());
      exchange.pieces.pop_front();
      const bool written = co_await WritePiece(piece, chunked);
      exchange.Taken(piece.size());
      if (!written) co_return false;
    }
    if (chunked && !co_await Write("0\r\n\r\n")) co_return false;
    co_return framing.keep_alive;
  }

  asio::awaitable<bool> WritePiece(const std::string& piece, bool chunked) {
    if (!chunked) co_return co_await Write(piece);
    const std::string chunk = absl::StrFormat("%x\r\n%s\r\n", piece.size(), piece);
    co_return co_await Write(chunk);
  }

  // In steps, so that the deadline is about progress, not about size.
  asio::awaitable<bool> Write(std::string_view bytes) {
    while (!bytes.empty()) {
      Expire(state_->options.write_timeout);
      const auto [error, written] = co_await stream_.async_write_some(asio::buffer(bytes), kAwait);
      if (error) {
        CountError(error);
        co_return false;
      }
      bytes.remove_prefix(written);
    }
    co_return true;
  }

  // Says why, and gives the peer a moment to read it: closing with unread bytes would destroy what we sent.
  asio::awaitable<void> Refuse(const HttpRequest& request, const HttpProblem& problem) {
    HttpResponse response = state_->router.Describe(request, problem);
    if (problem.status == 503) response.headers.push_back({"Retry-After", "1"});
    co_await Respond(request, std::move(response), /*keep_alive=*/false);
  }

  asio::awaitable<void> Close() {
    error_code ignored;
    if (!socket->is_open()) co_return;
    Lowest().expires_after(kLinger);
    if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) co_await stream_.async_shutdown(kAwait);
    socket->shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> scratch;
    for (std::size_t dropped = 0; dropped < kLingerBytes && !loop_->draining;) {
      const auto [error, bytes] = co_await Lowest().async_read_some(asio::buffer(scratch), kAwait);
      if (error) break;
      dropped += bytes;
    }
    socket->close(ignored);
  }

  void Count(int status) {
    const auto digit = static_cast<std::size_t>(std::clamp(status / 100, 0, 5));
    state_->counters.responses[digit].fetch_add(1, std::memory_order_relaxed);
  }

  const Place place_;
  const std::shared_ptr<HttpServerState> state_;
  HttpLoop* const loop_;
  const std::weak_ptr<HttpLoop> weak_loop_;
  Stream stream_;
  beast::flat_buffer buffer_;
  std::string peer_;
  bool is_loopback_ = false;
  bool is_proxy_ = false;  // one of ours
};

// Sessions are made on their loop's own thread: they enter themselves in its list.
template <class Stream, class MakeStream>
void Spawn(std::shared_ptr<HttpServerState> state, const std::shared_ptr<HttpLoop>& loop, MakeStream make_stream) {
  Place place(state);
  asio::post(loop->context, [state = std::move(state), place = std::move(place), weak = std::weak_ptr(loop),
                             make_stream = std::move(make_stream)]() mutable {
    const std::shared_ptr<HttpLoop> here = weak.lock();
    if (!here) return;
    auto session = std::make_unique<Session<Stream>>(std::move(state), std::move(place), here, make_stream());
    asio::co_spawn(
        here->context, [session = std::move(session)]() -> asio::awaitable<void> { co_await session->Run(); },
        // Only running out of memory throws here; one connection is lost, which its peer can see.
        [](const std::exception_ptr& error) { static_cast<void>(error); });
  });
}

}  // namespace

bool IsLoopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

void ServePlain(std::shared_ptr<HttpServerState> state, const std::shared_ptr<HttpLoop>& loop, tcp::socket socket) {
  Spawn<beast::tcp_stream>(std::move(state), loop,
                           [socket = std::move(socket)]() mutable { return beast::tcp_stream(std::move(socket)); });
}

void ServeTls(std::shared_ptr<HttpServerState> state,
              const std::shared_ptr<HttpLoop>& loop,
              tcp::socket socket,
              std::shared_ptr<asio::ssl::context> tls) {
  using TlsStream = beast::ssl_stream<beast::tcp_stream>;
  // SSL_new takes its own reference to the context's settings: `tls` may be replaced while the connection lives.
  Spawn<TlsStream>(std::move(state), loop, [socket = std::move(socket), tls = std::move(tls)]() mutable {
    return TlsStream(beast::tcp_stream(std::move(socket)), *tls);
  });
}

}  // namespace tocsin
