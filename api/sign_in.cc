#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "api/auth.h"
#include "api/handlers.h"
#include "api/oidc_desk.h"
#include "api/passwords.h"
#include "api/records.h"
#include "api/rights.h"
#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/text.h"
#include "model/codec/access_proto.h"
#include "model/codec/common_proto.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr absl::Duration kUsualInvitation = absl::Hours(24);
constexpr absl::Duration kLongestInvitation = absl::Hours(24 * 7);
// One answer to all who may not come in, so that nobody learns which names there are.
constexpr std::string_view kWrong = "the name or the password is wrong, or nobody may log in by this name";

absl::Status Wrong() {
  return absl::UnauthenticatedError(ToAbsl(kWrong));
}

std::optional<Account> FindAccount(Api& api, const UserId& user) {
  std::optional<Account> account;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const auto found = state.account_of.find(user);
    if (found != state.account_of.end()) account = state.accounts.at(found->second);
  });
  return account;
}

// Whoever was invited by the code of this hash.
UserId FindInvited(Api& api, const std::string& hash) {
  UserId user;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    const ResponderState& state = responder.state();
    const auto found = state.invited.find(hash);
    if (found == state.invited.end()) return;
    const Account& account = state.accounts.at(found->second);
    if (account.InvitedAt(now.wall) && !account.locked) user = account.user;
  });
  return user;
}

// Names that nobody has are not written down: people type passwords into the wrong field.
void LogFailure(Api& api, const Caller& caller, const UserId& user, std::string_view what) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  const bool known = organisation != nullptr && organisation->Find(user) != nullptr;
  LogWarning(what, {
                       {"user",   known ? user.value() : std::string("(not known)")},
                       {"origin", caller.origin                                    }
  });
}

// As themselves, from where they are.
Caller As(const UserId& user, const Caller& caller) {
  Caller person = caller;
  person.name = "user:" + user.value();
  person.user = user;
  return person;
}

absl::StatusOr<absl::Time> ReadExpiry(const v1::InviteUserRequest& request, absl::Time now) {
  absl::Duration life = kUsualInvitation;
  if (request.has_expires_in()) TOCSIN_TRY(Annotate(FromProto(request.expires_in(), life), "expires_in"));
  if (life < absl::Minutes(1) || life > kLongestInvitation) return Invalid("expires_in: must be a minute to a week");
  return now + life;
}

absl::Status CheckPerson(const OrganisationPtr& organisation, const UserId& user) {
  if (organisation != nullptr && organisation->Find(user) != nullptr) return absl::OkStatus();
  return NotFound("user %s does not exist", JsonQuote(TruncateUtf8(user.value(), 100)));
}

}  // namespace

void RememberLogins(Api& api) {
  constexpr std::size_t kLookedAt = 20'000;
  constexpr std::size_t kAtOnce = 1000;
  constexpr std::string_view kPerson = "user:";
  const std::uint8_t table = KeyOf(Row(AuditEntry())).table;
  std::vector<std::pair<std::string, std::string>> logins;
  std::uint64_t before = 0;
  for (std::size_t looked_at = 0; looked_at < kLookedAt; looked_at += kAtOnce) {
    const absl::StatusOr<std::vector<Row>> rows = api.engine.store().ListRows(table, before, kAtOnce);
    if (!rows.ok() || rows->empty()) break;
    for (const Row& row : *rows) {
      const auto& entry = std::get<AuditEntry>(row);
      before = entry.id.value();
      if (entry.action != "SignIn" || !entry.actor.starts_with(kPerson)) continue;
      logins.emplace_back(entry.actor.substr(kPerson.size()), AddressOf(Nobody(entry.origin)));
    }
  }
  // The latest last, so that where two fall together it stays.
  for (auto each = logins.rbegin(); each != logins.rend(); ++each)
    api.attempts->Remember(each->first, each->second);
}

