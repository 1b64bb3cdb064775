// Logging in by a provider of OpenID Connect, by the browser: the authorization code flow with PKCE.
//
//   GET  /login                          who may vouch for people; or whose session the browser has, and how to end it
//   GET  /login/oidc/NAME/start          leads to the provider, with what only this browser knows in a cookie
//   GET  /login/oidc/NAME/callback       and back: exchanges the code, and makes the session; or shows the code for a terminal
//   POST /login/oidc/NAME/logout         the provider says that somebody has logged out there (back-channel logout)
//
// Nobody is led anywhere but to the endpoints of the provider's document and to pages of this server: there is no address to go on to
// that a request could name. Codes, tokens and cookies are in no log and in no page but the one code that a person carries to a
// terminal, which is good with that terminal's own secret only.
#pragma once

#include <string>

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

class OidcDesk;

// All outlive the server that uses the router. `api.oidc` may be null: then nobody vouches for anybody.
void AddOidcRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers);

// Where a browser begins.
std::string StartUrl(const Api& api, const std::string& provider);
// Where to log out at the provider, too, after a session of its own has ended here; "": nowhere.
std::string LogoutUrl(const Api& api, TokenId session);

}  // namespace tocsin
