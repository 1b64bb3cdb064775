#include "api/handlers.h"
#include "base/status.h"
#include "escalation/roster.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

// The roster that pages go by; copied out, so that the responder is not held up by a year of shifts.
absl::StatusOr<Roster> CurrentRoster(Api& api) {
  std::optional<Roster> roster;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    if (responder.roster() != nullptr) roster = *responder.roster();
  });
  if (!roster) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  return *std::move(roster);
}

void AddEntry(const Roster& roster, const Schedule& schedule, absl::Time at, v1::WhoIsOnCallResponse& response) {
  auto& entry = *response.add_entries();
  entry.set_schedule(schedule.id.value());
  const Target target = ScheduleTarget{schedule.id};
  for (const Person& person : roster.Resolve({&target, 1}, at)) {
    auto& shown = *entry.add_people();
    shown.set_user(person.user.value());
    shown.set_reason(person.reason);
    if (const User* user = roster.organisation().Find(person.user)) shown.set_name(user->name);
  }
  if (const auto until = roster.NextChange(schedule.id, at)) ToProto(*until, *entry.mutable_until());
}

}  // namespace

absl::Status WhoIsOnCall(Api& api,
                         const Caller&,
                         const v1::WhoIsOnCallRequest& request,
                         v1::WhoIsOnCallResponse& response) {
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  absl::Time at = api.engine.Read().wall;
  if (request.has_at()) TOCSIN_TRY(Annotate(FromProto(request.at(), at), "at"));
  ToProto(at, *response.mutable_at());
  if (!request.schedule().empty()) {
    const Schedule* schedule = roster.organisation().Find(ScheduleId(request.schedule()));
    if (schedule == nullptr) return NotFound("schedule \"%s\" does not exist", request.schedule());
    AddEntry(roster, *schedule, at, response);
    return absl::OkStatus();
  }
  for (const Schedule& schedule : roster.organisation().schedules)
    AddEntry(roster, schedule, at, response);
  return absl::OkStatus();
}

absl::Status FinalSchedule(Api& api,
                           const Caller&,
                           const v1::FinalScheduleRequest& request,
                           v1::FinalScheduleResponse& response) {
  TOCSIN_ASSIGN(const Roster roster, CurrentRoster(api));
  absl::Time since = api.engine.Read().wall;
  if (request.has_since()) TOCSIN_TRY(Annotate(FromProto(request.since(), since), "since"));
  absl::Time until = since + absl::Hours(24 * 7);
  if (request.has_until()) TOCSIN_TRY(Annotate(FromProto(request.until(), until), "until"));
  TOCSIN_ASSIGN(const std::vector<Shift> shifts, roster.FinalSchedule(ScheduleId(request.schedule()), since, until));
  for (const Shift& shift : shifts) {
    auto& shown = *response.add_shifts();
    ToProto(shift.start, *shown.mutable_start());
    ToProto(shift.end, *shown.mutable_end());
    for (const UserId& user : shift.users)
      shown.add_users(user.value());
  }
  return absl::OkStatus();
}

}  // namespace tocsin
