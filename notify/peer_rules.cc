#include "notify/peer_rules.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include <netinet/in.h>

#include "base/status.h"

namespace tocsin {
namespace {

// IANA's special-purpose registries, what is not globally reachable; and one metadata service that has a public address.
constexpr std::string_view kDenied[] = {
    "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",      "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",   "198.18.0.0/15",  "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "168.63.129.16/32", "::/96",          "64:ff9b:1::/48",
    "100::/64",       "2001::/23",    "2001:db8::/32",  "3fff::/20",        "5f00::/16",      "fc00::/7",
    "fe80::/10",      "fec0::/10",    "ff00::/8",
};

// Of what is denied, where a company's own servers are; and of that, what answers anybody on the machine with its credentials.
constexpr std::string_view kOwn[] = {"10.0.0.0/8", "100.64.0.0/10",  "127.0.0.0/8", "172.16.0.0/12",
                                     "::1/128",    "192.168.0.0/16", "fc00::/7"};
constexpr std::string_view kMetadata[] = {"100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::254/128"};

std::vector<Network> ParseAll(std::span<const std::string_view> texts) {
  std::vector<Network> parsed;
  for (const std::string_view text : texts) {
    const absl::StatusOr<Network> network = Network::Parse(text);
    TOCSIN_CHECK(network.ok(), text);
    parsed.push_back(*network);
  }
  return parsed;
}

bool IsIn(std::span<const Network> networks, const IpAddress& address) {
  return std::ranges::any_of(networks, [&](const Network& network) { return network.Contains(address); });
}

// The IPv4 address that a translator or tunnel would take out of an IPv6 one: NAT64 (64:ff9b::/96) and 6to4 (2002::/16).
std::optional<IpAddress> Embedded(const IpAddress& address) {
  constexpr IpAddress kNat64 = {0, 0x64, 0xFF, 0x9B};
  if (std::equal(kNat64.begin(), kNat64.begin() + 12, address.begin())) return FromIpv4(address.data() + 12);
  if (address[0] == 0x20 && address[1] == 0x02) return FromIpv4(address.data() + 2);
  return std::nullopt;
}

}  // namespace

const std::vector<Network>& PeerRules::Denied() {
  static const std::vector<Network> networks = ParseAll(kDenied);
  return networks;
}

absl::StatusOr<PeerRules> PeerRules::Parse(const std::vector<std::string>& allowed) {
  PeerRules rules;
  for (const std::string& text : allowed) {
    TOCSIN_ASSIGN(const Network network, Network::Parse(text));
    rules.allowed_.push_back(network);
  }
  return rules;
}

PeerRules PeerRules::WithOwnNetworks() const {
  PeerRules rules = *this;
  rules.own_networks_ = true;
  return rules;
}

bool PeerRules::Permits(const IpAddress& address) const {
  static const std::vector<Network> own = ParseAll(kOwn);
  static const std::vector<Network> metadata = ParseAll(kMetadata);
  if (IsIn(allowed_, address)) return true;
  if (own_networks_ && IsIn(own, address)) return !IsIn(metadata, address);
  if (IsIn(Denied(), address)) return false;
  const std::optional<IpAddress> inner = Embedded(address);
  return !inner || Permits(*inner);
}

bool PeerRules::Permits(const sockaddr& address, socklen_t length) const {
  if (address.sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return Permits(FromIpv4(&v4.sin_addr));
  }
  if (address.sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    IpAddress bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Permits(bytes);
  }
  return false;
}

bool PeerRules::Permits(std::string_view address) const {
  const std::optional<IpAddress> bytes = ParseIpAddress(address);
  return bytes && Permits(*bytes);
}

}  // namespace tocsin
