#include "net/connection_gate.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "net/connection_look.h"

namespace tocsin {
namespace {

using Clock = std::chrono::steady_clock;  // whoever sets the wall clock keeps nobody out
using std::chrono::milliseconds;

constexpr milliseconds kSweep(1000);
constexpr milliseconds kSweepOfStrangers(
    50);  // what a server makes of unread bytes it makes at some hundred MiB a second
constexpr milliseconds kSweepAtTheLimit(20);  // a sweep of thousands costs a millisecond
constexpr milliseconds kAcceptPause(50);      // when descriptors have run out
constexpr milliseconds kBetweenWarnings(60'000);
constexpr std::uint32_t kGone = EPOLLHUP | EPOLLRDHUP | EPOLLERR;
constexpr int kMostAtOnce = 64;  // of one listener, before those that wait are looked at

// Atomic for who reads them; only the gate's thread writes.
struct Counters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> full{0};
  std::atomic<std::uint64_t> crowded{0};
  std::atomic<std::uint64_t> silent{0};
  std::atomic<std::uint64_t> gone{0};
  std::atomic<std::uint64_t> foreign{0};
  std::atomic<std::uint64_t> greedy{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> waiting{0};
};

void Add(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

class ConnectionGate::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {}
  ~Impl() { Stop(); }

  absl::Status Listen() {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    std::string host = options_.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (options_.any_is_both && host == "0.0.0.0" && ListenAt("::", hints).ok()) return absl::OkStatus();
    TOCSIN_TRY(ListenAt(host, hints));
    return absl::OkStatus();
  }

  void Begin(Take take) {
    take_ = std::move(take);
    thread_ = std::thread([this] { Run(); });
  }

  void Stop() {
    if (thread_.joinable()) {
      stopping_.store(true, std::memory_order_release);
      const std::uint64_t one = 1;
      static_cast<void>(!write(wakes_, &one, sizeof one));
      thread_.join();
    }
    for (const auto& [fd, waiting] : waiting_)
      close(fd);
    waiting_.clear();
    for (const int listener : listeners_)
      close(listener);
    listeners_.clear();
    for (int* const fd : {&epoll_, &wakes_}) {
      if (*fd >= 0) close(std::exchange(*fd, -1));
    }
  }

  void Vouch(const IpAddress& address, std::uint16_t port) {
    if (strangers_.load(std::memory_order_relaxed) == 0) return;
    const MutexLock lock(mutex_);
    // Each is of a connection; whoever is not noted now is at the next call.
    if (vouched_.size() < options_.max_connections) vouched_.emplace(address, port);
  }

  std::uint16_t port() const { return port_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Waiting {
    std::uint64_t number = 0;  // which of those that had this descriptor
    int listener = -1;
    Peer peer;
    bool has_spoken = false;
  };
  struct Turn {
    int fd = -1;
    std::uint64_t number = 0;
    Clock::time_point until;
  };
  struct Handed {
    int fd = -1;
    std::uint64_t inode = 0;
    Peer peer;
    bool is_proven = false;
    std::uint64_t received = 0;  // bytes, when it was handed on
    bool is_vouched = false;
    std::uint64_t said = 0;  // bytes by now, of one that is not vouched for
  };

  absl::Status ListenAt(const std::string& host, const addrinfo& hints) {
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), std::to_string(options_.port).c_str(), &hints, &found); error != 0)
      return Unavailable("listen on %s: %s", host, gai_strerror(error));
    absl::Status status = absl::OkStatus();
    for (const addrinfo* each = found; each != nullptr && status.ok(); each = each->ai_next)
      status = ListenOn(*each, host);
    freeaddrinfo(found);
    if (!status.ok()) return status;
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wakes_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || wakes_ < 0) return Unavailable("listen on %s: %s", host, std::strerror(errno));
    Watch(wakes_, EPOLLIN);
    for (const int listener : listeners_)
      Watch(listener, EPOLLIN);
    return absl::OkStatus();
  }

