#include "api/scope.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"

#include "api/may_apply.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

using Teams = std::set<TeamId>;

std::string Names(const auto& teams) {
  return absl::StrJoin(teams, ", ", [](std::string* out, const TeamId& team) { *out += team.value(); });
}

bool ActsFor(const Caller& caller, const TeamId& team) {
  return std::ranges::find(caller.teams, team) != caller.teams.end();
}

// What is nobody's is everybody's.
absl::Status MayChange(const Caller& caller, const Teams& owners, std::string_view what) {
  if (owners.empty()) return absl::OkStatus();
  if (std::ranges::any_of(owners, [&](const TeamId& team) { return ActsFor(caller, team); })) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("%s belongs to %s; %s acts for %s", what, Names(owners), caller.name, Names(caller.teams)));
}

OrganisationPtr Current(Api& api) {
  OrganisationPtr organisation = api.engine.access()->organisation;
  return organisation ? organisation : std::make_shared<const Organisation>();
}

void AddOwner(const Organisation& organisation, const ServiceId& id, Teams& owners) {
  const Service* service = organisation.Find(id);
  if (service != nullptr && service->team.set()) owners.insert(service->team);
}
void AddOwner(const Organisation& organisation, const PolicyId& id, Teams& owners) {
  const EscalationPolicy* policy = organisation.Find(id);
  if (policy != nullptr && policy->team.set()) owners.insert(policy->team);
}

// Whose policy runs, and whether the caller has been paged by it.
struct Paging {
  TeamId team;
  bool paged = false;
};
Paging ReadPaging(Api& api, const Caller& caller, const Subject& subject) {
  Paging paging;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const auto about = state.about.find(subject);
    if (about == state.about.end()) return;
    if (!about->second.escalations.empty()) {
      paging.team = state.escalations.at(*about->second.escalations.rbegin()).policy.team;
    }
    paging.paged = std::ranges::any_of(
        about->second.pages, [&](PageId id) { return caller.user.set() && state.pages.at(id).user == caller.user; });
  });
  return paging;
}

absl::Status MayChangeSubject(
    Api& api, const Caller& caller, const Subject& subject, Teams owners, std::string_view what) {
  const Paging paging = ReadPaging(api, caller, subject);
  if (paging.paged) return absl::OkStatus();
  if (paging.team.set()) owners.insert(paging.team);
  return MayChange(caller, owners, what);
}

absl::Status MayChangeGroup(Api& api, const Caller& caller, GroupId id) {
  TOCSIN_ASSIGN(const Group group, FindGroup(api, id));
  const OrganisationPtr organisation = Current(api);
  Teams owners;
  AddOwner(*organisation, group.service, owners);
  AddOwner(*organisation, group.route.policy, owners);
  return MayChangeSubject(api, caller, SubjectOf(id), std::move(owners), absl::StrFormat("group G%d", id.value()));
}

absl::Status MayChangeIncident(Api& api, const Caller& caller, IncidentId id) {
  TOCSIN_ASSIGN(const Incident incident, FindIncident(api, id));
  Teams owners;
  AddOwner(*Current(api), incident.service, owners);
  return MayChangeSubject(api, caller, SubjectOf(id), std::move(owners), absl::StrFormat("incident I%d", id.value()));
}

absl::Status MayChange(Api& api, const Caller& caller, const v1::Subject& subject) {
  if (subject.kind() == v1::Subject::KIND_GROUP) return MayChangeGroup(api, caller, GroupId(subject.id()));
  if (subject.kind() == v1::Subject::KIND_INCIDENT) return MayChangeIncident(api, caller, IncidentId(subject.id()));
  return absl::OkStatus();
}

