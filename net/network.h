// Addresses of the Internet as values, and networks of them: "10.1.0.0/16", "fd00::/8", "127.0.0.1".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tocsin {

// IPv4 as ::ffff:a.b.c.d, so that an address is the same in whichever clothes it comes.
using IpAddress = std::array<std::uint8_t, 16>;

// Nothing but the address: no brackets, no port, no zone.
std::optional<IpAddress> ParseIpAddress(std::string_view text);
std::string FormatIpAddress(const IpAddress& address);
// The IPv4 address of four bytes in network order.
IpAddress FromIpv4(const void* four);
bool IsIpv4(const IpAddress& address);

class Network {
 public:
  // An address alone is the network of it.
  static absl::StatusOr<Network> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;

 private:
  IpAddress prefix_{};
  int bits_ = 0;
};

}  // namespace tocsin
