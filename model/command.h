// What people and programs ask of the responder. The same door for the CLI, the API, signed links and the notifiers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "model/change_event.h"
#include "model/heartbeat.h"
#include "model/ids.h"
#include "model/opsgenie.h"
#include "model/organisation.h"
#include "model/reach.h"
#include "model/report.h"
#include "model/response.h"
#include "model/schedule_edition.h"

namespace tocsin {

// `generation`: the state that the caller saw; absent: whatever it is now.
struct AcknowledgeGroup {
  GroupId group;
  std::optional<Generation> generation;
  std::optional<std::uint32_t> episode = std::nullopt;  // only this one: links must not touch a later one
};
// Acknowledged until then; alerts that still fire are asked about again. Exactly one of the two is set.
struct SnoozeGroup {
  GroupId group;
  std::optional<Generation> generation;
  std::optional<absl::Time> until;
  std::optional<absl::Duration> duration;
};
struct UnacknowledgeGroup {
  GroupId group;
  std::optional<Generation> generation;
};
// From now on `groups` are parts of `into`.
struct MergeGroups {
  GroupId into;
  std::vector<GroupId> groups;
};
struct SplitGroup {  // a merged group is one of its own again
  GroupId group;
};
// By the configuration as it is now: the route's present version, and its policy from the first step; or another policy.
struct RerouteGroup {
  GroupId group;
  std::optional<Generation> generation;
  PolicyId policy;  // unset: the route's
};
// To certain people, in place of whoever is being paged for it: nobody else follows by itself.
struct ReassignGroup {
  GroupId group;
  std::optional<Generation> generation;
  std::vector<Target> targets;
};
// Certain people besides, whether or not somebody has acknowledged; each answers for himself.
struct AddResponders {
  Subject subject;  // a group or an incident
  std::vector<Target> targets;
  std::string note;  // what they are asked for
};
struct ResolveGroup {
  GroupId group;
  std::optional<Generation> generation;
};
struct EscalateGroup {  // run the next step now
  GroupId group;
};
struct AcknowledgeIncident {
  IncidentId incident;
  std::optional<Generation> generation;
};
struct ResolveIncident {
  IncidentId incident;
  std::optional<Generation> generation;
};
struct AcknowledgeBundle {  // all that a message names which told of several things at once
  NotificationId bundle;
};
struct OpenIncident {
  std::string title;
  std::uint8_t severity = 3;
  ServiceId service;
  PolicyId policy;
  std::vector<GroupId> groups;
  std::vector<Target> responders = {};  // paged at once, besides those of the policy
};
struct AddNote {
  Subject subject;
  std::string text;
};
struct CreateSilence {
  Silence silence;  // id unset: new; set: replaces
};
struct ExpireSilence {
  SilenceId silence;
  bool maintenance = false;  // it is meant to be a maintenance window
};
struct ApplyOrganisation {
  OrganisationPtr organisation;  // checked
  std::string reason;
  ConfigurationId repeats = {};                  // the version that it is rolled back to
  std::optional<ConfigurationId> expected = {};  // refused when another one is in force by then
  ScheduleTransition transition = {};
};
// An override from now on, or from later on.
struct OverrideSchedule {
  ScheduleId schedule;
  Override change;  // without id and seq
};
struct EndOverride {  // one that runs ends now, one to come never begins
  ScheduleChangeId change;
};
// Somebody else is to be on call in place of `user`, wherever that one is between the two instants.
struct RequestSwap {
  ScheduleId schedule;
  UserId user;
  absl::Time start;
  absl::Time end;
  std::vector<LayerId> layers;
  std::vector<UserId> of;  // whom to ask; none: everybody whom the schedule names
  std::string reason;
};
struct OfferSwap {  // `user` would take it; the one who asked decides
  ScheduleChangeId swap;
  UserId user;
};
struct TakeSwap {  // `user` is on call instead
  ScheduleChangeId swap;
  UserId user;
};
// By the one who asked, all of it; by a volunteer, his offer.
struct WithdrawSwap {
  ScheduleChangeId swap;
  UserId volunteer;  // unset: all of it
};
struct CreateToken {
  AccessToken token;  // its id is given; checked by whoever may make it
};
struct RevokeToken {
  TokenId token;
};
// Makes a code with which `user` may set a password.
struct InviteUser {
  UserId user;
  std::string invitation;  // its hash
  absl::Time expires_at;
  bool reset =
      false;  // ends the password and the sessions that there are; without it who has a password is not invited
};
// Sets a password and ends sessions: by an invitation of that hash, or in place of `former`, the password as it is kept.
struct SetPassword {
  UserId user;           // by invitation: unset, whoever it is for
  std::string password;  // argon2id
  std::string invitation = {};
  std::string former = {};
  TokenId keep = {};  // a session that goes on
};
// Lets nobody in as `user`, or again.
struct LockUser {
  UserId user;
  bool locked = true;
};
// A session of whoever has given the password that is kept as `password`, or for whom session.voucher was given: that identity is the
// person's from then on. Aborted: the password is another one by now, or nobody comes in by the account. FailedPrecondition: the
// identity is somebody else's, or theirs is another one.
struct SignIn {
  AccessToken session;
  std::string password;
};
// A session has been used.
struct RenewSession {
  TokenId session;
};
struct TestPage {
  UserId user;
};
// `user` has pressed the link of a message that went to this contact method. NotFound: it is not theirs (any more).
struct ConfirmContact {
  UserId user;
  ContactReachId reach;
};
// What came of an attempt. Sent by `notify`.
struct AttemptResult {
  enum class Kind : std::uint8_t {
    kAccepted = 1,
    kRetryLater = 2,  // certainly not delivered; try again
    kRejected = 3,    // certainly never will be: next method at once
    kAmbiguous = 4,   // the answer was lost: try again, labelled
    kNotStarted = 5,  // the gate was closed before it began
  };
  NotificationId notification;
  std::int32_t attempt = 0;
  Kind kind = Kind::kAccepted;
  std::string provider_id;
  std::string detail;          // for people and logs; no secrets
  absl::Duration retry_after;  // zero: our own back-off decides
};
// What a provider says became of a message that it has taken.
struct ProviderReceipt {
  std::string provider_id;
  bool delivered = false;
  std::string detail;
  // Which message, where the provider says that too: known before it has answered, and whichever of its attempts it was.
  NotificationId notification = {};
  std::string key = {};  // its idempotency key
};
// `id` of the result is the change's.
struct RecordChange {
  ChangeEvent change;  // without id and `received`
};
// NotFound: there is none of this name. One that is disabled takes it too, and stays silent.
struct PingHeartbeat {
  HeartbeatName name;
};
// Makes it, or makes it what `rule` says and keeps what has been heard of it. FailedPrecondition: it is declared.
struct PutHeartbeat {
  HeartbeatRule rule;
  std::vector<std::string> tags;
  std::string priority;
  bool must_be_new = false;  // AlreadyExists when it is not
};
struct RemoveHeartbeat {
  HeartbeatName name;
};
struct EnableHeartbeat {
  HeartbeatName name;
  bool enabled = true;
};
// What the turn `turn` says has reached the alert table. Sent by the engine itself.
struct HeartbeatTold {
  HeartbeatId heartbeat;
  std::uint64_t turn = 0;
};
// See model/opsgenie.h. The result is OK whatever came of it, and `opsgenie` tells; not OK only when `request` is missing.
struct ApplyToOpsgenieAlert {
  IntegrationId integration;
  std::string request;            // the request's id, unique
  OpsgenieIdentifier identifier;  // unused by Create
  opsgenie::Action action;
  std::string user = {};
  std::string source = {};
  std::string note = {};
};

struct Command {
  using Body = std::variant<AcknowledgeGroup,
                            SnoozeGroup,
                            UnacknowledgeGroup,
                            MergeGroups,
                            SplitGroup,
                            RerouteGroup,
                            ReassignGroup,
                            AddResponders,
                            ResolveGroup,
                            EscalateGroup,
                            AcknowledgeIncident,
                            ResolveIncident,
                            AcknowledgeBundle,
                            OpenIncident,
                            AddNote,
                            CreateSilence,
                            ExpireSilence,
                            ApplyOrganisation,
                            CreateToken,
                            RevokeToken,
                            InviteUser,
                            SetPassword,
                            LockUser,
                            SignIn,
                            RenewSession,
                            TestPage,
                            ConfirmContact,
                            AttemptResult,
                            ProviderReceipt,
                            OverrideSchedule,
                            EndOverride,
                            RequestSwap,
                            OfferSwap,
                            TakeSwap,
                            WithdrawSwap,
                            RecordChange,
                            PingHeartbeat,
                            PutHeartbeat,
                            RemoveHeartbeat,
                            EnableHeartbeat,
                            HeartbeatTold,
                            ApplyToOpsgenieAlert>;
  std::string request_id;  // a repeat with the same id answers as the first did; empty: not repeatable
  std::string actor;       // "user:alice", "link:alice", "notify"
  Body body;
  std::string origin = {};  // from where it came, for the audit log: "grpc 10.1.2.3"
  TokenId token = {};       // that was shown
};

// What it is called, as in the API: "AcknowledgeGroup".
std::string_view Name(const Command::Body& body);

// The answer, given after what it says is durable. `id` is what was made: a silence, an incident, a page.
struct CommandResult {
  absl::Status status;
  std::uint64_t id = 0;
  std::uint64_t sequence = 0;
  std::shared_ptr<const OpsgenieOutcome> opsgenie = nullptr;  // of ApplyToOpsgenieAlert
};
using CommandDone = absl::AnyInvocable<void(const CommandResult&)>;

}  // namespace tocsin