absl::Status MayPage(Api& api, const Caller& caller, const UserId& user) {
  if (caller.user == user) return absl::OkStatus();
  const OrganisationPtr organisation = Current(api);
  for (const TeamId& id : caller.teams) {
    const Team* team = organisation->Find(id);
    if (team != nullptr && std::ranges::find(team->members, user) != team->members.end()) return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrFormat("%s is in none of the teams that %s acts for (%s)",
                                                     JsonQuote(user.value()), caller.name, Names(caller.teams)));
}

// The people of other teams are paged by what those teams have declared, and by nobody who does not act for them.
absl::Status MayPage(Api& api, const Caller& caller, const google::protobuf::RepeatedPtrField<v1::Target>& targets) {
  TOCSIN_ASSIGN(const std::vector<Target> all, ReadTargets(targets));
  const OrganisationPtr organisation = Current(api);
  for (const Target& target : all) {
    Teams owners;
    if (const auto* user = std::get_if<UserTarget>(&target)) TOCSIN_TRY(MayPage(api, caller, user->user));
    if (const auto* team = std::get_if<TeamTarget>(&target)) owners.insert(team->team);
    if (const auto* policy = std::get_if<PolicyTarget>(&target)) AddOwner(*organisation, policy->policy, owners);
    if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) {
      const Schedule* found = organisation->Find(schedule->schedule);
      if (found != nullptr && found->team.set()) owners.insert(found->team);
    }
    TOCSIN_TRY(MayChange(caller, owners, "what is to be paged"));
  }
  return absl::OkStatus();
}

// Whether whatever `silence` matches is of `service`.
bool IsWithin(const std::vector<Matcher>& silence, const Service& service) {
  return !service.matchers.empty() && std::ranges::all_of(service.matchers, [&](const Matcher& wanted) {
    const absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile({&wanted, 1});
    return compiled.ok() && std::ranges::any_of(silence, [&](const Matcher& given) {
             if (given == wanted) return true;
             if (given.name != wanted.name || given.op != MatchOp::kEqual || given.value.empty()) return false;
             const Label label{given.name, given.value};
             return compiled->Match(std::span<const Label>(&label, 1));
           });
  });
}

// `of`: instead of by matchers, all of a service.
absl::Status MaySilence(Api& api, const Caller& caller, const std::vector<Matcher>& matchers, const ServiceId& of) {
  const OrganisationPtr organisation = Current(api);
  if (of.set()) {
    Teams owners;
    AddOwner(*organisation, of, owners);
    return MayChange(caller, owners, "service " + of.value());
  }
  for (const Service& service : organisation->services) {
    if (ActsFor(caller, service.team) && IsWithin(matchers, service)) return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrFormat(
      "the silence could hold back what belongs to others: %s acts for %s, so it needs the matchers of one "
      "of their services, and may have more",
      caller.name, Names(caller.teams)));
}

absl::Status MayEnd(Api& api, const Caller& caller, SilenceId id) {
  std::optional<Silence> silence;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto found = responder.state().silences.find(id);
    if (found != responder.state().silences.end()) silence = found->second;
  });
  if (!silence) return absl::OkStatus();  // the responder says that there is none
  // A person's name is one for good; that of a token is free again when it has been revoked.
  // (But for admin.token's, which is user:admin as well.)
  if (caller.user.set() && !IsReservedName(caller.user.value()) && silence->created_by == caller.name)
    return absl::OkStatus();
  return MaySilence(api, caller, silence->matchers, silence->service);
}

absl::Status MayChangeSchedule(Api& api, const Caller& caller, const ScheduleId& id) {
  const OrganisationPtr organisation = Current(api);
  const Schedule* schedule = organisation->Find(id);
  Teams owners;
  if (schedule != nullptr && schedule->team.set()) owners.insert(schedule->team);
  return MayChange(caller, owners, "schedule " + id.value());
}

std::optional<ScheduleChange> FindScheduleChange(Api& api, std::uint64_t id) {
  std::optional<ScheduleChange> change;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto found = responder.state().schedule_changes.find(ScheduleChangeId(id));
    if (found != responder.state().schedule_changes.end()) change = found->second;
  });
  return change;
}

