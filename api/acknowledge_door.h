// The signed link in a page: GET shows what would be acknowledged and a button, POST does it. A GET never changes anything: mail
// scanners follow links. No login: the token names the group, the person and an end, and is signed.
#pragma once

#include <string>

#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

// `link_key` as in Responder::Options. The references outlive the server.
void AddAcknowledgeRoutes(HttpRouter& router, Api& api, std::string link_key, Workers& workers);

}  // namespace tocsin
