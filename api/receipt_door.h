// Where providers report what became of messages that they have taken (notify/receipts.h):
//
//   POST /receipts/N17/KEY       204 once it is durable, or where it changes nothing; 403 unless it is signed by an account of the
//                                organisation's; 404 when the message is not in memory (any more)
#pragma once

#include "api/methods.h"
#include "net/http_router.h"

namespace tocsin {

// `api` outlives the server.
void AddReceiptRoutes(HttpRouter& router, Api& api);

}  // namespace tocsin
