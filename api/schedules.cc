// What people change of schedules while the server runs, and how a schedule was before it was edited.
#include <algorithm>
#include <set>

#include "api/handlers.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/responder_schedule_effect.h"
#include "engine/responder_schedules.h"
#include "model/codec/common_proto.h"
#include "model/codec/organisation_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

// What is shown of a schedule before and after a change.
constexpr int kShiftsShown = 500;

constexpr std::string_view kNoOrganisation = "there is no organisation yet; `tocsin apply FILE...` declares one";

// Whom a request is about: whoever asks, unless it names somebody whom the caller may act for.
absl::StatusOr<UserId> Whom(const Caller& caller, const std::string& named) {
  const UserId user(named);
  if (!user.set() && caller.user.set()) return caller.user;
  if (!user.set()) return Invalid("user: say for whom (--user NAME): the token of %s is nobody's own", caller.name);
  if (user == caller.user || caller.role >= Role::kManager) return user;
  return absl::PermissionDeniedError(
      absl::StrFormat("%s may not act for %s: that needs the role manager", caller.name, JsonQuote(named)));
}

absl::StatusOr<ScheduleChange> FindChange(Api& api, ScheduleChangeId id) {
  std::optional<ScheduleChange> row;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto found = responder.state().schedule_changes.find(id);
    if (found != responder.state().schedule_changes.end()) row = found->second;
  });
  if (!row) return NotFound("O%d is not known (any more)", id.value());
  return *std::move(row);
}

void Show(const Roster& roster,
          const ScheduleId& schedule,
          const ChangedStretch& stretch,
          google::protobuf::RepeatedPtrField<v1::FinalScheduleResponse::Shift>& to) {
  if (stretch.from >= stretch.until) return;
  const absl::StatusOr<std::vector<Shift>> shifts = roster.FinalSchedule(schedule, stretch.from, stretch.until);
  if (!shifts.ok()) return;
  for (const Shift& shift : *shifts) {
    if (to.size() >= kShiftsShown) return;
    auto& shown = *to.Add();
    ToProto(shift.start, *shown.mutable_start());
    ToProto(shift.end, *shown.mutable_end());
    for (const UserId& user : shift.users)
      shown.add_users(user.value());
  }
}

// What a command would do, as far as it can be said beforehand.
struct Plan {
  absl::StatusOr<ScheduleChange> change = absl::UnknownError("");
  std::optional<Roster> before;
  std::optional<Roster> after;  // of dry runs
  ChangedStretch stretch;
};

Plan MakePlan(Api& api, const Caller& caller, const Command::Body& body, bool dry_run) {
  Plan plan;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    if (responder.roster() == nullptr) {
      plan.change = Precondition("%s", kNoOrganisation);
      return;
    }
    plan.before = *responder.roster();
    plan.change = PlanScheduleChange(responder.state(), *responder.roster(), body, caller.name, now.wall);
    if (!plan.change.ok()) return;
    plan.stretch = StretchOf(responder.state(), *plan.change, now.wall);
    if (!dry_run) return;
    const absl::StatusOr<Roster> roster = RosterWith(responder.state(), *plan.change);
    if (roster.ok()) plan.after = *roster;
  });
  return plan;
}

absl::Status Carry(Api& api,
                   const Caller& caller,
                   Command::Body body,
                   const std::string& request_id,
                   bool dry_run,
                   v1::ScheduleChangeResponse& response) {
  Plan plan = MakePlan(api, caller, body, dry_run);
  if (dry_run) {
    TOCSIN_TRY(plan.change.status());
    ToProto(*plan.change, *response.mutable_change());
  } else {
    v1::CommandResponse done;  // a repeat is answered as the first time, whatever it would be now
    TOCSIN_TRY(Run(api, caller, request_id, std::move(body), done));
    response.set_sequence(done.sequence());
    TOCSIN_ASSIGN(const ScheduleChange change, FindChange(api, ScheduleChangeId(done.id())));
    ToProto(change, *response.mutable_change());
    api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
      if (responder.roster() != nullptr) plan.after = *responder.roster();
    });
  }
  if (!plan.change.ok() || !plan.before || !plan.after) return absl::OkStatus();
  Show(*plan.before, plan.change->schedule, plan.stretch, *response.mutable_before());
  Show(*plan.after, plan.change->schedule, plan.stretch, *response.mutable_after());
  for (std::string& warning : GapWarnings(*plan.before, *plan.after, plan.change->schedule, plan.stretch))
    response.add_warnings(std::move(warning));
  return absl::OkStatus();
}

