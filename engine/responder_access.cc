#include "engine/responder_access.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_groups.h"
#include "engine/responder_outbox.h"
#include "engine/responder_schedules.h"
#include "engine/responder_steps.h"

namespace tocsin {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kTokenNameBytes = 100;
constexpr std::size_t kTeamsPerToken = 100;
constexpr std::size_t kAuditTextBytes = 500;
constexpr absl::Duration kKeepExpired = absl::Hours(24 * 30);

absl::Status Check(const Turn& turn, const AccessToken& token) {
  if (token.hash.size() != kHashDigits) return Invalid("the token's hash is not one");
  if (token.name.size() > kTokenNameBytes) return Invalid("name: at most %d bytes", kTokenNameBytes);
  if (!IsValidUtf8(token.name)) return Invalid("name: not UTF-8");
  if (token.teams.size() > kTeamsPerToken) return Invalid("teams: at most %d", kTeamsPerToken);
  if (token.ExpiredAt(turn.now().wall)) return Invalid("expires_at: is past");
  const bool taken = std::ranges::any_of(turn.state().tokens, [&](const auto& entry) {
    return !entry.second.session && entry.second.name == token.name && entry.second.user == token.user &&
           !entry.second.ExpiredAt(turn.now().wall);
  });
  if (taken) {
    return absl::AlreadyExistsError(absl::StrCat("there is a token \"", token.name, "\" of ", token.Actor(),
                                                 " already: revoke it, or give this one another name"));
  }
  return absl::OkStatus();
}

// Those that ran out a month ago are history.
void DropExpired(Turn& turn) {
  const absl::Time before = turn.now().wall - kKeepExpired;
  for (const auto& [id, token] : turn.state().tokens) {
    if (token.ExpiredAt(before)) turn.Remove<AccessToken>(id);
  }
}

std::string Scope(const AccessToken& token) {
  if (token.session) return "session";
  std::string text(Name(token.role));
  if (token.integration.set()) absl::StrAppend(&text, " of ", token.integration.value());
  if (!token.teams.empty()) {
    absl::StrAppend(&text, " for ", absl::StrJoin(token.teams, ", ", [](std::string* out, const TeamId& team) {
      *out += team.value();
    }));
  }
  return text;
}

// The object of a command, and what it was and is: `was` reads the state, which a turn leaves alone until it is folded.
struct Recorder {
  Turn& turn;
  std::uint64_t made;
  AuditEntry& entry;

  void Of(GroupId id) const {
    entry.object = absl::StrCat("G", id.value());
    const auto before = turn.state().groups.find(id);
    const Group* after = turn.Find<Group>(id);
    if (before != turn.state().groups.end()) entry.before = Describe(before->second);
    if (after != nullptr) entry.after = Describe(*after);
  }
  void Of(IncidentId id) const {
    entry.object = absl::StrCat("I", id.value());
    const auto state = [](const Incident& incident) {
      const char* word = incident.state == Incident::State::kOpen           ? "is open"
                         : incident.state == Incident::State::kAcknowledged ? "is acknowledged"
                                                                            : "is resolved";
      return absl::StrCat(word, " (generation ", incident.generation.value(), ")");
    };
    const auto before = turn.state().incidents.find(id);
    const Incident* after = turn.Find<Incident>(id);
    if (before != turn.state().incidents.end()) entry.before = state(before->second);
    if (after != nullptr) entry.after = state(*after);
  }
  void Of(SilenceId id) const {
    const auto describe = [](const Silence& silence) {
      return absl::StrCat(silence.service.set()
                              ? absl::StrCat("service ", silence.service.value())
                              : OneLine(Format(std::span<const Matcher>(silence.matchers)), kAuditTextBytes),
                          " from ", Instant(silence.starts_at), " to ", Instant(silence.ends_at));
    };
    const auto before = turn.state().silences.find(id);
    const Silence* after = turn.Find<Silence>(id);
    const bool maintenance = after != nullptr && after->maintenance;
    entry.object = absl::StrCat(maintenance ? "M" : "S", id.value());
    if (before != turn.state().silences.end()) entry.before = describe(before->second);
    if (after != nullptr) {
      entry.after = describe(*after);
      entry.text = OneLine(after->comment, kAuditTextBytes);
    }
  }

  void Of(ScheduleChangeId id) const {
    entry.object = absl::StrCat("O", id.value());
    const auto before = turn.state().schedule_changes.find(id);
    const ScheduleChange* after = turn.Find<ScheduleChange>(id);
    const auto describe = [&](const ScheduleChange& change) {
      return OneLine(absl::StrCat(ToAbsl(StateOf(change, turn.now().wall)), ": ", Describe(change)), kAuditTextBytes);
    };
    if (before != turn.state().schedule_changes.end()) entry.before = describe(before->second);
    if (after != nullptr) entry.after = describe(*after);
  }