  // What is set here, connections inherit: as gRPC sets it for its own.
  absl::Status ListenOn(const addrinfo& at, const std::string& host) {
    const int fd = socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return Unavailable("listen on %s: %s", host, std::strerror(errno));
    listeners_.push_back(fd);
    const int on = 1;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (at.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_storage address{};
    std::memcpy(&address, at.ai_addr, at.ai_addrlen);
    // A name of several addresses has the same port at all of them.
    (at.ai_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                              : reinterpret_cast<sockaddr_in&>(address).sin_port) =
        htons(port_ == 0 ? options_.port : port_);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), at.ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
      const int error = errno;
      close(fd);
      listeners_.pop_back();
      return Unavailable("listen on %s port %d: %s", host, options_.port, std::strerror(error));
    }
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(at.ai_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                           : reinterpret_cast<const sockaddr_in&>(address).sin_port);
    return absl::OkStatus();
  }

  void Watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void Run() {
    std::array<epoll_event, 256> events;
    while (!stopping_.load(std::memory_order_acquire)) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), Milliseconds());
      now_ = Clock::now();
      for (int i = 0; i < count; ++i)
        Handle(events[static_cast<std::size_t>(i)]);
      CloseTheSilent();
      if (now_ - swept_ >= SweepInterval()) Sweep();
      HandOnTheReady();
      counters_.waiting.store(waiting_.size(), std::memory_order_relaxed);
    }
  }

  bool Bounds() const { return options_.max_unvouched_bytes > 0; }
  milliseconds SweepInterval() const {
    if (!ready_.empty()) return kSweepAtTheLimit;
    return strangers_.load(std::memory_order_relaxed) > 0 ? kSweepOfStrangers : kSweep;
  }

  // Until the next thing that is due.
  int Milliseconds() const {
    if (handed_.empty() && turns_.empty()) return -1;
    milliseconds wait = SweepInterval();
    if (!turns_.empty()) wait = std::min(wait, std::chrono::ceil<milliseconds>(turns_.front().until - Clock::now()));
    return static_cast<int>(std::max(wait, milliseconds(0)).count());
  }

  void Handle(const epoll_event& event) {
    const int fd = event.data.fd;
    if (fd == wakes_) return;
    if (std::find(listeners_.begin(), listeners_.end(), fd) != listeners_.end()) return Accept(fd);
    const auto found = waiting_.find(fd);
    if (found == waiting_.end()) return;  // closed since epoll saw it
    if (found->second.has_spoken) {
      if ((event.events & kGone) != 0) Close(fd, counters_.gone);
      return;
    }
    switch (LookAt(fd, options_.protocol)) {
      case FirstBytes::kThere:
        if ((event.events & kGone) != 0) return Close(fd, counters_.gone);
        found->second.has_spoken = true;
        ready_.push_back({fd, found->second.number, {}});
        return;
      case FirstBytes::kForeign: return Close(fd, counters_.foreign);
      case FirstBytes::kToCome:
        if ((event.events & kGone) != 0) Close(fd, counters_.gone);
    }
  }

  void Accept(int listener) {
    for (int i = 0; i < kMostAtOnce; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN) std::this_thread::sleep_for(kAcceptPause);
        return;
      }
      Add(counters_.accepted);
      Peer peer = PeerOf(address);
      peer.is_counted = (!peer.is_loopback || options_.bounds_loopback) && !options_.proxies.Trusts(peer.address);
      Admit(fd, listener, peer);
    }
  }

  void Admit(int fd, int listener, const Peer& peer) {
    if (!HasRoom(peer)) {
      close(fd);
      return;
    }
    if (waiting_.size() >= options_.max_waiting) PushOut();
    const std::uint64_t number = ++numbers_;
    waiting_[fd] = {number, listener, peer};
    turns_.push_back({fd, number, now_ + absl::ToChronoMilliseconds(options_.patience)});
    if (peer.is_counted) ++of_source_[peer.source];
    // Each arrival is an event, also that of bytes which are there already.
    Watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
  }

  bool IsFull(const Peer& peer) const {
    const std::size_t reserved =
        peer.is_loopback ? 0 : std::min(options_.max_connections, options_.reserved_connections);
    return handed_.size() >= options_.max_connections - reserved;
  }

  bool HasRoom(const Peer& peer) {
    const auto count = [this, &peer] {
      const auto found = of_source_.find(peer.source);
      return found == of_source_.end() ? 0 : found->second;
    };
    const auto is_crowded = [&] { return peer.is_counted && count() >= options_.max_of_one_address; };
    if ((IsFull(peer) || is_crowded()) && now_ - swept_ >= kSweepAtTheLimit) Sweep();
    if (IsFull(peer)) {
      Refuse(counters_.full, "too many connections are open: no more are taken until some are closed");
      return false;
    }
    if (is_crowded()) {
      Refuse(counters_.crowded, "one address has as many connections as one may have: no more of it are taken");
      return false;
    }
    return true;
  }

  void Refuse(std::atomic<std::uint64_t>& counter, std::string_view message) {
    Add(counter);
    if (now_ - warned_ < kBetweenWarnings) return;
    warned_ = now_;
    LogWarning(message, {
                            {"open",    handed_.size()                                                            },
                            {"most",    options_.max_connections                                                  },
                            {"refused", counters_.full.load() + counters_.crowded.load() + counters_.greedy.load()}
    });
  }

  // In the order in which they began to speak.
  void HandOnTheReady() {
    while (!ready_.empty() && (!IsWaiting(ready_.front()) || unproven_ < options_.max_unproven)) {
      const Turn turn = ready_.front();
      ready_.pop_front();
      if (IsWaiting(turn)) HandOn(turn.fd);
    }
  }

  void HandOn(int fd) {
    const auto found = waiting_.find(fd);
    const Waiting waiting = found->second;
    // Many may have waited while there was room for one.
    if (IsFull(waiting.peer) && now_ - swept_ >= kSweepAtTheLimit) Sweep();
    if (IsFull(waiting.peer)) return Close(fd, counters_.full);
    waiting_.erase(found);
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    handed_.push_back({fd, InodeOf(fd), waiting.peer, false, ReceivedBy(fd)});
    ++unproven_;
    if (Bounds()) strangers_.fetch_add(1, std::memory_order_relaxed);
    counters_.open.store(handed_.size(), std::memory_order_relaxed);
    take_(waiting.listener, fd);
  }

  void Close(int fd, std::atomic<std::uint64_t>& why) {
    const auto found = waiting_.find(fd);
    Forget(found->second.peer);
    waiting_.erase(found);
    Add(why);  // whoever sees the end of the connection sees it counted
    close(fd);
  }

  void Forget(const Peer& peer) {
    if (!peer.is_counted) return;
    const auto found = of_source_.find(peer.source);
    if (--found->second == 0) of_source_.erase(found);
  }

  // True: this turn is of a connection that still waits.
  bool IsWaiting(const Turn& turn) const {
    const auto found = waiting_.find(turn.fd);
    return found != waiting_.end() && found->second.number == turn.number;
  }

  void PushOut() {
    while (!turns_.empty()) {
      const Turn turn = turns_.front();
      turns_.pop_front();
      if (IsWaiting(turn)) return CloseInVain(turn.fd);
    }
  }

  void CloseInVain(int fd) { Close(fd, waiting_.find(fd)->second.has_spoken ? counters_.full : counters_.silent); }

  void CloseTheSilent() {
    while (!turns_.empty() && (!IsWaiting(turns_.front()) || turns_.front().until <= now_)) {
      const Turn turn = turns_.front();
      turns_.pop_front();
      if (IsWaiting(turn)) CloseInVain(turn.fd);
    }
  }

  // Forgets what has been closed since, and learns who has said more.
  void Sweep() {
    swept_ = now_;
    unproven_ = 0;
    const absl::flat_hash_set<Endpoint> vouched = TakeVouched();
    std::uint64_t strangers = 0;
    std::uint64_t said = 0;
    const auto gone = std::remove_if(handed_.begin(), handed_.end(), [&](Handed& each) {
      if (InodeOf(each.fd) != each.inode) {
        Forget(each.peer);
        return true;
      }
      each.is_vouched = each.is_vouched || !Bounds() || vouched.contains({each.peer.address, each.peer.port});
      if (each.is_proven && each.is_vouched) return false;
      each.said = ReceivedBy(each.fd);
      each.is_proven = each.is_proven || each.said > each.received;
      if (!each.is_proven) ++unproven_;
      if (each.is_vouched) return false;
      ++strangers;
      said += each.said;
      return false;
    });
    handed_.erase(gone, handed_.end());
    strangers_.store(strangers, std::memory_order_relaxed);
    if (Bounds() && said > options_.max_unvouched_bytes) Cut(said);
    counters_.open.store(handed_.size(), std::memory_order_relaxed);
  }

  using Endpoint = std::pair<IpAddress, std::uint16_t>;
  absl::flat_hash_set<Endpoint> TakeVouched() {
    const MutexLock lock(mutex_);
    return std::exchange(vouched_, {});
  }

  // Whoever has said most goes first, until there is room for the rest to say something. Only hung up: to close it is its owner's.
  void Cut(std::uint64_t said) {
    std::vector<Handed*> strangers;
    for (Handed& each : handed_) {
      if (!each.is_vouched) strangers.push_back(&each);
    }
    std::ranges::sort(strangers, std::greater(), &Handed::said);
    for (Handed* each : strangers) {
      if (said <= options_.max_unvouched_bytes / 2) return;
      said -= each->said;
      if (InodeOf(each->fd) == each->inode) shutdown(each->fd, SHUT_RDWR);
      each->is_vouched = true;  // counts no more while its owner closes it
      Refuse(counters_.greedy,
             "connections that nobody vouches for have sent too much: those that sent most are cut off");
    }
  }

  const Options options_;
  std::vector<int> listeners_;
  std::uint16_t port_ = 0;
  int epoll_ = -1;
  int wakes_ = -1;
  std::atomic<bool> stopping_{false};
  Counters counters_;
  std::thread thread_;

  std::atomic<std::uint64_t> strangers_{0};  // handed on, open and not vouched for, as of the last sweep
  Mutex mutex_;
  absl::flat_hash_set<Endpoint> vouched_ ABSL_GUARDED_BY(mutex_);  // since the last sweep

  // The thread's.
  Take take_;
  Clock::time_point now_ = Clock::now();
  Clock::time_point swept_ = now_;
  Clock::time_point warned_ = now_ - kBetweenWarnings;
  std::uint64_t numbers_ = 0;
  absl::flat_hash_map<int, Waiting> waiting_;  // by descriptor
  std::deque<Turn> turns_;                     // the longest first; also of those that wait no more
  std::deque<Turn> ready_;                     // of those that have begun to speak
  std::vector<Handed> handed_;
  std::size_t unproven_ = 0;  // of these, as of the last sweep
  absl::flat_hash_map<IpAddress, std::size_t> of_source_;
};

ConnectionGate::ConnectionGate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConnectionGate::~ConnectionGate() = default;

absl::StatusOr<std::unique_ptr<ConnectionGate>> ConnectionGate::Listen(Options options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  TOCSIN_TRY(impl->Listen());
  return std::unique_ptr<ConnectionGate>(new ConnectionGate(std::move(impl)));
}

void ConnectionGate::Begin(Take take) {
  impl_->Begin(std::move(take));
}
void ConnectionGate::Stop() {
  impl_->Stop();
}
void ConnectionGate::Vouch(const IpAddress& address, std::uint16_t port) {
  impl_->Vouch(address, port);
}
std::uint16_t ConnectionGate::port() const {
  return impl_->port();
}

ConnectionGate::Statistics ConnectionGate::ReadStatistics() const {
  const Counters& counters = impl_->counters();
  const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {.accepted = read(counters.accepted),
          .full = read(counters.full),
          .crowded = read(counters.crowded),
          .silent = read(counters.silent),
          .gone = read(counters.gone),
          .foreign = read(counters.foreign),
          .greedy = read(counters.greedy),
          .open = read(counters.open),
          .waiting = read(counters.waiting)};
}

}  // namespace tocsin
