// Which addresses a URL that anybody may have written can lead us to. The address of the peer itself is judged, when the
// socket is made: names, odd spellings of numbers and answers that change between two look-ups do not matter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include <sys/socket.h>

#include "net/network.h"

namespace tocsin {

// A value; cheap to copy while the list is short. By default only what is globally reachable is permitted: no loopback,
// private, link-local, multicast or reserved address, no cloud's metadata service, also not wrapped into IPv6.
class PeerRules {
 public:
  PeerRules() = default;
  // `allowed`: addresses or networks ("10.1.0.0/16", "fd00::/8", "127.0.0.1") that are permitted all the same.
  static absl::StatusOr<PeerRules> Parse(const std::vector<std::string>& allowed);

  // These, and this machine and private networks besides, which is where mail relays are; metadata services and link-local addresses
  // stay closed. For mail alone: whoever speaks SMTP says nothing before it has been greeted in SMTP.
  PeerRules WithOwnNetworks() const;

  // Families other than IPv4 and IPv6 are not permitted.
  bool Permits(const sockaddr& address, socklen_t length) const;
  // For an address in text form; false when it is none.
  bool Permits(std::string_view address) const;

 private:
  static const std::vector<Network>& Denied();
  bool Permits(const IpAddress& address) const;

  std::vector<Network> allowed_;
  bool own_networks_ = false;
};

}  // namespace tocsin
