// The printed names of the model's enumerations, and look-ups in an organisation.
#include <algorithm>

#include "model/command.h"
#include "model/inlet.h"
#include "model/organisation.h"
#include "model/response.h"
#include "model/timeline.h"

namespace tocsin {
namespace {

template <typename T, typename Id>
const T* FindById(const std::vector<T>& all, const Id& id) {
  const auto found = std::ranges::find(all, id, &T::id);
  return found == all.end() ? nullptr : &*found;
}

const Route* FindRoute(const Route& route, const RouteId& id) {
  if (route.id == id) return &route;
  for (const Route& child : route.children) {
    if (const Route* found = FindRoute(child, id)) return found;
  }
  return nullptr;
}

}  // namespace

std::string_view Name(Outcome outcome) {
  constexpr std::string_view kNames[kOutcomes] = {"new",          "refired",  "duplicate",        "updated",
                                                  "acknowledged", "resolved", "already_resolved", "silenced",
                                                  "unrouted",     "rejected"};
  return kNames[static_cast<std::size_t>(outcome)];
}

std::string_view Name(Admission admission) {
  switch (admission) {
    case Admission::kAccepted: return "accepted";
    case Admission::kOverloaded: return "overloaded";
    case Admission::kDiskLow: return "disk_low";
    case Admission::kTooLarge: return "too_large";
    case Admission::kStopping: return "stopping";
  }
  return "unknown";
}

std::string_view Name(ContactMethod::Kind kind) {
  switch (kind) {
    case ContactMethod::Kind::kTerminal: return "terminal";
    case ContactMethod::Kind::kEmail: return "email";
    case ContactMethod::Kind::kSms: return "sms";
    case ContactMethod::Kind::kVoice: return "voice";
    case ContactMethod::Kind::kWebhook: return "webhook";
    case ContactMethod::Kind::kSlackWebhook: return "slack_webhook";
    case ContactMethod::Kind::kSlack: return "slack";
  }
  return "unknown";
}

std::string_view Name(const Command::Body& body) {
  struct Namer {
    std::string_view operator()(const AcknowledgeGroup&) const { return "AcknowledgeGroup"; }
    std::string_view operator()(const SnoozeGroup&) const { return "SnoozeGroup"; }
    std::string_view operator()(const UnacknowledgeGroup&) const { return "UnacknowledgeGroup"; }
    std::string_view operator()(const MergeGroups&) const { return "MergeGroups"; }
    std::string_view operator()(const SplitGroup&) const { return "SplitGroup"; }
    std::string_view operator()(const ReassignGroup&) const { return "ReassignGroup"; }
    std::string_view operator()(const AddResponders&) const { return "AddResponders"; }
    std::string_view operator()(const RerouteGroup&) const { return "RerouteGroup"; }
    std::string_view operator()(const ResolveGroup&) const { return "ResolveGroup"; }
    std::string_view operator()(const EscalateGroup&) const { return "EscalateGroup"; }
    std::string_view operator()(const AcknowledgeBundle&) const { return "AcknowledgeBundle"; }
    std::string_view operator()(const AcknowledgeIncident&) const { return "AcknowledgeIncident"; }
    std::string_view operator()(const ResolveIncident&) const { return "ResolveIncident"; }
    std::string_view operator()(const OpenIncident&) const { return "OpenIncident"; }
    std::string_view operator()(const AddNote&) const { return "AddNote"; }
    std::string_view operator()(const CreateSilence&) const { return "CreateSilence"; }
    std::string_view operator()(const ExpireSilence&) const { return "ExpireSilence"; }
    std::string_view operator()(const ApplyOrganisation& c) const {
      return c.repeats.set() ? "RollBack" : "ApplyOrganisation";
    }
    std::string_view operator()(const CreateToken&) const { return "CreateToken"; }
    std::string_view operator()(const RevokeToken&) const { return "RevokeToken"; }
    std::string_view operator()(const InviteUser&) const { return "InviteUser"; }
    std::string_view operator()(const SetPassword& c) const {
      return c.invitation.empty() ? "ChangePassword" : "AcceptInvitation";
    }
    std::string_view operator()(const LockUser& c) const { return c.locked ? "LockUser" : "UnlockUser"; }
    std::string_view operator()(const SignIn&) const { return "SignIn"; }
    std::string_view operator()(const RenewSession&) const { return "RenewSession"; }
    std::string_view operator()(const TestPage&) const { return "TestPage"; }
    std::string_view operator()(const ConfirmContact&) const { return "ConfirmContact"; }
    std::string_view operator()(const AttemptResult&) const { return "AttemptResult"; }
    std::string_view operator()(const ProviderReceipt&) const { return "ProviderReceipt"; }
    std::string_view operator()(const OverrideSchedule&) const { return "OverrideSchedule"; }
    std::string_view operator()(const EndOverride&) const { return "EndOverride"; }
    std::string_view operator()(const RequestSwap&) const { return "RequestSwap"; }
    std::string_view operator()(const OfferSwap&) const { return "OfferSwap"; }
    std::string_view operator()(const TakeSwap&) const { return "TakeSwap"; }
    std::string_view operator()(const WithdrawSwap&) const { return "WithdrawSwap"; }
    std::string_view operator()(const RecordChange&) const { return "RecordChange"; }
    std::string_view operator()(const PingHeartbeat&) const { return "PingHeartbeat"; }
    std::string_view operator()(const PutHeartbeat&) const { return "PutHeartbeat"; }
    std::string_view operator()(const RemoveHeartbeat&) const { return "RemoveHeartbeat"; }
    std::string_view operator()(const EnableHeartbeat&) const { return "EnableHeartbeat"; }
    std::string_view operator()(const HeartbeatTold&) const { return "HeartbeatTold"; }
    std::string_view operator()(const ApplyToOpsgenieAlert&) const { return "ApplyToOpsgenieAlert"; }
  };
  return std::visit(Namer(), body);
}

std::string_view Name(TimelineEntry::Kind kind) {
  using Kind = TimelineEntry::Kind;
  switch (kind) {
    case Kind::kOpened: return "opened";
    case Kind::kAlertsChanged: return "alerts_changed";
    case Kind::kAcknowledged: return "acknowledged";
    case Kind::kUnacknowledged: return "unacknowledged";
    case Kind::kResolved: return "resolved";
    case Kind::kReopened: return "reopened";
    case Kind::kSuppressed: return "suppressed";
    case Kind::kUnsuppressed: return "unsuppressed";
    case Kind::kEscalationStarted: return "escalation_started";
    case Kind::kStepExecuted: return "step_executed";
    case Kind::kStepSkipped: return "step_skipped";
    case Kind::kEscalationExhausted: return "escalation_exhausted";
    case Kind::kEscalationStopped: return "escalation_stopped";
    case Kind::kPaged: return "paged";
    case Kind::kNotificationQueued: return "notification_queued";
    case Kind::kNotificationStarted: return "notification_started";
    case Kind::kNotificationAccepted: return "notification_accepted";
    case Kind::kNotificationRetry: return "notification_retry";
    case Kind::kNotificationAmbiguous: return "notification_ambiguous";
    case Kind::kNotificationFailed: return "notification_failed";
    case Kind::kNotificationCancelled: return "notification_cancelled";
    case Kind::kReceipt: return "receipt";
    case Kind::kIncidentOpened: return "incident_opened";
    case Kind::kIncidentJoined: return "incident_joined";
    case Kind::kNote: return "note";
    case Kind::kSilenceCreated: return "silence_created";
    case Kind::kSilenceEnded: return "silence_ended";
    case Kind::kOrganisationApplied: return "organisation_applied";
    case Kind::kUnreachable: return "unreachable";
    case Kind::kFallback: return "fallback";
    case Kind::kAuditorRepaired: return "auditor_repaired";
    case Kind::kThresholdNotMet: return "threshold_not_met";
    case Kind::kThresholdMet: return "threshold_met";
    case Kind::kSnoozed: return "snoozed";
    case Kind::kMerged: return "merged";
    case Kind::kSplit: return "split";
    case Kind::kFlapping: return "flapping";
    case Kind::kStable: return "stable";
    case Kind::kNotificationHeld: return "notification_held";
    case Kind::kNotificationBundled: return "notification_bundled";
    case Kind::kRerouted: return "rerouted";
    case Kind::kReassigned: return "reassigned";
    case Kind::kRespondersAdded: return "responders_added";
    case Kind::kStepWaits: return "step_waits";
    case Kind::kUrgencyRaised: return "urgency_raised";
  }
  return "unknown";
}

Subject SubjectOf(GroupId id) {
  return {SubjectKind::kGroup, id.value()};
}
Subject SubjectOf(IncidentId id) {
  return {SubjectKind::kIncident, id.value()};
}
Subject SubjectOf(SilenceId id) {
  return {SubjectKind::kSilence, id.value()};
}

Subject BundleSubject(NotificationId id) {
  return {SubjectKind::kBundle, id.value()};
}

RowKey KeyOf(const Row& row) {
  const auto id = std::visit(
      [](const auto& value) -> std::uint64_t {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Counters> || std::is_same_v<T, OrganisationPtr>) {
          return 0;
        } else {
          return value.id.value();
        }
      },
      row);
  return {static_cast<std::uint8_t>(row.index()), id};
}

