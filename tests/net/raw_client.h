// A socket with no manners: sends any bytes at any pace, reads what comes. For tests of servers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 120, .tv_usec = 0};  // a test that waits so long has failed
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const void* generic = &address;
    TOCSIN_CHECK(connect(fd_, static_cast<const sockaddr*>(generic), sizeof address) == 0, "connect");
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the server has closed on us.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void EndSending() { shutdown(fd_, SHUT_WR); }

  // One response: head, and the body that Content-Length or chunks announce. "" when the connection ended instead.
  std::string ReadResponse(bool has_body = true) {
    if (!Fill("\r\n\r\n", 0)) return "";
    std::size_t end = buffer_.find("\r\n\r\n") + 4;
    const std::string head = buffer_.substr(0, end);
    if (const std::size_t at = head.find("Content-Length: "); has_body && at != std::string::npos) {
      end += std::stoul(head.substr(at + 16));
      while (buffer_.size() < end && More()) {
      }
    } else if (head.find("Transfer-Encoding: chunked") != std::string::npos) {
      if (!Fill("0\r\n\r\n", end)) return "";
      end = buffer_.find("0\r\n\r\n", end) + 5;
    }
    const std::string response = buffer_.substr(0, end);
    buffer_.erase(0, end);
    return response;
  }
  // One line without its CRLF; "" when the connection ended instead.
  std::string ReadLine() {
    if (!Fill("\r\n", 0)) return "";
    const std::size_t end = buffer_.find("\r\n");
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return line;
  }
  // Everything until the server closes.
  std::string ReadAll() {
    while (More()) {
    }
    return std::exchange(buffer_, {});
  }

 private:
  bool More() {
    char chunk[4096];
    const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }
  bool Fill(std::string_view until, std::size_t from) {
    while (buffer_.find(until, from) == std::string::npos) {
      if (!More()) return false;
    }
    return true;
  }

  int fd_;
  std::string buffer_;
};

}  // namespace tocsin
