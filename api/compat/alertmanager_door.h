// Alertmanager's API v2 but for POST /api/v2/alerts (ingest/doors.h): what amtool, karma, Grafana and dashboards ask.
//
//   GET  /api/v2/status /receivers /alerts /alerts/groups /silences /silence/ID
//   POST /api/v2/silences          DELETE /api/v2/silence/ID
//   POST /-/reload                 everything below /api/v1 but POST /api/v1/alerts: gone, as since 0.27
//
// Who may: an access token by its role (Bearer, or the password of Basic), as at the rest of the API: viewers read, responders
// silence. Without a token a program on this machine may, where POST /api/v2/alerts takes alerts without a key (the default
// integration has none), unless a browser asks on behalf of another site. A reload changes everything, and needs a token in any case. docs/compatibility.md says what differs from
// Alertmanager, and why.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"

#include "api/auth.h"
#include "api/methods.h"
#include "api/workers.h"
#include "ingest/keys.h"
#include "net/http_router.h"

namespace tocsin {

struct AlertmanagerOptions {
  IntegrationId default_integration{"default"};
  std::string address;  // where this server listens; shown as the cluster's one peer
  // Reads the configuration anew, and judges what it would change as an `apply` of this caller; absent: there is nothing to read.
  std::function<absl::Status(const Caller&)> reload;
};

// All outlive the server that uses the router. After IngestDoors::Register, whose subtree says how the API speaks.
void AddAlertmanagerRoutes(
    HttpRouter& router, Api& api, const Auth& auth, const KeyRing& keys, Workers& workers, AlertmanagerOptions options);

}  // namespace tocsin