// Whoever it concerns may.
absl::Status MayChangeScheduleChange(Api& api, const Caller& caller, std::uint64_t id) {
  const std::optional<ScheduleChange> change = FindScheduleChange(api, id);
  if (!change) return absl::OkStatus();  // the responder says that there is none
  // Who has offered himself has no say any more once somebody else has it.
  const bool volunteers = change->state == ScheduleChange::State::kOpen &&
                          std::ranges::find(change->volunteers, caller.user) != change->volunteers.end();
  const bool concerned = caller.user.set() && (change->change.from_user == caller.user ||
                                               change->change.to_user == caller.user || volunteers);
  return concerned ? absl::OkStatus() : MayChangeSchedule(api, caller, change->schedule);
}

// Whether `named` is whoever asks.
bool IsOwn(const Caller& caller, const std::string& named) {
  return caller.user.set() && (named.empty() || named == caller.user.value());
}

}  // namespace

absl::Status ScopeOfOverride(Api& api, const Caller& caller, const v1::OverrideScheduleRequest& request) {
  return MayChangeSchedule(api, caller, ScheduleId(request.schedule()));
}

absl::Status ScopeOfEndOverride(Api& api, const Caller& caller, const v1::EndOverrideRequest& request) {
  return MayChangeScheduleChange(api, caller, request.id());
}

// To take a shift is to change who is on call: for that, too, the schedule must be one's teams'.
absl::Status ScopeOfTakeShift(Api& api, const Caller& caller, const v1::TakeShiftRequest& request) {
  return MayChangeSchedule(api, caller, ScheduleId(request.schedule()));
}

absl::Status ScopeOfRequestSwap(Api& api, const Caller& caller, const v1::RequestSwapRequest& request) {
  if (IsOwn(caller, request.user())) return absl::OkStatus();
  return MayChangeSchedule(api, caller, ScheduleId(request.schedule()));
}

absl::Status ScopeOfSwap(Api& api, const Caller& caller, const v1::SwapRequest& request) {
  if (IsOwn(caller, request.user())) return absl::OkStatus();
  return MayChangeScheduleChange(api, caller, request.id());
}

absl::Status ScopeOfSwapOfOwn(Api& api, const Caller& caller, const v1::SwapRequest& request) {
  return MayChangeScheduleChange(api, caller, request.id());
}

absl::Status ScopeOfGroup(Api& api, const Caller& caller, const v1::GroupCommand& request) {
  return MayChangeGroup(api, caller, GroupId(request.id()));
}

absl::Status ScopeOfReroute(Api& api, const Caller& caller, const v1::RerouteGroupRequest& request) {
  return MayChangeGroup(api, caller, GroupId(request.id()));
}

absl::Status ScopeOfReassignment(Api& api, const Caller& caller, const v1::ReassignGroupRequest& request) {
  return MayChangeGroup(api, caller, GroupId(request.id()));
}

absl::Status ScopeOfResponders(Api& api, const Caller& caller, const v1::AddRespondersRequest& request) {
  TOCSIN_TRY(MayChange(api, caller, request.subject()));
  // As with its policy: whoever opens an incident by hand pages people of theirs.
  if (request.subject().kind() != v1::Subject::KIND_INCIDENT) return absl::OkStatus();
  return MayPage(api, caller, request.targets());
}

absl::Status ScopeOfSnooze(Api& api, const Caller& caller, const v1::SnoozeGroupRequest& request) {
  return MayChangeGroup(api, caller, GroupId(request.id()));
}

absl::Status ScopeOfMerge(Api& api, const Caller& caller, const v1::MergeGroupsRequest& request) {
  for (const std::uint64_t group : request.groups())
    TOCSIN_TRY(MayChangeGroup(api, caller, GroupId(group)));
  return MayChangeGroup(api, caller, GroupId(request.into()));
}

