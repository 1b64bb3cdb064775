// Maintenance windows: silences that were planned, by their own door.
#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "model/codec/common_proto.h"
#include "model/codec/organisation_proto.h"
#include "model/codec/response_proto.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

// Those of the request, and those of the organisation's intervals that it names, as they are now.
absl::Status ReadRecurrence(Api& api, const v1::CreateMaintenanceRequest& request, std::vector<RecurringTime>& to) {
  for (int i = 0; i < request.recurrence_size(); ++i) {
    TOCSIN_TRY(Annotate(FromProto(request.recurrence(i), to.emplace_back()), absl::StrFormat("recurrence[%d]", i)));
  }
  const RulesPtr rules = api.engine.rules();
  for (const std::string& name : request.time_intervals()) {
    const TimeInterval* interval = rules == nullptr ? nullptr : rules->organisation->Find(TimeIntervalId(name));
    if (interval == nullptr) return NotFound("the organisation has no time interval \"%s\"", name);
    to.insert(to.end(), interval->time_intervals.begin(), interval->time_intervals.end());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ListMaintenance(Api& api,
                             const Caller&,
                             const v1::ListMaintenanceRequest& request,
                             v1::ListMaintenanceResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [id, window] : responder.state().silences) {
      if (!window.maintenance || (!request.include_ended() && window.ends_at <= now.wall)) continue;
      ToProto(window, *response.add_windows());
    }
  });
  return absl::OkStatus();
}

absl::Status RunCreateMaintenance(Api& api,
                                  const Caller& caller,
                                  const v1::CreateMaintenanceRequest& request,
                                  v1::CommandResponse& response) {
  Silence window;
  window.maintenance = true;
  TOCSIN_ASSIGN(window.matchers, ReadMatchers(request.matchers()));
  window.service = ServiceId(request.service());
  window.starts_at = api.engine.Read().wall;
  window.ends_at = absl::InfiniteFuture();
  if (request.has_starts_at()) TOCSIN_TRY(Annotate(FromProto(request.starts_at(), window.starts_at), "starts_at"));
  if (request.has_ends_at()) TOCSIN_TRY(Annotate(FromProto(request.ends_at(), window.ends_at), "ends_at"));
  TOCSIN_TRY(ReadRecurrence(api, request, window.recurrence));
  window.comment = request.comment();
  window.created_by = caller.name;
  return Run(api, caller, request.request_id(), CreateSilence{std::move(window)}, response);
}

absl::Status RunEndMaintenance(Api& api,
                               const Caller& caller,
                               const v1::EndMaintenanceRequest& request,
                               v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), ExpireSilence{SilenceId(request.id()), /*maintenance=*/true}, response);
}

}  // namespace tocsin
