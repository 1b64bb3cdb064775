#include "bench/http_load.h"

#include <atomic>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/rig.h"

namespace tocsin {
namespace {

constexpr std::string_view kLength = "Content-Length: ";

// Of a message whose head is complete: how long it is; 0 when its head is not all there.
std::size_t MessageBytes(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::size_t length = text.substr(0, end).find(kLength);
  std::size_t body = 0;
  if (length != std::string_view::npos) {
    for (std::size_t i = length + kLength.size(); text[i] >= '0' && text[i] <= '9'; ++i)
      body = body * 10 + static_cast<std::size_t>(text[i] - '0');
  }
  return end + 4 + body;
}

bool SendAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void ServeSink(int fd, const PostSink::Seen& seen) {
  std::vector<char> buffer(1U << 20U);
  std::size_t have = 0;
  for (;;) {
    const ssize_t n = recv(fd, buffer.data() + have, buffer.size() - have, 0);
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
    const std::size_t bytes = MessageBytes({buffer.data(), have});
    if (bytes == 0 || have < bytes) continue;
    if (seen) seen({buffer.data(), bytes});
    have = 0;  // one request at a time
    if (!SendAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) break;
  }
  close(fd);
}

}  // namespace

bool Exchange(int fd, const std::string& request) {
  if (!SendAll(fd, request)) return false;
  std::string answer;
  char buffer[8192];
  for (;;) {
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    answer.append(buffer, static_cast<std::size_t>(n));
    const std::size_t bytes = MessageBytes(answer);
    if (bytes > 0 && answer.size() >= bytes) return answer.compare(9, 1, "2") == 0;
  }
}

double RunPosts(const PostLoad& load) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (int c = 0; c < load.connections; ++c) {
    threads.emplace_back([&] {
      const int fd = Connect(load.port);
      while (!stop) {
        if (fd < 0 || !Exchange(fd, load.request(next.fetch_add(1, std::memory_order_relaxed)))) {
          failed = true;
          break;
        }
        answered.fetch_add(1, std::memory_order_relaxed);
      }
      if (fd >= 0) close(fd);
    });
  }
  absl::SleepFor(load.warm);
  const std::uint64_t before = answered;
  const absl::Time start = absl::Now();
  absl::SleepFor(load.seconds);
  const double rate = static_cast<double>(answered - before) / absl::ToDoubleSeconds(absl::Now() - start);
  stop = true;
  for (std::thread& thread : threads)
    thread.join();
  return failed ? 0 : rate;
}

PostSink::PostSink(std::uint16_t port, Seen seen) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, static_cast<const sockaddr*>(static_cast<const void*>(&address)), size) != 0 ||
      listen(listener, 1024) != 0) {
    return;
  }
  getsockname(listener, static_cast<sockaddr*>(static_cast<void*>(&address)), &size);
  port_ = ntohs(address.sin_port);
  std::thread([listener, seen = std::move(seen)] {
    const int no_delay = 1;
    for (int fd = 0; (fd = accept(listener, nullptr, nullptr)) >= 0;) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
      std::thread([fd, seen] { ServeSink(fd, seen); }).detach();
    }
  }).detach();
}

}  // namespace tocsin