absl::Status RunSignIn(Api& api, const Caller& caller, const v1::SignInRequest& request, v1::SignInResponse& response) {
  TOCSIN_TRY(Annotate(CheckLine(request.name(), 100), "name"));
  const UserId user(request.user());
  const EngineTime now = api.engine.Read().engine;
  TOCSIN_TRY(api.attempts->Begin(user.value(), AddressOf(caller), now));
  const std::optional<Account> account = FindAccount(api, user);
  const std::string kept = account && !account->locked ? account->password : "";
  if (!VerifyPassword(kept, request.password())) {
    LogFailure(api, caller, user, "somebody could not log in");
    return Wrong();
  }
  // Told to those who know the password only: nobody else learns who comes how.
  const std::string label = api.oidc == nullptr ? "" : api.oidc->InsteadOfPassword(user, account->identities);
  if (!label.empty()) {
    LogFailure(api, caller, user, "somebody gave a password who is to come by a provider");
    return absl::PermissionDeniedError(
        absl::StrFormat("%s logs in by %s and by no password: `tocsin login --oidc`", user.value(), label));
  }
  SignIn command;
  command.password = kept;
  command.session.user = user;
  command.session.name = request.name().empty() ? "session" : request.name();
  const std::string secret = MakeToken();
  command.session.hash = HashKey(secret);
  v1::CommandResponse done;
  const absl::Status status = Run(api, As(user, caller), "", std::move(command), done);
  // It was changed or locked, or its person has gone, since it was looked at.
  if (absl::IsAborted(status) || absl::IsNotFound(status)) return Wrong();
  TOCSIN_TRY(status);
  api.attempts->Succeed(user.value(), AddressOf(caller));
  response.set_id(done.id());
  response.set_sequence(done.sequence());
  response.set_token(secret);
  response.set_user(user.value());
  PutTime(api.engine.Read().wall + kSessionIdle, response, &v1::SignInResponse::mutable_expires_at);
  return absl::OkStatus();
}

absl::Status RunAcceptInvitation(Api& api,
                                 const Caller& caller,
                                 const v1::AcceptInvitationRequest& request,
                                 v1::AcceptInvitationResponse& response) {
  TOCSIN_TRY(api.attempts->Begin("", AddressOf(caller), api.engine.Read().engine));
  SetPassword command;
  command.invitation = HashKey(Trim(request.invitation()));
  const UserId user = FindInvited(api, command.invitation);
  if (!user.set()) {
    LogFailure(api, caller, user, "an invitation was shown that is not known, was used, or has run out");
    return absl::PermissionDeniedError("the invitation is not known, was used, or has run out: ask for another one");
  }
  api.attempts->Succeed("", AddressOf(caller));
  TOCSIN_TRY(CheckNewPassword(request.password(), user.value()));
  TOCSIN_ASSIGN(command.password, HashPassword(request.password()));
  v1::CommandResponse done;
  TOCSIN_TRY(Run(api, As(user, caller), "", std::move(command), done));
  response.set_user(user.value());
  response.set_sequence(done.sequence());
  return absl::OkStatus();
}

absl::Status RunChangePassword(Api& api,
                               const Caller& caller,
                               const v1::ChangePasswordRequest& request,
                               v1::CommandResponse& response) {
  if (!caller.user.set()) return Precondition("%s is nobody's own token: people have passwords", caller.name);
  TOCSIN_TRY(CheckNewPassword(request.password(), caller.user.value()));
  if (request.password() == request.former()) return Invalid("password: is the former one");
  TOCSIN_TRY(api.attempts->Begin(caller.user.value(), AddressOf(caller), api.engine.Read().engine));
  const std::optional<Account> account = FindAccount(api, caller.user);
  SetPassword command;
  command.user = caller.user;
  command.former = account && !account->locked ? account->password : "";
  command.keep = caller.token;
  if (!VerifyPassword(command.former, request.former())) {
    LogFailure(api, caller, caller.user, "somebody could not change a password: the former one was wrong");
    return absl::PermissionDeniedError("the former password is wrong");
  }
  api.attempts->Succeed(caller.user.value(), AddressOf(caller));
  TOCSIN_ASSIGN(command.password, HashPassword(request.password()));
  return Run(api, caller, "", std::move(command), response);
}

