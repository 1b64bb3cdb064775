// Where signals come in that are expected (model/heartbeat.h), from cron jobs, scripts and other systems' dead-man switches:
//
//   GET | POST | HEAD /v1/heartbeats/NAME?key=KEY      or with `Authorization: Bearer KEY`; the key of any integration
//
// 202 once it is durable. A GET counts, too: `curl URL` at the end of a script is how most of them say that they are done.
#pragma once

#include "engine/pipeline.h"
#include "ingest/keys.h"
#include "net/http_router.h"

namespace tocsin {

// The references outlive the server.
void AddHeartbeatRoutes(HttpRouter& router, Engine& engine, const KeyRing& keys);

}  // namespace tocsin
