#include "net/http_wire.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin {
namespace {

bool IsClean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// "Sun, 06 Nov 1994 08:49:37 GMT"; formatted once a second and thread.
const std::string& HttpDate(absl::Time now) {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (const std::int64_t unix_s = absl::ToUnixSeconds(now); unix_s != second) {
    second = unix_s;
    text = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", now, absl::UTCTimeZone());
  }
  return text;
}

bool HasNoBody(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

std::string SerializeHead(const HttpResponse& response, const ResponseFraming& framing, absl::Time now) {
  std::string head = absl::StrFormat("HTTP/1.1 %d %s\r\n", response.status, HttpReason(response.status));
  for (const HttpHeader& header : response.headers) {
    if (!IsClean(header.name) || !IsClean(header.value)) continue;
    head.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  head.append("Date: ").append(HttpDate(now)).append("\r\n");
  if (framing.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (!framing.until_close && !HasNoBody(response.status)) {
    head += absl::StrFormat("Content-Length: %d\r\n", response.body.size());
  }
  if (!framing.keep_alive) head += "Connection: close\r\n";
  return head += "\r\n";
}

bool ParseTarget(std::string_view target, HttpRequest& request) {
  if (target == "*") {
    request.path = "*";
    return true;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (!target.starts_with('/')) target = "/";
    break;
  }
  if (!target.starts_with('/')) return false;
  const std::size_t question = std::min(target.find('?'), target.size());
  if (question < target.size()) request.query = target.substr(question + 1);
  request.raw_path = target.substr(0, question);
  request.path = PercentDecode(request.raw_path, /*plus_is_space=*/false);
  while (request.path.size() > 1 && request.path.ends_with('/'))
    request.path.pop_back();
  return std::ranges::none_of(request.path, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace tocsin
