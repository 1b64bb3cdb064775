// What both kinds of server, the engine's and a gateway's, do as processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include <signal.h>

namespace tocsin {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};
// Of `--flag`: host:port.
absl::StatusOr<Address> ParseAddress(std::string_view flag, const std::string& text);

// SIGTERM, SIGINT and SIGHUP are taken by the main thread alone, which waits for them. Made before there are other threads.
class ProcessSignals {
 public:
  enum class Asked : std::uint8_t {
    kNothing,
    kReload,
    kEnd,
  };
  ProcessSignals();
  Asked WaitASecond() const;

 private:
  sigset_t set_;
};

// The log's level, what gRPC writes to it, libcurl, libsodium, and as many descriptors as the process may have (the soft limit is
// often 1024). False: a library does not start, and standard error says so.
bool StartProcess(const std::string& log_level);

// Takes from everybody but its owner what they may do in a folder, such as one that `mkdir` or a container engine has made. Says so when it
// cannot.
void CloseToOthers(const std::string& folder);

// How many connections there may be: to the HTTP port half of the descriptors, to the gRPC port an eighth, and as many again that have
// not begun to speak. The others are for pages and the store: whoever takes all connections shall not take the sockets that pages go out
// by.
std::size_t MostHttpConnections();
std::size_t MostGrpcConnections();

}  // namespace tocsin
