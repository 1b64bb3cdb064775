// The API as JSON over HTTP, by the unary rules of the Connect protocol (connectrpc.com/docs/protocol): POST
// /tocsin.v1.GroupService/ListGroups with a JSON body, `Content-Type: application/json`; an error is a status and
// {"code": "not_found", "message": "..."}. `application/proto` bodies work too.
#pragma once

#include <memory>

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

// All three outlive the server that uses the router.
void AddConnectRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers);

}  // namespace tocsin
