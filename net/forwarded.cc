#include "net/forwarded.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostHops = 32;

// 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1], [2001:db8::1]:4711.
std::optional<IpAddress> ReadNode(std::string_view node) {
  const auto is_port = [](std::string_view text) {
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (node.starts_with('[')) {
    const std::size_t end = node.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = node.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    return ParseIpAddress(node.substr(1, end - 1));
  }
  const std::size_t colon = node.find(':');
  if (colon != std::string_view::npos && colon == node.rfind(':')) {
    if (!is_port(node.substr(colon + 1))) return std::nullopt;
    node = node.substr(0, colon);
  }
  return ParseIpAddress(node);
}

std::optional<IpAddress> ReadEntry(std::string_view entry) {
  return ReadNode(Trim(entry));
}

// for=192.0.2.1;proto=https;by="..."
std::optional<IpAddress> ReadElement(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = element.find(';');
    const std::string_view pair = Trim(element.substr(0, end));
    element = end == std::string_view::npos ? std::string_view() : element.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || ToLower(pair.substr(0, equals)) != "for") continue;
    std::string_view node = pair.substr(equals + 1);
    if (node.size() >= 2 && node.starts_with('"') && node.ends_with('"')) node = node.substr(1, node.size() - 2);
    return ReadNode(node);
  }
  return std::nullopt;
}

// The entries of lists in several headers, from the right. Split at commas and by nothing else: what stands to the left is a client's,
// and a quotation mark that it opens must not swallow what a front has added.
class FromTheRight {
 public:
  explicit FromTheRight(const std::vector<std::string_view>& values) : values_(values), left_(values.size()) {}
  std::optional<std::string_view> Next() {
    if (!rest_) {
      if (left_ == 0) return std::nullopt;
      rest_ = values_[--left_];
    }
    const std::size_t comma = rest_->rfind(',');
    const std::string_view entry = comma == std::string_view::npos ? *rest_ : rest_->substr(comma + 1);
    rest_ = comma == std::string_view::npos ? std::nullopt : std::optional(rest_->substr(0, comma));
    return entry;
  }

 private:
  const std::vector<std::string_view>& values_;
  std::size_t left_;
  std::optional<std::string_view> rest_;
};

using Read = std::optional<IpAddress> (*)(std::string_view);
IpAddress Walk(const TrustedProxies& proxies,
               const IpAddress& peer,
               const std::vector<std::string_view>& values,
               Read read) {
  IpAddress at = peer;
  FromTheRight entries(values);
  for (std::size_t hops = 0; hops < kMostHops && proxies.Trusts(at); ++hops) {
    const std::optional<std::string_view> entry = entries.Next();
    if (!entry) break;
    const std::optional<IpAddress> said = read(*entry);
    if (!said) break;
    at = *said;
  }
  return at;
}

}  // namespace

absl::StatusOr<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& text : networks) {
    TOCSIN_ASSIGN(const Network network, Network::Parse(text));
    proxies.networks_.push_back(network);
  }
  return proxies;
}

bool TrustedProxies::Trusts(const IpAddress& address) const {
  return std::ranges::any_of(networks_, [&](const Network& network) { return network.Contains(address); });
}

bool TrustedProxies::Trusts(std::string_view address) const {
  if (networks_.empty()) return false;
  const std::optional<IpAddress> parsed = ParseIpAddress(address);
  return parsed && Trusts(*parsed);
}

std::string TrustedProxies::ClientOf(std::string_view peer, const Headers& headers) const {
  const std::optional<IpAddress> from = networks_.empty() ? std::nullopt : ParseIpAddress(peer);
  if (!from || !Trusts(*from)) return std::string(peer);
  if (headers.forwarded.empty()) return FormatIpAddress(Walk(*this, *from, headers.x_forwarded_for, ReadEntry));
  const IpAddress by_forwarded = Walk(*this, *from, headers.forwarded, ReadElement);
  if (headers.x_forwarded_for.empty()) return FormatIpAddress(by_forwarded);
  const IpAddress by_x = Walk(*this, *from, headers.x_forwarded_for, ReadEntry);
  return FormatIpAddress(by_x == by_forwarded ? by_x : *from);
}

}  // namespace tocsin
