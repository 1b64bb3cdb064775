#include "api/methods.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/str_format.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include "api/audit_chain.h"
#include "api/channels.h"
#include "api/handlers.h"
#include "api/reach.h"
#include "api/scope.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace pb = google::protobuf;

absl::Status Decode(std::string_view text, Encoding encoding, pb::Message& message) {
  if (encoding == Encoding::kProtobuf) {
    if (message.ParseFromArray(text.data(), static_cast<int>(text.size()))) return absl::OkStatus();
    return Invalid("the request is not a %s", message.GetDescriptor()->full_name());
  }
  if (!IsValidUtf8(text)) return Invalid("the request is not UTF-8");
  const auto status = pb::util::JsonStringToMessage({text.data(), text.size()}, &message);
  if (status.ok()) return absl::OkStatus();
  return Invalid("the request is not a %s in JSON: %s", message.GetDescriptor()->full_name(),
                 std::string(status.message().data(), status.message().size()));
}

constexpr std::size_t kBoundIdBytes = 200;  // longer ones are the responder's to judge

// A request id stands for one request: with another one under the same id something else is meant, and done. What is
// remembered is therefore the id with a digest of the request.
void BindRequestId(pb::Message& request) {
  const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr) return;
  const std::string id = request.GetReflection()->GetString(request, field);
  if (id.empty() || id.size() > kBoundIdBytes) return;
  const std::uint64_t digest = Hash64(request.SerializeAsString());
  request.GetReflection()->SetString(&request, field, id + absl::StrFormat("#%016x", digest));
}

absl::StatusOr<std::string> Encode(const pb::Message& message, Encoding encoding) {
  if (encoding == Encoding::kProtobuf) return message.SerializeAsString();
  std::string json;
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  const auto status = pb::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError("the answer cannot be written as JSON");
  return json;
}

// Whether a method has a scope. Asked of the type: the address of a function is no constant under the sanitizers.
template <auto kScope>
constexpr bool kIsScoped = !std::is_null_pointer_v<decltype(kScope)>;

template <typename Request,
          typename Response,
          absl::Status (*kHandler)(Api&, const Caller&, const Request&, Response&),
          auto kScope>
absl::StatusOr<std::string> Call(Api& api, const Caller& caller, std::string_view text, Encoding encoding) {
  Request request;
  TOCSIN_TRY(Decode(text, encoding, request));
  if constexpr (kIsScoped<kScope>) {
    if (!caller.everywhere()) TOCSIN_TRY(kScope(api, caller, request));
  }
  BindRequestId(request);
  Response response;
  TOCSIN_TRY(kHandler(api, caller, request, response));
  return Encode(response, encoding);
}

// Deduces a handler's message types.
template <auto kHandler, auto kScope>
struct Entry;
template <typename Request,
          typename Response,
          absl::Status (*kHandler)(Api&, const Caller&, const Request&, Response&),
          auto kScope>
struct Entry<kHandler, kScope> {
  static constexpr auto kCall = &Call<Request, Response, kHandler, kScope>;
};

// A row of the table. `kScope` judges, for callers who act for some teams only, whether what the request is about is theirs
// to change; a method without one changes nothing, or judges for itself what it has to read first.
template <auto kHandler, auto kScope = nullptr>
constexpr Method Of(std::string_view service, std::string_view name, Role role) {
  return {
      service, name, role, kIsScoped<kScope>, /*open=*/false, /*hashes_for=*/nullptr, Entry<kHandler, kScope>::kCall};
}
constexpr Method Open(Method method) {
  method.open = true;
  return method;
}
constexpr Method Hashing(decltype(Method::hashes_for) hashes_for, Method method) {
  method.hashes_for = hashes_for;
  return method;
}

constexpr std::size_t kLoginBytes = 8192;
absl::StatusOr<std::string> WhoLogsIn(const Caller&, std::string_view text, Encoding encoding) {
  if (text.size() > kLoginBytes) return Invalid("a name and a password have at most %d bytes together", kLoginBytes);
  v1::SignInRequest request;
  TOCSIN_TRY(Decode(text, encoding, request));
  return request.user();
}
absl::StatusOr<std::string> WhoAsks(const Caller& caller, std::string_view, Encoding) {
  return caller.user.value();
}
absl::StatusOr<std::string> NobodyYet(const Caller&, std::string_view, Encoding) {
  return std::string();
}

