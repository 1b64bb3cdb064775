#include "api/handlers.h"
#include "api/records.h"
#include "engine/responder_heartbeats.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {

absl::Status ListHeartbeats(Api& api,
                            const Caller&,
                            const v1::ListHeartbeatsRequest& request,
                            v1::ListHeartbeatsResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [name, id] : responder.state().heartbeat_of) {
      if (!request.name().empty() && name.value() != request.name()) continue;
      const Heartbeat& row = responder.state().heartbeats.at(id);
      auto& standing = *response.add_heartbeats();
      ToProto(row, *standing.mutable_heartbeat());
      const EngineTime at = ExpiresAt(row, responder.listening_since(), now);
      if (at != EngineTime::Infinite()) ToProto(ExpectedWall(now, at), *standing.mutable_expires_at());
    }
  });
  if (!request.name().empty() && response.heartbeats().empty()) {
    return NotFound("heartbeat \"%s\" does not exist", request.name());
  }
  return absl::OkStatus();
}

absl::Status RunPingHeartbeat(Api& api,
                              const Caller& caller,
                              const v1::PingHeartbeatRequest& request,
                              v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), PingHeartbeat{HeartbeatName(request.name())}, response);
}

}  // namespace tocsin
