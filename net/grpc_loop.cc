#include "net/grpc_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/time/clock.h"
#include <boost/asio/ssl/context.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr int kReadsATurn = 4;            // then it is the next connection's
constexpr std::size_t kSend = 64 * 1024;  // in one go
constexpr int kEvents = 256;
constexpr absl::Duration kTick = absl::Seconds(1);
constexpr std::uint64_t kProgress =
    16 * 1024;  // bytes that a peer is to take within its timeout, or all that there are

struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};
using Session = std::unique_ptr<SSL, FreeSession>;

// A moment of the clock that only goes forward, to within milliseconds.
absl::Time CoarseNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return absl::TimeFromTimespec(now);
}

std::string PemOf(const SSL* session) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session), X509_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!certificate || PEM_write_bio_X509(memory.get(), certificate.get()) != 1) return "";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

struct Endpoint {
  IpAddress address{};
  std::uint16_t port = 0;
};
Endpoint PeerOf(int connection) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(connection, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  Endpoint found;
  if (peer.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(peer);
    std::copy_n(in.sin6_addr.s6_addr, found.address.size(), found.address.begin());
    found.port = ntohs(in.sin6_port);
  } else if (peer.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(peer);
    found.address = FromIpv4(&in.sin_addr);
    found.port = ntohs(in.sin_port);
  }
  return found;
}

}  // namespace

