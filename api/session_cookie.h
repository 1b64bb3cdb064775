// The cookie of a browser's session, and what keeps other sites from using it. What the cookie opens stands in session_door.h.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "api/methods.h"
#include "net/http.h"

namespace tocsin {

// Behind TLS, be it ours or of what stands before us, cookies are called __Host-: this host only, set by https only, so that nobody
// slips in a session of theirs.
bool IsSecure(const Api& api);

HttpHeader SetSessionCookie(const Api& api, std::string_view token, absl::Duration life);
std::string SessionCookie(const Api& api, const HttpRequest& request);
// "" when there is none, or more than one: then somebody else has set one of them.
std::string CookieValue(const HttpRequest& request, std::string_view name);

// Of the session alone: who has it does not have the session.
std::string CsrfOf(std::string_view token);

// A browser says of what page a request is. Programs say nothing.
bool IsOfAnotherSite(const Api& api, const HttpRequest& request);

}  // namespace tocsin