  template <typename C>
  requires requires(const C& c) { c.group; }
  void operator()(const C& c) const { Of(c.group); }
  template <typename C>
  requires requires(const C& c) { c.incident; }
  void operator()(const C& c) const { Of(c.incident); }
  void operator()(const MergeGroups& c) const {
    Of(c.into);
    entry.text = absl::StrCat("takes in ", absl::StrJoin(c.groups, ", ", [](std::string* out, GroupId id) {
                                absl::StrAppend(out, "G", id.value());
                              }));
  }
  void operator()(const RerouteGroup& c) const {
    Of(c.group);
    if (c.policy.set()) entry.text = absl::StrCat("to policy ", c.policy.value());
  }
  void operator()(const ReassignGroup& c) const {
    Of(c.group);
    entry.text = absl::StrCat("to ", Names(turn.Resolve(c.targets)));
  }
  void operator()(const AddResponders& c) const {
    if (c.subject.kind == SubjectKind::kGroup) Of(GroupId(c.subject.id));
    if (c.subject.kind == SubjectKind::kIncident) Of(IncidentId(c.subject.id));
    entry.text =
        absl::StrCat(Names(turn.Resolve(c.targets)), c.note.empty() ? "" : ": ", OneLine(c.note, kAuditTextBytes));
  }
  void operator()(const AcknowledgeBundle& c) const { entry.object = absl::StrCat("B", c.bundle.value()); }
  void operator()(const OpenIncident& c) const {
    Of(IncidentId(made));
    entry.text = OneLine(c.title, kAuditTextBytes);
  }
  void operator()(const AddNote& c) const {
    entry.object = NameOf(c.subject);
    entry.text = OneLine(c.text, kAuditTextBytes);
  }
  void operator()(const CreateSilence& /*c*/) const { Of(SilenceId(made)); }
  void operator()(const ExpireSilence& c) const { Of(c.silence); }
  void operator()(const ApplyOrganisation& c) const {
    entry.object = "configuration";
    const std::uint64_t before = turn.state().counters.configuration.value();
    entry.before = before == 0 ? "none" : absl::StrCat("version ", before);
    entry.after = absl::StrCat("version ", before + 1);
    entry.text = c.repeats.set() ? absl::StrCat("the same as version ", c.repeats.value(), c.reason.empty() ? "" : ": ")
                                 : std::string();
    entry.text += OneLine(c.reason, kAuditTextBytes);
  }
  void operator()(const CreateToken& c) const {
    entry.object = absl::StrCat("T", made);
    entry.after = Scope(c.token);
    entry.text = absl::StrCat("for ", c.token.Actor(), c.token.name.empty() ? "" : ": ", c.token.name);
  }
  void operator()(const RevokeToken& c) const {
    entry.object = absl::StrCat("T", c.token.value());
    const auto before = turn.state().tokens.find(c.token);
    if (before == turn.state().tokens.end()) return;
    entry.before = Scope(before->second);
    entry.after = "revoked";
    entry.text = absl::StrCat("of ", before->second.Actor(), ": ", before->second.name);
  }
  void OfUser(const UserId& user) const {
    entry.object = OneLine(absl::StrCat("user ", user.value()), kAuditTextBytes);
  }
  void operator()(const InviteUser& c) const {
    OfUser(c.user);
    entry.after = absl::StrCat("may set a password until ", Instant(c.expires_at));
    if (c.reset) entry.text = "the former password and its sessions are ended";
  }
  void operator()(const SetPassword& /*c*/) const {
    const Account* account = turn.Find<Account>(AccountId(made));
    if (account == nullptr) return;
    OfUser(account->user);
    entry.after = "has a new password";
    entry.text = "other sessions are ended";
  }
  void operator()(const LockUser& c) const {
    OfUser(c.user);
    entry.after = c.locked ? "locked" : "not locked";
  }
  void operator()(const SignIn& c) const {
    entry.object = absl::StrCat("T", made);
    entry.after = "session";
    entry.text = absl::StrCat("of ", c.session.user.value(), c.session.name.empty() ? "" : ": ", c.session.name);
    if (!c.session.voucher) return;
    absl::StrAppend(&entry.text, ", by ", OneLine(c.session.voucher->provider, 100));
    const Rights& granted = c.session.voucher->granted;
    if (granted.everywhere > Role::kViewer) absl::StrAppend(&entry.text, ", ", ToAbsl(Name(granted.everywhere)));
    for (const Rights::InTeam& in : granted.teams)
      absl::StrAppend(&entry.text, ", ", ToAbsl(Name(in.role)), " for ", in.team.value());
    entry.text = OneLine(entry.text, kAuditTextBytes);
  }
  void operator()(const RenewSession& /*c*/) const {}
  void operator()(const TestPage& c) const {
    entry.object = absl::StrCat("P", made);
    entry.text = absl::StrCat("to ", OneLine(c.user.value(), 100));
  }
  void operator()(const ConfirmContact& /*c*/) const {}
  void operator()(const OverrideSchedule& /*c*/) const { Of(ScheduleChangeId(made)); }
  void operator()(const EndOverride& c) const { Of(c.change); }
  void operator()(const RequestSwap& /*c*/) const { Of(ScheduleChangeId(made)); }
  void operator()(const OfferSwap& c) const {
    Of(c.swap);
    entry.text = c.user.value();
  }
  void operator()(const TakeSwap& c) const { Of(c.swap); }
  void operator()(const WithdrawSwap& c) const {
    Of(c.swap);
    entry.text = c.volunteer.value();
  }
  void operator()(const PutHeartbeat& c) const {
    entry.object = OneLine(absl::StrCat("heartbeat ", c.rule.id.value()), kAuditTextBytes);
    entry.after = absl::StrCat("every ", absl::FormatDuration(c.rule.interval), c.rule.enabled ? "" : ", disabled");
  }
  void operator()(const RemoveHeartbeat& c) const {
    entry.object = OneLine(absl::StrCat("heartbeat ", c.name.value()), kAuditTextBytes);
    entry.after = "removed";
  }
  void operator()(const EnableHeartbeat& c) const {
    entry.object = OneLine(absl::StrCat("heartbeat ", c.name.value()), kAuditTextBytes);
    entry.after = c.enabled ? "enabled" : "disabled";
  }
  void operator()(const RecordChange& /*c*/) const {}
  void operator()(const PingHeartbeat& /*c*/) const {}
  void operator()(const HeartbeatTold& /*c*/) const {}
  void operator()(const ApplyToOpsgenieAlert& /*c*/) const {}
  void operator()(const AttemptResult& /*c*/) const {}
  void operator()(const ProviderReceipt& /*c*/) const {}
};

bool IsOfTheMachine(const Command::Body& body) {
  return std::holds_alternative<AttemptResult>(body) || std::holds_alternative<ProviderReceipt>(body) ||
         std::holds_alternative<RecordChange>(body) || std::holds_alternative<PingHeartbeat>(body) ||
         std::holds_alternative<HeartbeatTold>(body) || std::holds_alternative<ConfirmContact>(body) ||
         std::holds_alternative<RenewSession>(body) || std::holds_alternative<ApplyToOpsgenieAlert>(body);
}

}  // namespace

