// Every HTTP door of a server on one router, and nothing else on it: tests/api/doors_test asks of each who may come in.
#pragma once

#include <string>

#include "api/auth.h"
#include "api/compat/alertmanager_door.h"
#include "api/compat/event_door.h"
#include "api/methods.h"
#include "api/workers.h"
#include "ingest/doors.h"
#include "net/http_router.h"
#include "server/instruments.h"

namespace tocsin {

struct HttpDoors {
  Engine& engine;
  Api& api;
  const Auth& auth;
  const KeyRing& keys;
  Workers& workers;
  IngestDoors& ingest;
  EventDoor& peers;
  Instruments& instruments;
  std::string link_key;
  AlertmanagerOptions alertmanager;
};

// All outlive the server that uses the router.
void AddHttpDoors(HttpRouter& router, const HttpDoors& doors);

}  // namespace tocsin
