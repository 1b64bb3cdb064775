#include "engine/responder_commands.h"

#include <array>

#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_access.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_bundles.h"
#include "engine/responder_changes.h"
#include "engine/responder_groups.h"
#include "engine/responder_heartbeats.h"
#include "engine/responder_identity.h"
#include "engine/responder_incidents.h"
#include "engine/responder_merge.h"
#include "engine/responder_opsgenie.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_reach.h"
#include "engine/responder_reassign.h"
#include "engine/responder_reroute.h"
#include "engine/responder_schedules.h"
#include "engine/responder_silences.h"

namespace tocsin {
namespace {

constexpr std::size_t kNoteBytes = 16 * 1024;
constexpr std::size_t kRequestIdBytes = 256;

CommandResult Reply(absl::Status status, std::uint64_t made = 0) {
  CommandResult result;
  result.status = std::move(status);
  result.id = made;
  return result;
}

template <typename Id>
CommandResult Reply(const absl::StatusOr<Id>& made) {
  return made.ok() ? Reply(absl::OkStatus(), made->value()) : Reply(made.status());
}

absl::Status AddNoteBy(Turn& turn, const AddNote& command) {
  const Subject& subject = command.subject;
  const bool known =
      (subject.kind == SubjectKind::kGroup && turn.Find<Group>(GroupId(subject.id)) != nullptr) ||
      (subject.kind == SubjectKind::kIncident && turn.Find<Incident>(IncidentId(subject.id)) != nullptr) ||
      (subject.kind == SubjectKind::kSilence && turn.Find<Silence>(SilenceId(subject.id)) != nullptr);
  if (!known)
    return NotFound("%s is not known (any more): a note is kept on a group, an incident or a silence", NameOf(subject));
  if (Trim(command.text).empty()) return Invalid("the note on %s is empty", NameOf(subject));
  if (command.text.size() > kNoteBytes) {
    return Invalid("the note on %s has %d bytes, at most %d", NameOf(subject), command.text.size(), kNoteBytes);
  }
  if (!IsValidUtf8(command.text)) return Invalid("the note on %s is not UTF-8", NameOf(subject));
  turn.Note(TimelineEntry::Kind::kNote, subject, command.text);
  return absl::OkStatus();
}

absl::StatusOr<PageId> TestPageBy(Turn& turn, const TestPage& command) {
  const std::string name = OneLine(command.user.value(), 100);
  const User* user = turn.organisation() != nullptr ? turn.organisation()->Find(command.user) : nullptr;
  if (user == nullptr) return NotFound("user \"%s\" does not exist", name);
  if (user->contact_methods.empty()) return Precondition("user \"%s\" has no contact method", name);
  PageRequest request;
  request.subject = {SubjectKind::kUser, Hash64(command.user.value())};
  request.user = command.user;
  request.reason = turn.actor();
  return StartPages(turn, std::span(&request, 1)).front();
}

struct Dispatch {
  Turn& turn;

