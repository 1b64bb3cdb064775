// Load over HTTP: connections that are kept, one request at a time on each; and the other side, which is also what pages go to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace tocsin {

struct PostLoad {
  std::uint16_t port = 0;
  int connections = 32;
  std::function<const std::string&(std::uint64_t n)> request;  // the n-th of all
  absl::Duration warm = absl::Seconds(1);
  absl::Duration seconds = absl::Seconds(5);
};
// Requests per second that were answered with success; 0 when one was not.
double RunPosts(const PostLoad& load);

// Sends one request and reads the answer. False: it was none of success.
bool Exchange(int fd, const std::string& request);

// Reads requests as far as it must to know where each ends, and answers all of them the same: a thread for each connection. Serves
// until the process ends.
class PostSink {
 public:
  // `seen`, when it is there, is given each request whole, on the connection's thread, before it is answered.
  using Seen = std::function<void(std::string_view request)>;
  // Port 0: one that is free. 0 as port() afterwards: it cannot listen.
  explicit PostSink(std::uint16_t port, Seen seen = nullptr);
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
};

}  // namespace tocsin
