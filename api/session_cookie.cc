#include "api/session_cookie.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

std::string_view CookieName(bool secure) {
  return secure ? "__Host-tocsin" : "tocsin-session";
}

}  // namespace

bool IsSecure(const Api& api) {
  if (api.tls) return true;
  const OrganisationPtr organisation = api.engine.access()->organisation;
  return organisation != nullptr && organisation->public_url.starts_with("https://");
}

HttpHeader SetSessionCookie(const Api& api, std::string_view token, absl::Duration life) {
  const bool secure = IsSecure(api);
  return {"Set-Cookie", absl::StrFormat("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", CookieName(secure),
                                        token, absl::ToInt64Seconds(life), secure ? "; Secure" : "")};
}

std::string SessionCookie(const Api& api, const HttpRequest& request) {
  return CookieValue(request, CookieName(IsSecure(api)));
}

std::string CookieValue(const HttpRequest& request, std::string_view name) {
  std::string value;
  int found = 0;
  for (const HttpHeader& header : request.headers) {
    if (ToLower(header.name) != "cookie") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = Trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
      value = pair.substr(name.size() + 1);
      ++found;
    }
  }
  return found == 1 ? value : "";
}

std::string CsrfOf(std::string_view token) {
  return HashKey(absl::StrCat("csrf ", ToAbsl(token)));
}

bool IsOfAnotherSite(const Api& api, const HttpRequest& request) {
  const std::string_view site = request.header("Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  const std::string_view origin = request.header("Origin");
  if (origin.empty()) return false;
  const auto without_scheme = [](std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    return ToLower(url.substr(0, url.find('/')));
  };
  if (without_scheme(origin) == ToLower(request.header("Host"))) return false;
  const OrganisationPtr organisation = api.engine.access()->organisation;
  return organisation == nullptr || without_scheme(origin) != without_scheme(organisation->public_url);
}

}  // namespace tocsin
