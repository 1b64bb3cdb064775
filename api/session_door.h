// Browsers' sessions. POST /login takes {"user": ..., "password": ...} and answers with a cookie that scripts cannot read and other
// sites cannot send; POST /logout ends it, and says where to log out at the provider by whom it was made (api/oidc_door.h); GET /session
// says whose it is. The cookie opens what a Bearer token opens of the API's JSON face, and nothing else.
//
// A call with the cookie must carry the header X-Tocsin-Csrf with what /login and /session have answered as "csrf": another site
// can make a browser send cookies, but neither read that answer nor set the header.
#pragma once

#include "absl/status/statusor.h"

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

// All three outlive the server that uses the router.
void AddSessionRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers);

// Who calls by HTTP: by the header Authorization, or else by the cookie of a session. PermissionDenied: the cookie came without
// the header, or from a page of another site.
absl::StatusOr<Caller> CallerOf(const Api& api, const Auth& auth, const HttpRequest& request);

}  // namespace tocsin
