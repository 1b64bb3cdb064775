// Takes TCP connections for a server to which each is dear, as one of TLS or of HTTP/2 is: bounds how many there are, of whom, and how quickly
// they come. Hands on those that are worth something: from whoever has begun to speak HTTP/2 or TLS, while there is room.
//
//   connection ──▶ waits until its first bytes are there ──▶ waits for its turn ──▶ `take` ──▶ the server, which closes it some day
//        └─ no room: closed            └─ silent, or another protocol: closed   └─ gone: closed
//
// A connection that says nothing costs a descriptor and some bytes here; what is beyond max_waiting pushes out the one that has
// been silent for the longest time, since whoever means it speaks at once. Bytes are only looked at and stay in the socket, so that the
// library finds all of them, and what it does with a connection is not slower for having come through here.
//
// Whoever has said no more than its first bytes may have said them to make the server work: a turn comes when fewer than max_unproven of those
// that were handed on are like that. The server gets no more than it serves, and who has left meanwhile it never sees.
//
// A server may make much of little: what has come by connections that nobody vouches for (Vouch: a caller with a key was served) is
// bounded together, and beyond it those that have said most are cut off. The server has read it by then, some tens of MiB at most.
//
// How many are open is what the server has not closed: a number of a descriptor with the socket's inode under it names a connection, and
// fstat says whether it still does. To ask the peer instead would not do: connections whose clients went away long ago are what piles up.
//
// Threads: one of its own, on which `take` is called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "net/forwarded.h"
#include "net/network.h"

namespace tocsin {

class ConnectionGate {
 public:
  enum class Protocol : std::uint8_t {
    kHttp2,  // its preface in the clear
    kTls,    // a whole first record of a handshake
  };
  struct Options {
    std::string host = "127.0.0.1";  // a name or an address, of IPv6 with brackets or without; [::] is both families
    bool any_is_both = false;        // 0.0.0.0, too
    std::uint16_t port = 0;          // 0: any free one, see port()
    Protocol protocol = Protocol::kHttp2;
    std::size_t max_connections = 4096;     // that were handed on and are open
    std::size_t reserved_connections = 64;  // of these; for loopback only
    std::size_t max_unproven = 1024;        // of these; that have said nothing more since they were handed on
    std::size_t max_waiting = 1024;         // that have not begun to speak, or wait for their turn
    // Of both kinds by one address, or one /64 of IPv6. Loopback has no such bound: proxies and gateways are there.
    std::size_t max_of_one_address = 1024;
    bool bounds_loopback = false;                // by max_of_one_address all the same: for tests
    TrustedProxies proxies = {};                 // have no such bound, either
    std::uint64_t max_unvouched_bytes = 0;       // 0: nobody vouches, and nothing is bounded by it
    absl::Duration patience = absl::Seconds(5);  // how long one waits here
  };
  struct Statistics {
    std::uint64_t accepted = 0;
    std::uint64_t full = 0;     // refused: max_connections, or its turn did not come
    std::uint64_t crowded = 0;  // refused: max_of_one_address
    std::uint64_t silent = 0;   // closed: no first bytes in time, or pushed out
    std::uint64_t gone = 0;     // closed by the client before it was handed on
    std::uint64_t foreign = 0;  // closed: the first bytes are of something else
    std::uint64_t greedy = 0;   // cut off: max_unvouched_bytes
    std::uint64_t open = 0;     // handed on and not closed, as of a second ago at most
    std::uint64_t waiting = 0;
  };
  // Owns `connection` from then on; `listener` is what it came by.
  using Take = std::function<void(int listener, int connection)>;

  // Listens; what comes waits in the kernel until Begin. An error says what is wrong with the address.
  static absl::StatusOr<std::unique_ptr<ConnectionGate>> Listen(Options options);
  // Stop(), unless that was done.
  ~ConnectionGate();

  void Begin(Take take);
  // Closes what waits, and listens no more. What was handed on is its owner's.
  void Stop();

  // The connection that was handed on and has its other end there is somebody's who may come. Any thread; at each call, it costs little.
  void Vouch(const IpAddress& address, std::uint16_t port);

  std::uint16_t port() const;
  Statistics ReadStatistics() const;

 private:
  class Impl;
  explicit ConnectionGate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
