// Fronts (nginx, HAProxy, a load balancer) in front of our doors: all that comes through one comes from its address, and who it is from
// stands in a header, which anybody could write. So headers count only from the addresses of --trusted_proxies, and of what they say only
// what a front of ours has written: read from the right, the first address that is none of theirs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "net/network.h"

namespace tocsin {

class TrustedProxies {
 public:
  TrustedProxies() = default;  // none: whoever connects is who it is from
  // Addresses and networks, as of --trusted_proxies.
  static absl::StatusOr<TrustedProxies> Parse(const std::vector<std::string>& networks);

  bool Trusts(const IpAddress& address) const;
  // Of an address in text form; false when it is none.
  bool Trusts(std::string_view address) const;

  // The values of X-Forwarded-For and of Forwarded (RFC 7239), each in the order in which they came.
  struct Headers {
    std::vector<std::string_view> x_forwarded_for;
    std::vector<std::string_view> forwarded;
  };
  // Whom a request is from that `peer` has handed us: `peer` unless it is trusted. Where an entry cannot be read, the front that wrote
  // it; where both headers are there and differ, `peer`: one of them passed through a front that does not know it, as a client wrote it.
  std::string ClientOf(std::string_view peer, const Headers& headers) const;

 private:
  std::vector<Network> networks_;
};

}  // namespace tocsin
