// Calendar feeds: GET /calendar/TOKEN.ics, for programs that know nothing but an address. The token in it is the secret
// (api/calendar_token.h): it opens this one feed and nothing else, and is never logged. One that is not known, was revoked or has
// run out is not found: an empty calendar would make those who subscribe believe that they are free.
#pragma once

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

// The references outlive the server.
void AddCalendarRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers);

}  // namespace tocsin