  CommandResult operator()(const AcknowledgeGroup& c) const { return Reply(AcknowledgeGroupBy(turn, c)); }
  CommandResult operator()(const SnoozeGroup& c) const { return Reply(SnoozeGroupBy(turn, c)); }
  CommandResult operator()(const UnacknowledgeGroup& c) const { return Reply(UnacknowledgeGroupBy(turn, c)); }
  CommandResult operator()(const MergeGroups& c) const { return Reply(MergeGroupsBy(turn, c)); }
  CommandResult operator()(const SplitGroup& c) const { return Reply(SplitGroupBy(turn, c)); }
  CommandResult operator()(const ReassignGroup& c) const { return Reply(ReassignGroupBy(turn, c)); }
  CommandResult operator()(const AddResponders& c) const { return Reply(AddRespondersBy(turn, c)); }
  CommandResult operator()(const RerouteGroup& c) const { return Reply(RerouteGroupBy(turn, c)); }
  CommandResult operator()(const ResolveGroup& c) const { return Reply(ResolveGroupBy(turn, c)); }
  CommandResult operator()(const EscalateGroup& c) const { return Reply(EscalateGroupBy(turn, c)); }
  CommandResult operator()(const AcknowledgeIncident& c) const { return Reply(AcknowledgeIncidentBy(turn, c)); }
  CommandResult operator()(const ResolveIncident& c) const { return Reply(ResolveIncidentBy(turn, c)); }
  CommandResult operator()(const AcknowledgeBundle& c) const { return Reply(AcknowledgeBundleBy(turn, c)); }
  CommandResult operator()(const OpenIncident& c) const { return Reply(OpenIncidentBy(turn, c)); }
  CommandResult operator()(const AddNote& c) const { return Reply(AddNoteBy(turn, c)); }
  CommandResult operator()(const CreateSilence& c) const { return Reply(CreateSilenceBy(turn, c)); }
  CommandResult operator()(const ExpireSilence& c) const { return Reply(ExpireSilenceBy(turn, c)); }
  CommandResult operator()(const TestPage& c) const { return Reply(TestPageBy(turn, c)); }
  CommandResult operator()(const ConfirmContact& c) const { return Reply(ConfirmContactBy(turn, c)); }
  CommandResult operator()(const CreateToken& c) const { return Reply(CreateTokenBy(turn, c)); }
  CommandResult operator()(const RevokeToken& c) const { return Reply(RevokeTokenBy(turn, c)); }
  CommandResult operator()(const InviteUser& c) const { return Reply(InviteUserBy(turn, c)); }
  CommandResult operator()(const SetPassword& c) const { return Reply(SetPasswordBy(turn, c)); }
  CommandResult operator()(const LockUser& c) const { return Reply(LockUserBy(turn, c)); }
  CommandResult operator()(const SignIn& c) const { return Reply(SignInBy(turn, c)); }
  CommandResult operator()(const RenewSession& c) const { return Reply(RenewSessionBy(turn, c)); }
  CommandResult operator()(const AttemptResult& c) const { return Reply(HandleResult(turn, c)); }
  CommandResult operator()(const ProviderReceipt& c) const { return Reply(HandleReceipt(turn, c)); }
  CommandResult operator()(const OverrideSchedule& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const EndOverride& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const RequestSwap& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const OfferSwap& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const TakeSwap& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const WithdrawSwap& c) const { return Reply(ChangeScheduleBy(turn, c)); }
  CommandResult operator()(const RecordChange& c) const { return Reply(RecordChangeBy(turn, c)); }
  CommandResult operator()(const PingHeartbeat& c) const { return Reply(PingHeartbeatBy(turn, c)); }
  CommandResult operator()(const PutHeartbeat& c) const { return Reply(PutHeartbeatBy(turn, c)); }
  CommandResult operator()(const RemoveHeartbeat& c) const { return Reply(RemoveHeartbeatBy(turn, c)); }
  CommandResult operator()(const EnableHeartbeat& c) const { return Reply(EnableHeartbeatBy(turn, c)); }
  CommandResult operator()(const HeartbeatTold& c) const { return Reply(HeartbeatToldBy(turn, c)); }
  CommandResult operator()(const ApplyToOpsgenieAlert& c) const { return ApplyToOpsgenieAlertBy(turn, c); }
  CommandResult operator()(const ApplyOrganisation&) const {
    return Reply(absl::InternalError("the organisation is applied by the responder itself"));
  }
};

}  // namespace

std::optional<CommandResult> AnsweredBefore(const ResponderState& state, const Command& command) {
  if (command.request_id.empty()) return std::nullopt;
  const auto found = state.answer_of.find(AnswerKey(command.actor, command.request_id));
  if (found == state.answer_of.end()) return std::nullopt;
  return Reply(absl::OkStatus(), state.answers.at(found->second).made);
}

absl::Status CheckRequest(const Command& command) {
  if (command.request_id.size() > kRequestIdBytes) {
    return Invalid("the request id has %d bytes, at most %d", command.request_id.size(), kRequestIdBytes);
  }
  if (!IsValidUtf8(command.request_id) || !IsValidUtf8(command.actor)) return Invalid("the request id is not UTF-8");
  return absl::OkStatus();
}

CommandResult Execute(Turn& turn, const Command& command) {
  turn.SetActor(command.actor);
  CommandResult result = std::visit(Dispatch{turn}, command.body);
  if (!result.status.ok()) return result;
  RecordCommand(turn, command, result);
  if (!command.request_id.empty()) turn.RememberAnswer(command.actor, command.request_id, result.id);
  return result;
}

}  // namespace tocsin