const User* Organisation::Find(const UserId& id) const {
  return FindById(users, id);
}
const Team* Organisation::Find(const TeamId& id) const {
  return FindById(teams, id);
}
const Schedule* Organisation::Find(const ScheduleId& id) const {
  return FindById(schedules, id);
}
const EscalationPolicy* Organisation::Find(const PolicyId& id) const {
  return FindById(policies, id);
}
const Service* Organisation::Find(const ServiceId& id) const {
  return FindById(services, id);
}
const Integration* Organisation::Find(const IntegrationId& id) const {
  return FindById(integrations, id);
}
const TimeInterval* Organisation::Find(const TimeIntervalId& id) const {
  return FindById(time_intervals, id);
}
const Receiver* Organisation::Find(const ReceiverId& id) const {
  return FindById(receivers, id);
}
const Route* Organisation::Find(const RouteId& id) const {
  return FindRoute(route, id);
}

bool Organisation::HasSecond(ContactMethod::Kind kind) const {
  const bool by_telephone = kind == ContactMethod::Kind::kSms || kind == ContactMethod::Kind::kVoice;
  if (kind == ContactMethod::Kind::kEmail) return !smtp.url.empty() && !second_smtp.url.empty();
  return by_telephone && !twilio.account_sid.empty() && !second_twilio.account_sid.empty();
}

}  // namespace tocsin
