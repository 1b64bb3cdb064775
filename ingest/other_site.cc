#include "ingest/other_site.h"

#include <string>
#include <string_view>

#include "base/strings.h"

namespace tocsin {
namespace {

// The host of "http://localhost:3000" or "localhost:3000", without its port.
std::string_view HostOf(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find_first_of(":/"));
}

// 127.evil.example is a name, and may lead here.
bool IsOfThisMachine(std::string_view host) {
  const std::string lower = ToLower(host);
  const bool is_number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return lower == "localhost" || lower == "[::1]" || (is_number && host.starts_with("127."));
}

}  // namespace

bool IsOfAnotherSite(const HttpRequest& request) {
  const std::string_view site = request.header("Sec-Fetch-Site");
  const std::string_view origin = request.header("Origin");
  const std::string_view host = request.header("Host");
  return (!site.empty() && site != "same-origin" && site != "none") ||
         (!origin.empty() && !IsOfThisMachine(HostOf(origin))) || (!host.empty() && !IsOfThisMachine(HostOf(host)));
}

}  // namespace tocsin
