// A small blocking HTTP client for the command line, for sign-ins by providers and for tests. No redirects, only http and https, bounded in time and size.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <sys/socket.h>

#include "net/http.h"

namespace tocsin {

struct HttpCall {
  std::string method = "GET";
  std::string url = {};
  HttpHeaders headers = {};
  std::string body = {};
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration timeout = absl::Seconds(30);  // for all of it
  std::size_t max_response_bytes = 16U << 20U;
  std::string ca_file = {};      // empty: the system's
  std::string unix_socket = {};  // connects there, whatever host the URL names; its path is sent as it stands
  // Whether the address of the peer itself may be connected to, after the name was looked up. With it, proxies of the environment
  // are left out: their addresses would be judged in place of the peer's.
  std::function<bool(const sockaddr& address, socklen_t length)> permits = {};
};

// Any response is an OK, whatever its status. Unavailable: no response came; PermissionDenied: `permits` said no; ResourceExhausted: it was too large.
absl::StatusOr<HttpResponse> Perform(const HttpCall& call);

}  // namespace tocsin
