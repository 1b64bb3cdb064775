#include "notify/peer_rules.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};

Bytes FromV4(const void* four) {
  Bytes bytes = kMapped;
  std::memcpy(bytes.data() + 12, four, 4);
  return bytes;
}

std::optional<Bytes> ParseAddress(const std::string& text) {
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return FromV4(&v4);
  Bytes v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return v6;
  return std::nullopt;
}

// IANA's special-purpose registries, what is not globally reachable; and one metadata service that has a public address.
constexpr std::string_view kDenied[] = {
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",      "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",   "198.18.0.0/15",  "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "168.63.129.16/32", "::/96",          "64:ff9b:1::/48",
    "100::/64",       "2001::/23",    "2001:db8::/32",  "3fff::/20",        "5f00::/16",      "fc00::/7",
    "fe80::/10",      "fec0::/10",    "ff00::/8",
};

// The IPv4 address that a translator or tunnel would take out of an IPv6 one: NAT64 (64:ff9b::/96) and 6to4 (2002::/16).
std::optional<Bytes> Embedded(const Bytes& address) {
  constexpr Bytes kNat64 = {0, 0x64, 0xFF, 0x9B};
  if (std::equal(kNat64.begin(), kNat64.begin() + 12, address.begin())) return FromV4(address.data() + 12);
  if (address[0] == 0x20 && address[1] == 0x02) return FromV4(address.data() + 2);
  return std::nullopt;
}

}  // namespace

bool PeerRules::Network::Contains(const Bytes& address) const {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const int left = bits - static_cast<int>(i) * 8;
    if (left <= 0) return true;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
    if ((address[i] & mask) != (prefix[i] & mask)) return false;
  }
  return true;
}

absl::StatusOr<PeerRules::Network> PeerRules::ParseNetwork(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const std::optional<Bytes> bytes = ParseAddress(address);
  if (!bytes) return Invalid("\"%s\" is not an IP address or network", text);
  const bool v4 = address.find(':') == std::string::npos;
  const int longest = v4 ? 32 : 128;
  int bits = longest;
  if (slash != std::string_view::npos &&
      (!absl::SimpleAtoi(ToAbsl(text.substr(slash + 1)), &bits) || bits < 0 || bits > longest)) {
    return Invalid("\"%s\": the prefix length must be within 0 and %d", text, longest);
  }
  return Network{*bytes, v4 ? bits + 96 : bits};
}

const std::vector<PeerRules::Network>& PeerRules::Denied() {
  static const std::vector<Network> networks = [] {
    std::vector<Network> parsed;
    for (const std::string_view text : kDenied) {
      const absl::StatusOr<Network> network = ParseNetwork(text);
      TOCSIN_CHECK(network.ok(), text);
      parsed.push_back(*network);
    }
    return parsed;
  }();
  return networks;
}

absl::StatusOr<PeerRules> PeerRules::Parse(const std::vector<std::string>& allowed) {
  PeerRules rules;
  for (const std::string& text : allowed) {
    TOCSIN_ASSIGN(const Network network, ParseNetwork(text));
    rules.allowed_.push_back(network);
  }
  return rules;
}

bool PeerRules::Permits(const Bytes& address) const {
  const auto contains = [&](const Network& network) { return network.Contains(address); };
  if (std::ranges::any_of(allowed_, contains)) return true;
  if (std::ranges::any_of(Denied(), contains)) return false;
  const std::optional<Bytes> inner = Embedded(address);
  return !inner || Permits(*inner);
}

bool PeerRules::Permits(const sockaddr& address, socklen_t length) const {
  if (address.sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return Permits(FromV4(&v4.sin_addr));
  }
  if (address.sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    Bytes bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Permits(bytes);
  }
  return false;
}

bool PeerRules::Permits(std::string_view address) const {
  const std::optional<Bytes> bytes = ParseAddress(std::string(address));
  return bytes && Permits(*bytes);
}

}  // namespace tocsin
