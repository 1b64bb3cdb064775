#include "net/network.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr IpAddress kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};

}  // namespace

IpAddress FromIpv4(const void* four) {
  IpAddress bytes = kMapped;
  std::memcpy(bytes.data() + 12, four, 4);
  return bytes;
}

bool IsIpv4(const IpAddress& address) {
  return std::equal(kMapped.begin(), kMapped.begin() + 12, address.begin());
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  in_addr v4{};
  if (inet_pton(AF_INET, terminated.c_str(), &v4) == 1) return FromIpv4(&v4);
  IpAddress v6{};
  if (inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1) return v6;
  return std::nullopt;
}

std::string FormatIpAddress(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = IsIpv4(address);
  inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

absl::StatusOr<Network> Network::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const std::optional<IpAddress> bytes = ParseIpAddress(address);
  if (!bytes) return Invalid("\"%s\" is not an IP address or network", text);
  const bool v4 = address.find(':') == std::string_view::npos;
  const int longest = v4 ? 32 : 128;
  int bits = longest;
  if (slash != std::string_view::npos &&
      (!absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &bits) || bits < 0 || bits > longest)) {
    return Invalid("\"%s\": the prefix length must be within 0 and %d", text, longest);
  }
  Network network;
  network.prefix_ = *bytes;
  network.bits_ = v4 ? bits + 96 : bits;
  return network;
}

bool Network::Contains(const IpAddress& address) const {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const int left = bits_ - static_cast<int>(i) * 8;
    if (left <= 0) return true;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
    if ((address[i] & mask) != (prefix_[i] & mask)) return false;
  }
  return true;
}

}  // namespace tocsin