template <typename Request>
absl::Status ReadStretch(Api& api, const Request& request, absl::Time& start, absl::Time& end) {
  start = api.engine.Read().wall;
  if (request.has_start()) TOCSIN_TRY(Annotate(FromProto(request.start(), start), "start"));
  if (!request.has_end()) return Invalid("end: until when?");
  return Annotate(FromProto(request.end(), end), "end");
}

// Who asked for a swap decides about it, and whoever manages.
absl::Status MayDecide(const Caller& caller, const ScheduleChange& row) {
  if (caller.role >= Role::kManager || (caller.user.set() && caller.user == row.change.from_user))
    return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("O%d is for %s to decide, or for a manager", row.id.value(), row.change.from_user.value()));
}

}  // namespace

absl::Status RunOverrideSchedule(Api& api,
                                 const Caller& caller,
                                 const v1::OverrideScheduleRequest& request,
                                 v1::ScheduleChangeResponse& response) {
  OverrideSchedule command;
  command.schedule = ScheduleId(request.schedule());
  TOCSIN_TRY(Annotate(FromProto(request.type(), command.change.type), "type"));
  TOCSIN_TRY(ReadStretch(api, request, command.change.start, command.change.end));
  for (const std::string& user : request.users())
    command.change.users.emplace_back(UserTarget{UserId(user)});
  command.change.from_user = UserId(request.from_user());
  command.change.to_user = UserId(request.to_user());
  FromProto(request.layers(), command.change.layers);
  command.change.reason = request.reason();
  return Carry(api, caller, std::move(command), request.request_id(), request.dry_run(), response);
}

absl::Status RunEndOverride(Api& api,
                            const Caller& caller,
                            const v1::EndOverrideRequest& request,
                            v1::ScheduleChangeResponse& response) {
  return Carry(api, caller, EndOverride{ScheduleChangeId(request.id())}, request.request_id(), request.dry_run(),
               response);
}

absl::Status RunTakeShift(Api& api,
                          const Caller& caller,
                          const v1::TakeShiftRequest& request,
                          v1::ScheduleChangeResponse& response) {
  TOCSIN_ASSIGN(const UserId user, Whom(caller, request.user()));
  OverrideSchedule command;
  command.schedule = ScheduleId(request.schedule());
  TOCSIN_TRY(ReadStretch(api, request, command.change.start, command.change.end));
  command.change.reason = request.reason();
  if (!request.from_user().empty()) {
    command.change.type = Override::Type::kSwap;
    command.change.from_user = UserId(request.from_user());
    command.change.to_user = user;
    return Carry(api, caller, std::move(command), request.request_id(), request.dry_run(), response);
  }
  std::optional<Roster> roster;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    if (responder.roster() != nullptr) roster = *responder.roster();
  });
  if (!roster) return Precondition("%s", kNoOrganisation);
  TOCSIN_ASSIGN(const std::vector<Shift> shifts,
                roster->FinalSchedule(command.schedule, command.change.start, command.change.end));
  for (const Shift& shift : shifts) {
    if (shift.users.size() > 1) {
      return Precondition("%d people are on call on %s from %s on: say whose shift it is", shift.users.size(),
                          command.schedule.value(), absl::FormatTime(shift.start, absl::UTCTimeZone()));
    }
  }
  command.change.type = Override::Type::kAssign;
  command.change.users = {UserTarget{user}};
  return Carry(api, caller, std::move(command), request.request_id(), request.dry_run(), response);
}

absl::Status RunRequestSwap(Api& api,
                            const Caller& caller,
                            const v1::RequestSwapRequest& request,
                            v1::ScheduleChangeResponse& response) {
  RequestSwap command;
  command.schedule = ScheduleId(request.schedule());
  TOCSIN_ASSIGN(command.user, Whom(caller, request.user()));
  TOCSIN_TRY(ReadStretch(api, request, command.start, command.end));
  FromProto(request.layers(), command.layers);
  FromProto(request.of(), command.of);
  command.reason = request.reason();
  return Carry(api, caller, std::move(command), request.request_id(), request.dry_run(), response);
}

