// Private to net: what a ConnectionGate can tell of a connection that it does not read from.
#pragma once

#include <array>
#include <cstdint>

#include <sys/socket.h>

#include "net/connection_gate.h"
#include "net/network.h"

namespace tocsin {

struct Peer {
  IpAddress address{};
  std::uint16_t port = 0;
  IpAddress source{};  // who counts as one: of IPv6 the network of 64 bits, of which one host has every address
  bool is_loopback = false;
  bool is_counted = false;  // by source
};
Peer PeerOf(const sockaddr_storage& address);

enum class FirstBytes : std::uint8_t {
  kToCome,
  kThere,
  kForeign,
};
FirstBytes LookAt(int fd, ConnectionGate::Protocol protocol);

// 0: it is no socket any more.
std::uint64_t InodeOf(int fd);
// All bytes that have ever come, read or not.
std::uint64_t ReceivedBy(int fd);

}  // namespace tocsin