// Sees; answers for what is paged; changes what is configured; has the store itself.
constexpr Role kNobody = Role::kIntegration;
constexpr Role kViewer = Role::kViewer;
constexpr Role kResponder = Role::kResponder;
constexpr Role kManager = Role::kManager;
constexpr Role kAdmin = Role::kAdmin;

constexpr Method kMethods[] = {
    Of<&ListAlerts>("tocsin.v1.AlertService", "ListAlerts", kViewer),
    Of<&ListGroups>("tocsin.v1.GroupService", "ListGroups", kViewer),
    Of<&GetGroup>("tocsin.v1.GroupService", "GetGroup", kViewer),
    Of<&RunAcknowledgeGroup, &ScopeOfGroup>("tocsin.v1.GroupService", "AcknowledgeGroup", kResponder),
    Of<&RunResolveGroup, &ScopeOfGroup>("tocsin.v1.GroupService", "ResolveGroup", kResponder),
    Of<&RunSnoozeGroup, &ScopeOfSnooze>("tocsin.v1.GroupService", "SnoozeGroup", kResponder),
    Of<&RunUnacknowledgeGroup, &ScopeOfGroup>("tocsin.v1.GroupService", "UnacknowledgeGroup", kResponder),
    Of<&RunMergeGroups, &ScopeOfMerge>("tocsin.v1.GroupService", "MergeGroups", kResponder),
    Of<&RunSplitGroup, &ScopeOfGroup>("tocsin.v1.GroupService", "SplitGroup", kResponder),
    Of<&RunRerouteGroup, &ScopeOfReroute>("tocsin.v1.GroupService", "RerouteGroup", kResponder),
    Of<&RunReassignGroup, &ScopeOfReassignment>("tocsin.v1.GroupService", "ReassignGroup", kResponder),
    Of<&RunAddResponders, &ScopeOfResponders>("tocsin.v1.GroupService", "AddResponders", kResponder),
    Of<&RunEscalateGroup, &ScopeOfGroup>("tocsin.v1.GroupService", "EscalateGroup", kResponder),
    Of<&RunAddNote, &ScopeOfNote>("tocsin.v1.GroupService", "AddNote", kResponder),
    Of<&ListIncidents>("tocsin.v1.IncidentService", "ListIncidents", kViewer),
    Of<&GetIncident>("tocsin.v1.IncidentService", "GetIncident", kViewer),
    Of<&RunOpenIncident, &ScopeOfNewIncident>("tocsin.v1.IncidentService", "OpenIncident", kResponder),
    Of<&RunAcknowledgeIncident, &ScopeOfIncident>("tocsin.v1.IncidentService", "AcknowledgeIncident", kResponder),
    Of<&RunResolveIncident, &ScopeOfIncident>("tocsin.v1.IncidentService", "ResolveIncident", kResponder),
    Of<&RunAddNote, &ScopeOfNote>("tocsin.v1.IncidentService", "AddNote", kResponder),
    Of<&ListSilences>("tocsin.v1.SilenceService", "ListSilences", kViewer),
    Of<&RunCreateSilence, &ScopeOfSilence>("tocsin.v1.SilenceService", "CreateSilence", kResponder),
    Of<&RunExpireSilence, &ScopeOfExpiry>("tocsin.v1.SilenceService", "ExpireSilence", kResponder),
    Of<&ListMaintenance>("tocsin.v1.MaintenanceService", "ListMaintenance", kViewer),
    Of<&RunCreateMaintenance, &ScopeOfMaintenance>("tocsin.v1.MaintenanceService", "CreateMaintenance", kResponder),
    Of<&RunEndMaintenance, &ScopeOfEnd>("tocsin.v1.MaintenanceService", "EndMaintenance", kResponder),
    Of<&WhoIsOnCall>("tocsin.v1.OnCallService", "WhoIsOnCall", kViewer),
    Of<&FinalSchedule>("tocsin.v1.OnCallService", "FinalSchedule", kViewer),
    Of<&SimulatePolicy>("tocsin.v1.OnCallService", "SimulatePolicy", kViewer),
    Of<&ListNextShifts>("tocsin.v1.OnCallService", "ListNextShifts", kViewer),
    Of<&ListGaps>("tocsin.v1.OnCallService", "ListGaps", kViewer),
    Of<&GetFairness>("tocsin.v1.OnCallService", "GetFairness", kViewer),
    Of<&DiffSchedules>("tocsin.v1.OnCallService", "DiffSchedules", kViewer),
    Of<&ImportCalendars>("tocsin.v1.OnCallService", "ImportCalendars", kManager),
    Of<&CreateCalendarLink>("tocsin.v1.OnCallService", "CreateCalendarLink", kViewer),
    Of<&RunOverrideSchedule, &ScopeOfOverride>("tocsin.v1.ScheduleService", "OverrideSchedule", kResponder),
    Of<&RunEndOverride, &ScopeOfEndOverride>("tocsin.v1.ScheduleService", "EndOverride", kResponder),
    Of<&RunTakeShift, &ScopeOfTakeShift>("tocsin.v1.ScheduleService", "TakeShift", kResponder),
    Of<&RunRequestSwap, &ScopeOfRequestSwap>("tocsin.v1.ScheduleService", "RequestSwap", kResponder),
    Of<&RunOfferSwap, &ScopeOfSwap>("tocsin.v1.ScheduleService", "OfferSwap", kResponder),
    Of<&RunAcceptSwap, &ScopeOfSwapOfOwn>("tocsin.v1.ScheduleService", "AcceptSwap", kResponder),
    Of<&RunTakeSwap, &ScopeOfSwap>("tocsin.v1.ScheduleService", "TakeSwap", kResponder),
    Of<&RunWithdrawSwap, &ScopeOfSwapOfOwn>("tocsin.v1.ScheduleService", "WithdrawSwap", kResponder),
    Of<&ListScheduleChanges>("tocsin.v1.ScheduleService", "ListScheduleChanges", kViewer),
    Of<&ListEditions>("tocsin.v1.ScheduleService", "ListEditions", kViewer),
    Of<&RunApplyOrganisation>("tocsin.v1.OrganisationService", "ApplyOrganisation", kManager),
    Of<&GetOrganisation>("tocsin.v1.OrganisationService", "GetOrganisation", kManager),
    Of<&ListVersions>("tocsin.v1.OrganisationService", "ListVersions", kViewer),
    Of<&GetVersion>("tocsin.v1.OrganisationService", "GetVersion", kManager),
    Of<&RunRollBack>("tocsin.v1.OrganisationService", "RollBack", kManager),
    Of<&ListNames>("tocsin.v1.OrganisationService", "ListNames", kViewer),
    Of<&StartReplay>("tocsin.v1.ReplayService", "StartReplay", kManager),
    Of<&PreviewSilence>("tocsin.v1.ReplayService", "PreviewSilence", kResponder),
    Of<&GetReplay>("tocsin.v1.ReplayService", "GetReplay", kResponder),
    Of<&CancelReplay>("tocsin.v1.ReplayService", "CancelReplay", kResponder),
    Of<&RunCreateToken>("tocsin.v1.AccessService", "CreateToken", kManager),
    Of<&ListTokens>("tocsin.v1.AccessService", "ListTokens", kViewer),
    Of<&RunRevokeToken>("tocsin.v1.AccessService", "RevokeToken", kViewer),
    Of<&WhoAmI>("tocsin.v1.AccessService", "WhoAmI", kViewer),
    Hashing(&WhoLogsIn, Open(Of<&RunSignIn>("tocsin.v1.SignInService", "SignIn", kNobody))),
    Hashing(&NobodyYet, Open(Of<&RunAcceptInvitation>("tocsin.v1.SignInService", "AcceptInvitation", kNobody))),
    Open(Of<&ListProviders>("tocsin.v1.SignInService", "ListProviders", kNobody)),
    Open(Of<&RunFinishSignIn>("tocsin.v1.SignInService", "FinishSignIn", kNobody)),
    Hashing(&WhoAsks, Of<&RunChangePassword>("tocsin.v1.SignInService", "ChangePassword", kViewer)),
    Of<&RunSignOut>("tocsin.v1.SignInService", "SignOut", kViewer),
    Of<&RunInviteUser>("tocsin.v1.SignInService", "InviteUser", kManager),
    Of<&RunLockUser>("tocsin.v1.SignInService", "LockUser", kAdmin),
    Of<&ListUsers>("tocsin.v1.SignInService", "ListUsers", kManager),
    Of<&ListAudit>("tocsin.v1.AuditService", "ListAudit", kManager),
    Of<&VerifyAudit>("tocsin.v1.AuditChainService", "VerifyAudit", kManager),
    Of<&RunTestPage, &ScopeOfTestPage>("tocsin.v1.PageService", "TestPage", kResponder),
    Of<&GetPage>("tocsin.v1.PageService", "GetPage", kViewer),
    Of<&ListNotifications>("tocsin.v1.PageService", "ListNotifications", kViewer),
    Of<&RunAcknowledgeBundle, &ScopeOfBundle>("tocsin.v1.PageService", "AcknowledgeBundle", kResponder),
    Of<&ListContactMethods>("tocsin.v1.ReachService", "ListContactMethods", kViewer),
    Of<&Explain>("tocsin.v1.ExplainService", "Explain", kViewer),
    Of<&Search>("tocsin.v1.SearchService", "Search", kViewer),
    Of<&BeginBackup>("tocsin.v1.BackupService", "BeginBackup", kAdmin),
    Of<&ReadBackup>("tocsin.v1.BackupService", "ReadBackup", kAdmin),
    Of<&EndBackup>("tocsin.v1.BackupService", "EndBackup", kAdmin),
    Of<&HashState>("tocsin.v1.BackupService", "HashState", kAdmin),
    Of<&ListChanges>("tocsin.v1.ChangeService", "ListChanges", kViewer),
    Of<&RunRecordChange, &ScopeOfChange>("tocsin.v1.ChangeService", "RecordChange", kResponder),
    Of<&ListChannels>("tocsin.v1.ChannelService", "ListChannels", kViewer),
    Of<&ListHeartbeats>("tocsin.v1.HeartbeatService", "ListHeartbeats", kViewer),
    Of<&RunPingHeartbeat, &ScopeOfPing>("tocsin.v1.HeartbeatService", "PingHeartbeat", kResponder),
    Of<&ListRecent>("tocsin.v1.TimelineService", "ListRecent", kViewer),
    Of<&GetStatus>("tocsin.v1.StatusService", "GetStatus", kViewer),
    Of<&GetLoad>("tocsin.v1.StatusService", "GetLoad", kViewer),
    Of<&ListForgotten>("tocsin.v1.StatusService", "ListForgotten", kViewer),
};

}  // namespace