absl::Status RunSignOut(Api& api, const Caller& caller, const v1::SignOutRequest&, v1::CommandResponse& response) {
  if (!caller.session) {
    return Precondition("what was shown is a token and no session: `tocsin token revoke T%d` ends it",
                        caller.token.value());
  }
  return Run(api, caller, "", RevokeToken{caller.token}, response);
}

absl::Status RunInviteUser(Api& api,
                           const Caller& caller,
                           const v1::InviteUserRequest& request,
                           v1::InviteUserResponse& response) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  InviteUser command;
  command.user = UserId(request.user());
  command.reset = request.reset();
  TOCSIN_TRY(CheckPerson(organisation, command.user));
  // Whoever has the code can be that person: so it is made by those who may do as much.
  if (!Covers(caller, *organisation, command.user)) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s may do what %s may not, or is in none of your teams: ask somebody who may do as much",
                        command.user.value(), caller.name));
  }
  if (command.reset && (caller.role < Role::kAdmin || !caller.everywhere())) {
    return absl::PermissionDeniedError("reset: passwords are taken away by admins");
  }
  TOCSIN_ASSIGN(command.expires_at, ReadExpiry(request, api.engine.Read().wall));
  const std::string code = MakeToken();
  command.invitation = HashKey(code);
  PutTime(command.expires_at, response, &v1::InviteUserResponse::mutable_expires_at);
  v1::CommandResponse done;
  TOCSIN_TRY(Run(api, caller, "", std::move(command), done));
  response.set_sequence(done.sequence());
  response.set_invitation(code);
  return absl::OkStatus();
}

absl::Status RunLockUser(Api& api,
                         const Caller& caller,
                         const v1::LockUserRequest& request,
                         v1::CommandResponse& response) {
  const LockUser command{UserId(request.user()), !request.unlock()};
  TOCSIN_TRY(CheckPerson(api.engine.access()->organisation, command.user));
  if (command.locked && command.user == caller.user) return Precondition("nobody locks themselves out");
  return Run(api, caller, request.request_id(), command, response);
}

absl::Status ListUsers(Api& api, const Caller&, const v1::ListUsersRequest&, v1::ListUsersResponse& response) {
  const AccessPtr access = api.engine.access();
  if (access->organisation == nullptr) return absl::OkStatus();
  std::map<UserId, Account> accounts;
  absl::Time wall;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    wall = now.wall;
    for (const auto& [id, account] : responder.state().accounts)
      accounts.emplace(account.user, account);
  });
  std::map<UserId, std::uint32_t> sessions;
  for (const AccessToken& token : access->tokens) {
    if (token.session && !token.ExpiredAt(wall)) ++sessions[token.user];
  }
  const std::map<UserId, Rights> rights = AllRights(*access->organisation);
  for (const User& user : access->organisation->users) {
    auto& entry = *response.add_entries();
    entry.set_user(user.id.value());
    const auto standing = rights.find(user.id);
    entry.set_role(ToProto(standing == rights.end() ? Role::kViewer : standing->second.everywhere));
    if (standing != rights.end()) {
      for (const Rights::InTeam& in : standing->second.teams)
        ToProto(in, *entry.add_team_roles());
    }
    if (const auto counted = sessions.find(user.id); counted != sessions.end()) entry.set_sessions(counted->second);
    const auto account = accounts.find(user.id);
    if (account == accounts.end()) continue;
    entry.set_has_password(!account->second.password.empty());
    PutTime(account->second.password_at, entry, &v1::ListUsersResponse::Entry::mutable_password_at);
    if (account->second.InvitedAt(wall)) {
      PutTime(account->second.invitation_expires_at, entry, &v1::ListUsersResponse::Entry::mutable_invited_until);
    }
    entry.set_locked(account->second.locked);
    for (const Identity& identity : account->second.identities)
      entry.add_issuers(identity.issuer);
  }
  return absl::OkStatus();
}

}  // namespace tocsin
