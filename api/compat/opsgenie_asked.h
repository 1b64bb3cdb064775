// Private to api/compat: a request at Opsgenie's doors while it is being answered.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/compat/event_door.h"
#include "api/compat/opsgenie_wire.h"
#include "api/methods.h"
#include "api/workers.h"
#include "net/http_router.h"

namespace tocsin {

class OpsgenieExchange {
 public:
  OpsgenieExchange(HttpRequest asked, HttpResponder responder, OpenDoor opened, EventDoor& events)
      : request(std::move(asked)),
        door(std::move(opened)),
        id(RandomUuid()),
        responder_(std::move(responder)),
        events_(events),
        begun_(events.Read().engine) {}

  HttpRequest request;
  OpenDoor door;
  std::string id;  // of the request

  absl::Duration took() const { return events_.Read().engine - begun_; }
  OpsgenieAsked asked() const { return {id, took()}; }
  std::string Query(std::string_view name) const { return QueryValue(request.query, name).value_or(""); }
  // Once.
  void Send(HttpResponse response) { std::move(responder_).Send(std::move(response)); }

 private:
  HttpResponder responder_;
  EventDoor& events_;
  EngineTime begun_;
};
using OpsgenieExchangePtr = std::shared_ptr<OpsgenieExchange>;

// What the doors work with; outlives them.
struct OpsgenieRooms {
  Api& api;
  EventDoor& events;
  Workers& workers;
};

// Each answers one family of paths; `rest` is what follows its name, decoded.
void AnswerOpsgenieAlerts(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange);
void AnswerOpsgenieNetdata(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange);
void AnswerOpsgenieHeartbeats(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange);
// On a worker.
HttpResponse ListOpsgenieAlerts(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, bool count_only);
HttpResponse ReadOpsgenieSchedules(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange);
HttpResponse ReadOpsgenieTeams(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange);
HttpResponse ReadOpsgenieUsers(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange);
HttpResponse ReadOpsgenieEscalations(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange);

}  // namespace tocsin
