// Where providers report what became of messages that they have taken (notify/receipts.h):
//
//   POST /receipts/N17/KEY       204 once it is durable, or where it changes nothing; 403 unless it is signed by an account of the
//                                organisation's; 404 when the message is not in memory (any more)
#pragma once

#include "engine/pipeline.h"
#include "net/http_router.h"

namespace tocsin {

// `engine` outlives the server.
void AddReceiptRoutes(HttpRouter& router, Engine& engine);

}  // namespace tocsin
