#include "api/on_call.h"

#include <algorithm>

#include "api/handlers.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/roster.h"
#include "model/codec/common_proto.h"

namespace tocsin {

absl::StatusOr<Roster> CurrentRoster(Api& api) {
  std::optional<Roster> roster;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    if (responder.roster() != nullptr) roster = *responder.roster();
  });
  if (!roster) return Precondition("there is no organisation yet; `tocsin apply FILE...` declares one");
  return *std::move(roster);
}

namespace {

constexpr std::size_t kPeopleShown = 100'000;  // of a final schedule: one for each shift

// The schedule, or what is left of one that was removed. Whoever was on call by it stays so.
absl::StatusOr<Schedule> FindSchedule(Api& api, const Roster& roster, const std::string& id) {
  if (const Schedule* schedule = roster.organisation().Find(ScheduleId(id))) return *schedule;
  std::optional<Schedule> former;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const auto& [_, edition] : responder.state().editions) {
      if (edition.schedule.id == ScheduleId(id)) former = edition.schedule;
    }
  });
  if (!former) return NotFound("schedule \"%s\" does not exist", id);
  return *std::move(former);
}

void Show(const Roster& roster, const Person& person, v1::OnCallPerson& to) {
  to.set_user(person.user.value());
  to.set_reason(person.reason);
  if (const User* user = roster.organisation().Find(person.user)) to.set_name(user->name);
}

// Whether what was changed by hand counts in it: by who is on call because of it, or by whom it takes off.
bool IsOverridden(const Schedule& schedule, const Shift& shift, std::span<const Person> people) {
  const auto overlaps = [&](const auto& change) { return change.start < shift.end && shift.start < change.end; };
  return std::ranges::any_of(schedule.overrides, overlaps) ||
         std::ranges::any_of(schedule.temporary_schedules, overlaps) ||
         std::ranges::any_of(people, [](const Person& person) {
           return person.reason.find(": override ") != std::string::npos ||
                  person.reason.find(": temporary schedule") != std::string::npos;
         });
}

void AddEntry(const Roster& roster, const Schedule& schedule, absl::Time at, v1::WhoIsOnCallResponse& response) {
  auto& entry = *response.add_entries();
  entry.set_schedule(schedule.id.value());
  const Target target = ScheduleTarget{schedule.id};
  for (const Person& person : roster.Resolve({&target, 1}, at))
    Show(roster, person, *entry.add_people());
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
    TOCSIN_ASSIGN(const Schedule schedule, FindSchedule(api, roster, request.schedule()));
    AddEntry(roster, schedule, at, response);
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
  TOCSIN_ASSIGN(const Schedule schedule, FindSchedule(api, roster, request.schedule()));
  std::size_t people_shown = 0;
  response.set_name(schedule.name);
  response.set_time_zone(schedule.time_zone);
  const Target target = ScheduleTarget{schedule.id};
  for (const Shift& shift : shifts) {
    people_shown += shift.users.size() + 1;
    if (people_shown > kPeopleShown) {
      return Exhausted("schedule %s has more than %d shifts of people in that range: ask for a shorter one",
                       JsonQuote(request.schedule()), kPeopleShown);
    }
    auto& shown = *response.add_shifts();
    ToProto(shift.start, *shown.mutable_start());
    ToProto(shift.end, *shown.mutable_end());
    for (const UserId& user : shift.users)
      shown.add_users(user.value());
    const std::vector<Person> people = roster.Resolve({&target, 1}, shift.start);
    for (const Person& person : people)
      Show(roster, person, *shown.add_people());
    shown.set_overridden(IsOverridden(schedule, shift, people));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
