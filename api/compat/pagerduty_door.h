// PagerDuty's Events API, by its own paths, for clients that cannot be taught another one. Who sends to us in its place says only
// another host; see docs/compatibility.md.
//
//   POST /v2/enqueue                                 events v2: 202 and dedup_key
//   POST /v2/change/enqueue                          change events: 202
//   POST /generic/2010-04-15/create_event.json       events v1: 200 and incident_key
//   POST /agent/2014-03-14/heartbeat                 pdagent's report about itself: 200, and nothing follows from it
//
// routing_key and service_key are the key of an integration of the source `pagerduty`. A yes is given when the event is in the
// fsynced journal, also to an acknowledgement or a resolve of what is not open: that is dropped, and remembered for `explain`.
//
// There is no limit of events a minute. What is too much for the engine is refused as PagerDuty refuses (v2: 429, v1: 403, the same
// words) with Retry-After; our own trouble is a 503. Neither makes a client give an event up.
#pragma once

#include <functional>

#include "api/compat/event_door.h"
#include "model/command.h"
#include "net/http_router.h"

namespace tocsin {

inline constexpr std::string_view kPagerDutyIntegrations = "pagerduty";

// The engine's Execute: change events are its to keep.
using ExecuteCommand = std::function<void(Command, CommandDone)>;

// `events` outlives the server.
void AddPagerDutyRoutes(HttpRouter& router, EventDoor& events, ExecuteCommand execute);

}  // namespace tocsin
