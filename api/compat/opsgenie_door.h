// Opsgenie's API, by its own paths, for clients that cannot be taught another one: alerts, heartbeats, who is on call, and lists of
// schedules, teams, users and escalations. See docs/compatibility.md.
//
// The key is that of an integration of the source `opsgenie`: `Authorization: GenieKey KEY`, or ?apiKey=KEY.
//
// A request about an alert is one command of the responder (model/opsgenie.h) and, when that is durable, the events that its row asks
// for; the 202 leaves when those are durable, too. What became of the request can be asked from then on: it is a row, of which the
// latest few thousand are kept.
#pragma once

#include "api/compat/event_door.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

inline constexpr std::string_view kOpsgenieIntegrations = "opsgenie";

// All outlive the server.
void AddOpsgenieRoutes(HttpRouter& router, Api& api, EventDoor& events, Workers& workers);

}  // namespace tocsin
