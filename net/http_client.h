// A small blocking HTTP client for the command line and for tests. No redirects, only http and https, bounded in time and size.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

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
};

// Any response is an OK, whatever its status. Unavailable: no response came; ResourceExhausted: it was too large.
absl::StatusOr<HttpResponse> Perform(const HttpCall& call);

}  // namespace tocsin
