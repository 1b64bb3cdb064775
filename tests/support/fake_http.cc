#include "tests/support/fake_http.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A bound socket and its port.
std::pair<int, int> Bind(int port) {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = Loopback(port);
  TOCSIN_CHECK(bind(made, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  socklen_t length = sizeof address;
  TOCSIN_CHECK(getsockname(made, reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
  return {made, ntohs(address.sin_port)};
}

}  // namespace

// A connected socket, with or without TLS.
class FakeHttp::Connection {
 public:
  Connection(int socket, SSL_CTX* tls) : socket_(socket) {
    if (tls == nullptr) return;
    tls_ = SSL_new(tls);
    SSL_set_fd(tls_, socket_);
    usable_ = SSL_accept(tls_) == 1;
  }
  ~Connection() {
    if (tls_ != nullptr) SSL_free(tls_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Nothing at the end of the stream.
  std::string Read() {
    if (!usable_) return "";
    char buffer[16 * 1024];
    const auto got = tls_ != nullptr ? SSL_read(tls_, buffer, sizeof buffer) : read(socket_, buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
  }
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto put = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                       : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }
  // Until the other side or the server's end closes it.
  void Hang() {
    while (!Read().empty()) {
    }
  }
  void Reset() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  const int socket_;
  SSL* tls_ = nullptr;
  bool usable_ = true;
};

namespace {

// Takes the head of a request apart; false when it is none.
bool ParseHead(std::string_view head, FakeRequest& request) {
  const std::size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first || !line.substr(last).starts_with(" HTTP/1.1")) return false;
  request.method = std::string(line.substr(0, first));
  request.target = std::string(line.substr(first + 1, last - first - 1));
  std::string_view rest = line_end == std::string_view::npos ? "" : head.substr(line_end + 2);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.size(), rest.find("\r\n"));
    const std::string_view header = rest.substr(0, end);
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) return false;
    request.headers[ToLower(header.substr(0, colon))] = std::string(Trim(header.substr(colon + 1)));
    rest.remove_prefix(std::min(rest.size(), end + 2));
  }
  return true;
}

}  // namespace

FakeHttp::FakeHttp(Script script, const Certificate* tls, int port) : script_(std::move(script)) {
  if (tls != nullptr) tls_ = tls->NewServerContext();
  std::tie(listener_, port_) = Bind(port);
  TOCSIN_CHECK(listen(listener_, 1024) == 0, "listen");
  acceptor_ = std::thread([this] { Accept(); });
}

FakeHttp::~FakeHttp() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (const int socket : open_)
      shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const MutexLock lock(mutex_);
    std::swap(threads, threads_);
  }
  for (std::thread& thread : threads)
    thread.join();
  close(listener_);
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string FakeHttp::url() const {
  return absl::StrCat(tls_ != nullptr ? "https" : "http", "://127.0.0.1:", port_);
}

std::vector<FakeRequest> FakeHttp::requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

int FakeHttp::connections() const {
  const MutexLock lock(mutex_);
  return connections_;
}

bool FakeHttp::WaitForRequests(std::size_t count) const {
  const MutexLock lock(mutex_);
  return changed_.WaitFor(mutex_, kPatience,
                          [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return requests_.size() >= count; });
}

void FakeHttp::Accept() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const MutexLock lock(mutex_);
    if (stopping_) {
      close(socket);
      return;
    }
    ++connections_;
    open_.insert(socket);
    threads_.emplace_back([this, socket] { Serve(socket); });
  }
}

FakeAnswer FakeHttp::Answer(const FakeRequest& request) {
  {
    const MutexLock lock(mutex_);
    requests_.push_back(request);
  }
  changed_.NotifyAll();
  const MutexLock one_at_a_time(script_mutex_);
  return script_(request);
}

void FakeHttp::Serve(int socket) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);  // OpenSSL writes without MSG_NOSIGNAL
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  {
    Connection connection(socket, tls_);
    std::string bytes;
    FakeRequest request;
    std::size_t needed = 0;
    bool complete = false;
    while (!complete) {
      const std::string more = connection.Read();
      if (more.empty()) break;
      bytes += more;
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      if (needed == 0) {
        if (!ParseHead(std::string_view(bytes).substr(0, end), request)) break;
        const std::string& length = request.headers["content-length"];
        std::from_chars(length.data(), length.data() + length.size(), needed);
        needed += end + 4;
      }
      complete = bytes.size() >= needed;
      if (complete) request.body = bytes.substr(end + 4);
    }
    if (complete) {
      const FakeAnswer answer = Answer(request);
      std::string whole = absl::StrCat("HTTP/1.1 ", answer.status, " Some Reason\r\n");
      for (const std::string& header : answer.headers)
        absl::StrAppend(&whole, header, "\r\n");
      // It closes after each answer, and says so: a client that kept the connection might send its next request into the closing.
      absl::StrAppend(&whole, "Connection: close\r\nContent-Length: ", answer.body.size(), "\r\n\r\n", answer.body);
      switch (answer.how) {
        case FakeAnswer::How::kAnswer: connection.Write(whole); break;
        case FakeAnswer::How::kHang: connection.Hang(); break;
        case FakeAnswer::How::kDrop: break;
        case FakeAnswer::How::kReset: connection.Reset(); break;
        case FakeAnswer::How::kStall:
          connection.Write(std::string_view(whole).substr(0, whole.size() - answer.body.size() / 2 - 1));
          connection.Hang();
          break;
        case FakeAnswer::How::kTrickle:
          for (const char c : whole) {
            if (!connection.Write({&c, 1})) break;
            absl::SleepFor(absl::Milliseconds(100));
          }
          break;
        case FakeAnswer::How::kRaw: connection.Write(answer.body); break;
      }
    }
  }
  const MutexLock lock(mutex_);
  open_.erase(socket);
  close(socket);
}

int ClosedPort() {
  return Bind(0).second;
}

}  // namespace tocsin