absl::Status ScopeOfBundle(Api& api, const Caller& caller, const v1::AcknowledgeBundleRequest& request) {
  TOCSIN_ASSIGN(const Notification bundle, FindNotification(api, NotificationId(request.id())));
  for (const BundleMember& member : bundle.members) {
    if (member.subject.kind == SubjectKind::kGroup) {
      TOCSIN_TRY(MayChangeGroup(api, caller, GroupId(member.subject.id)));
    } else if (member.subject.kind == SubjectKind::kIncident) {
      TOCSIN_TRY(MayChangeIncident(api, caller, IncidentId(member.subject.id)));
    }
  }
  return absl::OkStatus();
}

absl::Status ScopeOfIncident(Api& api, const Caller& caller, const v1::IncidentCommand& request) {
  return MayChangeIncident(api, caller, IncidentId(request.id()));
}

absl::Status ScopeOfNewIncident(Api& api, const Caller& caller, const v1::OpenIncidentRequest& request) {
  const OrganisationPtr organisation = Current(api);
  Teams owners;
  AddOwner(*organisation, ServiceId(request.service()), owners);
  AddOwner(*organisation, PolicyId(request.policy()), owners);
  TOCSIN_TRY(MayChange(caller, owners, "the incident"));
  // Whoever owns the service may still not page another team by its policy.
  if (!request.policy().empty() && !request.service().empty()) {
    Teams paged;
    AddOwner(*organisation, PolicyId(request.policy()), paged);
    TOCSIN_TRY(MayChange(caller, paged, "the policy"));
  }
  for (const std::uint64_t group : request.groups())
    TOCSIN_TRY(MayChangeGroup(api, caller, GroupId(group)));
  return MayPage(api, caller, request.responders());
}

absl::Status ScopeOfNote(Api& api, const Caller& caller, const v1::AddNoteRequest& request) {
  return MayChange(api, caller, request.subject());
}

absl::Status ScopeOfSilence(Api& api, const Caller& caller, const v1::CreateSilenceRequest& request) {
  if (request.id() != 0) TOCSIN_TRY(MayEnd(api, caller, SilenceId(request.id())));
  TOCSIN_ASSIGN(const std::vector<Matcher> matchers, ReadMatchers(request.matchers()));
  return MaySilence(api, caller, matchers, ServiceId());
}

absl::Status ScopeOfExpiry(Api& api, const Caller& caller, const v1::ExpireSilenceRequest& request) {
  return MayEnd(api, caller, SilenceId(request.id()));
}

absl::Status ScopeOfMaintenance(Api& api, const Caller& caller, const v1::CreateMaintenanceRequest& request) {
  TOCSIN_ASSIGN(const std::vector<Matcher> matchers, ReadMatchers(request.matchers()));
  return MaySilence(api, caller, matchers, ServiceId(request.service()));
}

absl::Status ScopeOfEnd(Api& api, const Caller& caller, const v1::EndMaintenanceRequest& request) {
  return MayEnd(api, caller, SilenceId(request.id()));
}

absl::Status ScopeOfChange(Api& api, const Caller& caller, const v1::RecordChangeRequest& request) {
  Teams owners;
  AddOwner(*Current(api), ServiceId(request.change().service()), owners);
  return MayChange(caller, owners, "the service");
}

absl::Status ScopeOfPing(Api& api, const Caller& caller, const v1::PingHeartbeatRequest& request) {
  Teams owners;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto found = responder.state().heartbeat_of.find(HeartbeatName(request.name()));
    if (found == responder.state().heartbeat_of.end()) return;
    const TeamId& team = responder.state().heartbeats.at(found->second).rule.team;
    if (team.set()) owners.insert(team);
  });
  return MayChange(caller, owners, "the heartbeat");
}

absl::Status ScopeOfTestPage(Api& api, const Caller& caller, const v1::TestPageRequest& request) {
  return MayPage(api, caller, UserId(request.user()));
}

}  // namespace tocsin