absl::StatusOr<TokenId> CreateTokenBy(Turn& turn, const CreateToken& command) {
  TOCSIN_TRY(Check(turn, command.token));
  DropExpired(turn);
  const auto lasting =
      std::ranges::count_if(turn.state().tokens, [](const auto& each) { return !each.second.session; });
  if (static_cast<std::size_t>(lasting) >= limits::kTokens) {
    return Exhausted("there are %d tokens already: revoke some", limits::kTokens);
  }
  AccessToken& token = turn.Create<AccessToken>();
  const TokenId id = token.id;
  token = command.token;
  token.id = id;
  token.created_at = turn.now().wall;
  token.created_by = turn.actor();
  turn.PublishAccess();
  return id;
}

absl::Status RevokeTokenBy(Turn& turn, const RevokeToken& command) {
  if (turn.Find<AccessToken>(command.token) == nullptr) {
    return NotFound("token T%d is not known (any more)", command.token.value());
  }
  turn.Remove<AccessToken>(command.token);
  turn.PublishAccess();
  return absl::OkStatus();
}

AccessPtr AccessOf(const ResponderState& state) {
  auto access = std::make_shared<Access>();
  access->organisation = state.organisation;
  access->tokens.reserve(state.tokens.size());
  for (const auto& [id, token] : state.tokens)
    access->tokens.push_back(token);
  for (const auto& [id, account] : state.accounts) {
    if (account.locked) access->locked.insert(account.user);
  }
  return access;
}

void RecordCommand(Turn& turn, const Command& command, const CommandResult& result) {
  if (IsOfTheMachine(command.body) || !turn.HasFacts()) return;
  AuditEntry entry;
  entry.actor = command.actor;
  entry.token = command.token;
  entry.origin = OneLine(command.origin, 100);
  entry.action = Name(command.body);
  std::visit(Recorder{turn, result.id, entry}, command.body);
  turn.Record(std::move(entry));
}

}  // namespace tocsin
