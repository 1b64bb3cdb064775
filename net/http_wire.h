// Private to net: heads of responses as bytes, targets of requests as paths.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "net/http.h"

namespace tocsin {

struct ResponseFraming {
  bool keep_alive = true;
  bool chunked = false;      // the body's length is not known yet
  bool until_close = false;  // nor can the peer (HTTP/1.0) take chunks
};

// Status line, headers, the empty line. Headers with a line break in them are left out: nobody splits our responses.
std::string SerializeHead(const HttpResponse& response, const ResponseFraming& framing, absl::Time now);

// Splits a request target ("/a/b/?x=1", "http://host/a", "*") into `request`. False when it is none of these.
bool ParseTarget(std::string_view target, HttpRequest& request);

}  // namespace tocsin