absl::Status RunOfferSwap(Api& api,
                          const Caller& caller,
                          const v1::SwapRequest& request,
                          v1::ScheduleChangeResponse& response) {
  TOCSIN_ASSIGN(const UserId user, Whom(caller, request.user()));
  return Carry(api, caller, OfferSwap{ScheduleChangeId(request.id()), user}, request.request_id(), request.dry_run(),
               response);
}

absl::Status RunAcceptSwap(Api& api,
                           const Caller& caller,
                           const v1::SwapRequest& request,
                           v1::ScheduleChangeResponse& response) {
  TOCSIN_ASSIGN(const ScheduleChange row, FindChange(api, ScheduleChangeId(request.id())));
  TOCSIN_TRY(MayDecide(caller, row));
  const UserId user(request.user());
  if (!user.set()) return Invalid("user: whose offer is accepted?");
  if (std::ranges::find(row.volunteers, user) == row.volunteers.end()) {
    return Precondition("%s has not offered to take O%d", JsonQuote(user.value()), row.id.value());
  }
  return Carry(api, caller, TakeSwap{row.id, user}, request.request_id(), request.dry_run(), response);
}

absl::Status RunTakeSwap(Api& api,
                         const Caller& caller,
                         const v1::SwapRequest& request,
                         v1::ScheduleChangeResponse& response) {
  TOCSIN_ASSIGN(const UserId user, Whom(caller, request.user()));
  return Carry(api, caller, TakeSwap{ScheduleChangeId(request.id()), user}, request.request_id(), request.dry_run(),
               response);
}

absl::Status RunWithdrawSwap(Api& api,
                             const Caller& caller,
                             const v1::SwapRequest& request,
                             v1::ScheduleChangeResponse& response) {
  TOCSIN_ASSIGN(const ScheduleChange row, FindChange(api, ScheduleChangeId(request.id())));
  WithdrawSwap command;
  command.swap = row.id;
  const bool own_offer = caller.user.set() && std::ranges::find(row.volunteers, caller.user) != row.volunteers.end();
  if (!request.user().empty() || own_offer) {
    TOCSIN_ASSIGN(command.volunteer, Whom(caller, request.user()));
  } else {
    TOCSIN_TRY(MayDecide(caller, row));
  }
  return Carry(api, caller, std::move(command), request.request_id(), request.dry_run(), response);
}

absl::Status ListScheduleChanges(Api& api,
                                 const Caller&,
                                 const v1::ListScheduleChangesRequest& request,
                                 v1::ListScheduleChangesResponse& response) {
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    for (const auto& [id, row] : responder.state().schedule_changes) {
      if (!request.schedule().empty() && row.schedule.value() != request.schedule()) continue;
      if (request.swaps() && !row.asked) continue;
      const bool past = row.state == ScheduleChange::State::kWithdrawn || row.change.end <= now.wall;
      if (past && !request.include_past()) continue;
      auto& entry = *response.add_entries();
      ToProto(row, *entry.mutable_change());
      entry.set_state(std::string(StateOf(row, now.wall)));
    }
  });
  return absl::OkStatus();
}

absl::Status ListEditions(Api& api,
                          const Caller&,
                          const v1::ListEditionsRequest& request,
                          v1::ListEditionsResponse& response) {
  const ScheduleId id(request.schedule());
  bool known = false;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const ScheduleRecord record = RecordOf(state);
    absl::Time since = absl::InfinitePast();
    const auto add = [&](const std::vector<Layer>& layers) -> v1::ListEditionsResponse::Entry& {
      auto& entry = *response.add_entries();
      if (since != absl::InfinitePast()) ToProto(since, *entry.mutable_since());
      for (const Layer& layer : layers)
        ToProto(layer, *entry.add_layers());
      return entry;
    };
    for (const ScheduleEdition* edition : record.Former(id)) {
      known = true;
      since = edition->since;
      auto& entry = add(edition->schedule.layers);
      since = edition->until;
      ToProto(edition->until, *entry.mutable_until());
      entry.set_ended_by(edition->ended_by.value());
      entry.set_ended_actor(edition->ended_actor);
      ToProto(edition->changes, *entry.mutable_changes());
    }
    const Schedule* declared = state.organisation != nullptr ? state.organisation->Find(id) : nullptr;
    if (declared == nullptr) return;
    known = true;
    const ScheduleEdition* present = record.InForce(id);
    add(present != nullptr ? present->schedule.layers : declared->layers);
  });
  if (!known) return NotFound("schedule %s does not exist", JsonQuote(request.schedule()));
  return absl::OkStatus();
}

}  // namespace tocsin
