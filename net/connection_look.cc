#include "net/connection_look.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace tocsin {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kRecordHead = 5;
constexpr std::size_t kMostRecord = 16 * 1024;

FirstBytes LookForPreface(std::string_view said) {
  if (said != kPreface.substr(0, said.size())) return FirstBytes::kForeign;
  return said.size() == kPreface.size() ? FirstBytes::kThere : FirstBytes::kToCome;
}

// `readable`: how many bytes are there in all.
FirstBytes LookForRecord(std::string_view said, std::size_t readable) {
  const auto byte = [said](std::size_t at) { return static_cast<std::uint8_t>(said[at]); };
  if (byte(0) != 0x16 || (said.size() > 1 && byte(1) != 3)) return FirstBytes::kForeign;
  if (said.size() < kRecordHead) return FirstBytes::kToCome;
  const std::size_t length = std::size_t{byte(3)} << 8U | byte(4);
  if (length == 0 || length > kMostRecord) return FirstBytes::kForeign;
  return readable >= kRecordHead + length ? FirstBytes::kThere : FirstBytes::kToCome;
}

}  // namespace

Peer PeerOf(const sockaddr_storage& address) {
  Peer peer;
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(peer.address.data(), &six.sin6_addr, peer.address.size());
    peer.port = ntohs(six.sin6_port);
    peer.is_loopback = IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
  } else {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    peer.address = FromIpv4(&four.sin_addr);
    peer.port = ntohs(four.sin_port);
  }
  peer.source = peer.address;
  if (IsIpv4(peer.address)) {
    peer.is_loopback = peer.address[12] == 127;
  } else {
    std::fill(peer.source.begin() + 8, peer.source.end(), std::uint8_t{0});
  }
  return peer;
}

FirstBytes LookAt(int fd, ConnectionGate::Protocol protocol) {
  char bytes[kPreface.size()];
  const bool is_tls = protocol == ConnectionGate::Protocol::kTls;
  const ssize_t got = recv(fd, bytes, is_tls ? kRecordHead : sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? FirstBytes::kToCome : FirstBytes::kForeign;
  if (got == 0) return FirstBytes::kToCome;  // its end comes as an event
  const std::string_view said(bytes, static_cast<std::size_t>(got));
  if (!is_tls) return LookForPreface(said);
  int readable = 0;
  ioctl(fd, FIONREAD, &readable);
  return LookForRecord(said, static_cast<std::size_t>(std::max(readable, 0)));
}

std::uint64_t InodeOf(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

// All bytes that have ever come, read or not.
std::uint64_t ReceivedBy(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

}  // namespace tocsin
