#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"
#include "model/matcher.h"

namespace tocsin {

absl::Status ListSilences(Api& api,
                          const Caller&,
                          const v1::ListSilencesRequest& request,
                          v1::ListSilencesResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [id, silence] : responder.state().silences) {
      if (silence.maintenance) continue;
      if (request.include_ended() || silence.ends_at > now.wall) ToProto(silence, *response.add_silences());
    }
  });
  return absl::OkStatus();
}

absl::Status RunCreateSilence(Api& api,
                              const Caller& caller,
                              const v1::CreateSilenceRequest& request,
                              v1::CommandResponse& response) {
  Silence silence;
  silence.id = SilenceId(request.id());
  TOCSIN_ASSIGN(silence.matchers, ReadMatchers(request.matchers()));
  silence.starts_at = api.engine.Read().wall;
  if (request.has_starts_at()) TOCSIN_TRY(Annotate(FromProto(request.starts_at(), silence.starts_at), "starts_at"));
  if (!request.has_ends_at()) return Invalid("ends_at: a silence needs an end");
  TOCSIN_TRY(Annotate(FromProto(request.ends_at(), silence.ends_at), "ends_at"));
  silence.comment = request.comment();
  silence.created_by = caller.name;
  return Run(api, caller, request.request_id(), CreateSilence{std::move(silence)}, response);
}

absl::Status RunExpireSilence(Api& api,
                              const Caller& caller,
                              const v1::ExpireSilenceRequest& request,
                              v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), ExpireSilence{SilenceId(request.id())}, response);
}

}  // namespace tocsin