// A connection with its socket.
class GrpcLoop::Wire {
 public:
  Wire(GrpcLoop& loop, int socket) : Wire(loop, socket, PeerOf(socket)) {}
  ~Wire() {
    if (session_ && has_shaken_hands()) SSL_shutdown(session_.get());
    ERR_clear_error();
    close(socket_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool Register() {
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int flags = fcntl(socket_, F_GETFL);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
    return flags >= 0 && fcntl(socket_, F_SETFL, flags | O_NONBLOCK) == 0 && (!loop_.shared_.options.tls || session_) &&
           epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, socket_, &event) == 0;
  }

  // Reads what has come, but no more than its turn.
  void Read();
  // Sends what there is, as far as the peer takes it.
  void Send();
  void Tick(absl::Time now);
  void GoAway() { connection_.GoAway(); }

  GrpcConnection& connection() { return connection_; }
  bool is_closed() const { return is_closed_; }
  bool is_busy() const { return connection_.has_calls() || !unsent_.empty(); }
  void Close() {
    if (!std::exchange(is_closed_, true)) loop_.closed_.push_back(this);
  }
  void set_not_ready() { is_ready_ = false; }

 private:
  Wire(GrpcLoop& loop, int socket, const Endpoint& peer);

  enum class Came : std::uint8_t {
    kBytes,
    kNothing,
    kEnd
  };
  Came ReadSome(std::span<char> room, std::size_t& bytes);
  // How many bytes the socket took; 0: none for now; -1: it is broken.
  std::ptrdiff_t WriteSome(std::string_view bytes);
  void WatchForRoom(bool watches);
  bool IsRevoked();
  bool has_shaken_hands() const { return SSL_is_init_finished(session_.get()) == 1; }
  void HasOutput() {
    if (!std::exchange(is_ready_, true)) loop_.ready_.push_back(this);
  }
  void TimeOut() {
    loop_.shared_.timeouts.fetch_add(1, std::memory_order_relaxed);
    Close();
  }

  GrpcLoop& loop_;
  const int socket_;
  std::shared_ptr<const TlsIdentity> identity_;  // its context is used as long as the session
  Session session_;
  std::shared_ptr<const TlsIdentity> judged_;  // which revokes the peer's certificate, or does not
  bool is_revoked_ = false;
  std::string unsent_;  // what the socket did not take
  bool watches_for_room_ = false;
  bool is_ready_ = false;
  bool is_closed_ = false;
  const absl::Time began_;
  absl::Time heard_;
  absl::Time asked_ = absl::InfinitePast();  // by a PING that is not answered
  absl::Time took_;                          // something, or there was nothing to take
  std::uint64_t told_ = 0;                   // GrpcConnection::sent_bytes then
  GrpcConnection connection_;                // the last: its handlers go first
};

GrpcLoop::Wire::Wire(GrpcLoop& loop, int socket, const Endpoint& peer)
    : loop_(loop),
      socket_(socket),
      began_(loop.ticked_),
      heard_(loop.ticked_),
      took_(loop.ticked_),
      connection_(loop.shared_,
                  loop.mailbox_,
                  {.address = FormatIpAddress(peer.address),
                   .port = peer.port,
                   .vouch = [this, peer] { loop_.vouch_(peer.address, peer.port); },
                   .is_revoked = [this] { return session_ && IsRevoked(); }},
                  [this] { HasOutput(); }) {
  if (!loop.shared_.options.tls) return;
  identity_ = loop.shared_.options.tls->current();
  session_.reset(SSL_new(identity_->context()->native_handle()));
  if (!session_ || SSL_set_fd(session_.get(), socket_) != 1) {
    session_.reset();
    return;
  }
  SSL_set_accept_state(session_.get());
  SSL_set_mode(session_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_clear_mode(session_.get(), SSL_MODE_AUTO_RETRY);  // records without data are the next turn's
  AskForHttp2(session_.get());
}

bool GrpcLoop::Wire::IsRevoked() {
  const std::shared_ptr<const TlsIdentity> now = loop_.shared_.options.tls->current();
  if (now == judged_) return is_revoked_;
  judged_ = now;
  is_revoked_ = now->asks_clients() && now->IsRevoked(PemOf(session_.get()));
  return is_revoked_;
}

GrpcLoop::Wire::Came GrpcLoop::Wire::ReadSome(std::span<char> room, std::size_t& bytes) {
  if (session_) {
    ERR_clear_error();
    if (SSL_read_ex(session_.get(), room.data(), room.size(), &bytes) == 1) return Came::kBytes;
    const int error = SSL_get_error(session_.get(), 0);
    if (!has_shaken_hands()) WatchForRoom(error == SSL_ERROR_WANT_WRITE);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Came::kNothing : Came::kEnd;
  }
  const ssize_t got = recv(socket_, room.data(), room.size(), 0);
  if (got > 0) {
    bytes = static_cast<std::size_t>(got);
    return Came::kBytes;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Came::kNothing : Came::kEnd;
}

std::ptrdiff_t GrpcLoop::Wire::WriteSome(std::string_view bytes) {
  if (session_) {
    std::size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &written) == 1)
      return static_cast<std::ptrdiff_t>(written);
    const int error = SSL_get_error(session_.get(), 0);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  const ssize_t written = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return written >= 0 ? written : (errno == EAGAIN || errno == EINTR ? 0 : -1);
}

void GrpcLoop::Wire::WatchForRoom(bool watches) {
  if (std::exchange(watches_for_room_, watches) == watches) return;
  epoll_event event{.events = EPOLLIN | (watches ? EPOLLOUT : 0U), .data = {.ptr = this}};
  epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, socket_, &event);
}

void GrpcLoop::Wire::Read() {
  for (int i = 0; i < kReadsATurn && !is_closed_; ++i) {
    const std::span<char> room = loop_.blocks_.Room();
    std::size_t bytes = 0;
    const Came came = ReadSome(room, bytes);
    if (came == Came::kNothing) return HasOutput();
    if (came == Came::kEnd) return Close();
    loop_.blocks_.Use(bytes);
    heard_ = loop_.ticked_;
    asked_ = absl::InfinitePast();
    if (!connection_.Receive({room.data(), bytes}, loop_.blocks_.owner())) {
      Send();  // why
      return Close();
    }
    if (!session_ && bytes < room.size()) return;
  }
  if (session_ && SSL_has_pending(session_.get()) == 1) loop_.pending_.push_back(this);
}

void GrpcLoop::Wire::Send() {
  if (session_ && !has_shaken_hands()) return;  // Read goes on with it
  for (;;) {
    std::string& out = loop_.out_;
    const bool is_rest = !unsent_.empty();
    if (!is_rest) {
      out.clear();
      if (!connection_.Send(out, kSend)) return Close();
    }
    const std::string_view bytes = is_rest ? unsent_ : out;
    if (bytes.empty()) break;
    std::size_t taken = 0;
    while (taken < bytes.size()) {
      const std::ptrdiff_t now = WriteSome(bytes.substr(taken));
      if (now < 0) return Close();
      if (now == 0) break;
      taken += static_cast<std::size_t>(now);
    }
    if (taken < bytes.size()) {
      unsent_ = std::string(bytes.substr(taken));
      return WatchForRoom(true);
    }
    unsent_ = {};
  }
  WatchForRoom(false);
  if (connection_.is_over()) Close();
}

void GrpcLoop::Wire::Tick(absl::Time now) {
  const GrpcServer::Options& options = loop_.shared_.options;
  connection_.Tick();
  if (!connection_.has_greeted() && now - began_ > options.handshake_timeout) return TimeOut();
  // A certificate that was revoked ends also the streams that have been open for weeks.
  if (session_ && has_shaken_hands() && IsRevoked()) return Close();
  // A window that never opens, or by a byte now and then, is as bad as a socket that takes nothing.
  const bool waits = connection_.unsent_bytes() > 0 || !unsent_.empty();
  if (!waits || connection_.sent_bytes() - told_ >= kProgress) {
    told_ = connection_.sent_bytes();
    took_ = now;
  }
  if (now - took_ > options.keepalive_timeout) return TimeOut();
  if (asked_ != absl::InfinitePast()) {
    if (now - asked_ > options.keepalive_timeout) TimeOut();
  } else if (connection_.has_greeted() && now - heard_ > options.keepalive) {
    asked_ = now;
    connection_.Ping();
  }
}

// --- the loop ---

GrpcLoop::GrpcLoop(GrpcShared& shared, Vouch vouch)
    : shared_(shared),
      vouch_(std::move(vouch)),
      mailbox_(std::make_shared<GrpcMailbox>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      blocks_(shared.options.blocks),
      ticked_(CoarseNow()) {
  TOCSIN_CHECK(epoll_ >= 0 && mailbox_->bell() >= 0,
               "no descriptor is left for the gRPC port: raise the limit of open files");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->bell(), &event);
}

GrpcLoop::~GrpcLoop() {
  const MutexLock lock(mutex_);
  for (const int connection : adopted_)
    close(connection);
  close(epoll_);
}

void GrpcLoop::Adopt(int connection) {
  {
    const MutexLock lock(mutex_);
    adopted_.push_back(connection);
  }
  mailbox_->Ring();
}

void GrpcLoop::Drain() {
  drains_ = true;
  mailbox_->Ring();
}

void GrpcLoop::Stop() {
  stops_ = true;
  mailbox_->Ring();
}

bool GrpcLoop::IsDone() {
  if (stops_) return true;
  if (!drains_) return false;
  if (!std::exchange(goes_away_, true)) {
    for (const auto& [wire, owned] : wires_)
      wire->GoAway();
    Flush();
  }
  return std::ranges::none_of(wires_, [](const auto& each) { return each.second->is_busy(); });
}

void GrpcLoop::Run() {
  std::array<epoll_event, kEvents> events{};
  absl::Time next_tick = ticked_ + kTick;
  bool is_done = false;
  while (!is_done) {
    const bool may_sleep = pending_.empty() && ready_.empty() && mailbox_->GoToSleep();
    const auto patience = may_sleep ? absl::ToInt64Milliseconds(kTick) : 0;
    const int count = epoll_wait(epoll_, events.data(), kEvents, static_cast<int>(patience));
    mailbox_->WakeUp();
    ticked_ = CoarseNow();
    for (Wire* const wire : std::exchange(pending_, {}))
      Turn(*wire, EPOLLIN);
    for (int i = 0; i < count && !stops_; ++i) {
      if (auto* const wire = static_cast<Wire*>(events[static_cast<std::size_t>(i)].data.ptr); wire != nullptr) {
        Turn(*wire, events[static_cast<std::size_t>(i)].events);
      } else {
        mailbox_->Silence();
        TakeAdopted();
      }
    }
    DeliverLetters();
    Flush();
    if (ticked_ >= next_tick) {
      next_tick = ticked_ + kTick;
      Tick();
    }
    Sweep();
    is_done = IsDone();
  }
  mailbox_->Close();
  ready_.clear();
  pending_.clear();
  wires_.clear();
  closed_.clear();
}

void GrpcLoop::TakeAdopted() {
  std::vector<int> adopted;
  {
    const MutexLock lock(mutex_);
    adopted.swap(adopted_);
  }
  for (const int connection : adopted) {
    auto wire = std::make_unique<Wire>(*this, connection);
    if (!wire->Register()) continue;
    if (goes_away_) wire->GoAway();
    Wire* const key = wire.get();
    wires_.emplace(key, std::move(wire));
  }
}

void GrpcLoop::Turn(Wire& wire, std::uint32_t events) {
  if (wire.is_closed()) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) wire.Read();
  if (!wire.is_closed() && (events & EPOLLOUT) != 0) {
    wire.Read();  // a handshake may have waited for room
    if (!wire.is_closed()) wire.Send();
  }
}

void GrpcLoop::DeliverLetters() {
  mailbox_->Take(letters_);
  for (GrpcMailbox::Letter& letter : letters_) {
    if (GrpcStream* const stream = letter.call->stream()) stream->connection().Deliver(*stream, letter);
  }
  letters_.clear();
}

void GrpcLoop::Flush() {
  for (Wire* const wire : std::exchange(ready_, {})) {
    wire->set_not_ready();
    if (!wire->is_closed()) wire->Send();
  }
}

void GrpcLoop::Tick() {
  for (const auto& [wire, owned] : wires_) {
    if (!wire->is_closed()) wire->Tick(ticked_);
  }
}

void GrpcLoop::Sweep() {
  for (Wire* const wire : std::exchange(closed_, {})) {
    std::erase(ready_, wire);
    std::erase(pending_, wire);
    wires_.erase(wire);
  }
}

}  // namespace tocsin
