#include "absl/cleanup/cleanup.h"

#include "api/handlers.h"
#include "base/status.h"
#include "engine/policy_simulation.h"
#include "escalation/seconds.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {

absl::Status SimulatePolicy(Api& api,
                            const Caller&,
                            const v1::SimulatePolicyRequest& request,
                            v1::SimulatePolicyResponse& response) {
  PolicySimulation what;
  what.policy = PolicyId(request.policy());
  what.at = api.engine.Read().wall;
  what.service = ServiceId(request.service());
  if (request.has_at()) TOCSIN_TRY(Annotate(FromProto(request.at(), what.at), "at"));
  // Beyond, schedules say nothing, and wall clocks end.
  if (what.at < ToTime(kFirstInstant) || what.at > ToTime(kEndInstant)) {
    return Invalid("at: must be in the years %d to %d", kFirstYear, kEndYear);
  }
  if (request.severity() != v1::SEVERITY_UNKNOWN) {
    TOCSIN_TRY(Annotate(FromProto(request.severity(), what.severity), "severity"));
  }
  if (request.urgency() != v1::URGENCY_UNSPECIFIED) {
    TOCSIN_TRY(Annotate(FromProto(request.urgency(), what.urgency.emplace()), "urgency"));
  }
  if (request.has_length()) TOCSIN_TRY(Annotate(FromProto(request.length(), what.length), "length"));
  if (request.has_answered_after()) {
    TOCSIN_TRY(Annotate(FromProto(request.answered_after(), what.answered_after.emplace()), "answered_after"));
  }
  if (!api.simulations->try_acquire()) {
    return Exhausted("%d simulations are under way, as many as run at once: try again in a moment", kSimulations);
  }
  const absl::Cleanup release = [&api] { api.simulations->release(); };
  // Copied out, so that the responder is not held up by a month of pages.
  OrganisationPtr organisation;
  std::vector<Row> rows;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    organisation = responder.state().organisation;
    for (const auto& [id, row] : responder.state().rounds)
      rows.emplace_back(row);
    for (const auto& [id, row] : responder.state().editions)
      rows.emplace_back(row);
    for (const auto& [id, row] : responder.state().schedule_changes)
      rows.emplace_back(row);
    for (const auto& [id, row] : responder.state().schedule_watches)
      rows.emplace_back(row);
  });
  if (organisation == nullptr) {
    return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  }
  TOCSIN_ASSIGN(const SimulatedTimeline timeline, Simulate(organisation, std::move(rows), what));
  ToProto(what.at, *response.mutable_at());
  for (const TimelineEntry& entry : timeline.entries)
    ToProto(entry, *response.add_entries());
  response.set_unfinished(timeline.unfinished);
  return absl::OkStatus();
}

}  // namespace tocsin