std::optional<Caller> Caller::At(Role least) const {
  if (role >= least) return *this;
  // A token's own teams say where it may do what its role allows, and nothing beyond that.
  Caller narrowed = *this;
  narrowed.teams.clear();
  narrowed.role = Role::kManager;  // nobody is an admin of teams only: what takes one concerns everybody
  if (least > narrowed.role) return std::nullopt;
  for (const Rights::InTeam& standing : more) {
    if (standing.role < least) continue;
    narrowed.teams.push_back(standing.team);
    narrowed.role = std::min(narrowed.role, standing.role);
  }
  if (narrowed.teams.empty()) return std::nullopt;
  return narrowed;
}

std::string_view AddressOf(const Caller& caller) {
  const std::string_view origin = caller.origin;
  return origin.substr(std::min(origin.find(' ') + 1, origin.size()));
}

absl::StatusOr<PlaceInLine> AdmitLogin(Api& api, std::string_view account, std::string_view address) {
  TOCSIN_ASSIGN(AttemptGuard::Place place, api.attempts->Enter(account, address, api.engine.Read().engine));
  const Workers::Lane lane = place.is_known() ? Workers::Lane::kHashing : Workers::Lane::kStrangers;
  return PlaceInLine{lane, std::move(place)};
}

absl::StatusOr<PlaceInLine> Admit(
    Api& api, const Method& method, const Caller& caller, std::string_view request, Encoding encoding) {
  if (method.hashes_for == nullptr)
    return PlaceInLine{method.role == Role::kViewer ? Workers::Lane::kAsking : Workers::Lane::kDoing};
  TOCSIN_ASSIGN(const std::string account, method.hashes_for(caller, request, encoding));
  TOCSIN_ASSIGN(PlaceInLine line, AdmitLogin(api, account, AddressOf(caller)));
  if (!method.open) line.lane = Workers::Lane::kHashing;  // who has shown a token is no stranger
  return line;
}

std::span<const Method> Methods() {
  return kMethods;
}

absl::StatusOr<std::string> Invoke(
    Api& api, const Method& method, const Caller& caller, std::string_view request, Encoding encoding) {
  const std::optional<Caller> standing = caller.At(method.role);
  absl::StatusOr<std::string> answer =
      standing ? method.call(api, *standing, request, encoding)
               : absl::PermissionDeniedError(absl::StrFormat("%s needs the role %s; %s has the role %s", method.name,
                                                             Name(method.role), caller.name, Name(caller.role)));
  if (absl::IsPermissionDenied(answer.status())) {
    LogWarning("a call was refused", {
                                         {"method", std::string(method.name)},
                                         {"caller", caller.name             },
                                         {"origin", caller.origin           },
                                         {"reason", Message(answer.status())}
    });
  }
  return answer;
}

}  // namespace tocsin
