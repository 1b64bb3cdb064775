#include "engine/responder_identity.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kPasswordBytes = 128;  // as libsodium writes one
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kSessionsOfOne = 10;
constexpr std::size_t kSessions = 20'000;
constexpr std::size_t kIdentitiesOfOne = 10;
constexpr std::size_t kVoucherBytes = 8 * 1024;  // of all that a provider says

absl::Status CheckPerson(const Turn& turn, const UserId& user) {
  if (turn.organisation() != nullptr && turn.organisation()->Find(user) != nullptr) return absl::OkStatus();
  return NotFound("user %s does not exist", JsonQuote(TruncateUtf8(user.value(), 100)));
}

const Account* AccountOf(const Turn& turn, const UserId& user) {
  const auto found = turn.state().account_of.find(user);
  return found == turn.state().account_of.end() ? nullptr : turn.Find<Account>(found->second);
}

Account& AccountFor(Turn& turn, const UserId& user) {
  if (const Account* present = AccountOf(turn, user)) return turn.Edit<Account>(present->id);
  Account& account = turn.Create<Account>();
  account.user = user;
  return account;
}

// What a person has given out by which others come in; they are not to be trusted with it any more.
void EndInvitationsBy(Turn& turn, const UserId& user) {
  std::vector<AccountId> invited;
  for (const auto& [id, account] : turn.state().accounts) {
    if (!account.invitation.empty() && account.invited_by == "user:" + user.value()) invited.push_back(id);
  }
  for (const AccountId id : invited) {
    Account& account = turn.Edit<Account>(id);
    account.invitation.clear();
    account.invitation_expires_at = absl::Time();
  }
}

void EndSessions(Turn& turn, const UserId& user, TokenId keep = {}) {
  for (const auto& [id, token] : turn.state().tokens) {
    if (token.session && token.user == user && id != keep) turn.Remove<AccessToken>(id);
  }
  turn.PublishAccess();
}

// Makes room for one more session of `user`: what has run out goes, then what was used least lately.
absl::Status MakeRoom(Turn& turn, const UserId& user) {
  const absl::Time now = turn.now().wall;
  std::size_t all = 0;
  std::vector<const AccessToken*> own;
  for (const auto& [id, token] : turn.state().tokens) {
    if (!token.session) continue;
    if (token.ExpiredAt(now)) {
      turn.Remove<AccessToken>(id);
      continue;
    }
    ++all;
    if (token.user == user) own.push_back(&token);
  }
  if (own.size() >= kSessionsOfOne) {
    std::ranges::sort(own, {}, [](const AccessToken* token) { return std::pair(token->expires_at, token->id); });
    own.resize(own.size() - kSessionsOfOne + 1);
    for (const AccessToken* token : own)
      turn.Remove<AccessToken>(token->id);
    return absl::OkStatus();
  }
  if (all >= kSessions) return Exhausted("%d people have logged in already: some must log out", kSessions);
  return absl::OkStatus();
}

absl::StatusOr<AccountId> FindInvited(const Turn& turn, const std::string& invitation) {
  const auto found = turn.state().invited.find(invitation);
  const Account* account = found == turn.state().invited.end() ? nullptr : turn.Find<Account>(found->second);
  if (account != nullptr && account->InvitedAt(turn.now().wall) && !account->locked &&
      CheckPerson(turn, account->user).ok()) {
    return account->id;
  }
  return absl::PermissionDeniedError("the invitation is not known, was used, or has run out: ask for another one");
}

absl::StatusOr<AccountId> FindChanged(const Turn& turn, const SetPassword& command) {
  TOCSIN_TRY(CheckPerson(turn, command.user));
  const Account* account = AccountOf(turn, command.user);
  if (account == nullptr || account->locked || account->password.empty() || account->password != command.former) {
    return absl::AbortedError("the password was changed by somebody else meanwhile: nothing is changed");
  }
  return account->id;
}

absl::Status CheckPassword(const Turn& turn, const SignIn& command) {
  const Account* account = AccountOf(turn, command.session.user);
  if (account == nullptr || account->locked || account->password.empty() || account->password != command.password) {
    return absl::AbortedError("the password is another one by now");
  }
  return absl::OkStatus();
}

absl::Status CheckVoucher(const Voucher& voucher) {
  std::size_t bytes = voucher.provider.size() + voucher.identity.issuer.size() + voucher.identity.subject.size() +
                      voucher.session.size();
  for (const Rights::InTeam& grant : voucher.granted.teams)
    bytes += grant.team.value().size() + 1;
  if (voucher.provider.empty() || voucher.identity.issuer.empty() || voucher.identity.subject.empty()) {
    return Invalid("the voucher names nobody");
  }
  return bytes <= kVoucherBytes ? absl::OkStatus() : Invalid("the voucher has more than %d bytes", kVoucherBytes);
}

// One person has one identity of an issuer, and nobody else has it: an address that was given to somebody new lets nobody in.
absl::Status CheckIdentity(const Turn& turn, const UserId& user, const Identity& identity) {
  for (const auto& [id, account] : turn.state().accounts) {
    if (account.user != user && std::ranges::count(account.identities, identity) > 0) {
      return Precondition("this identity is %s's already", JsonQuote(TruncateUtf8(account.user.value(), 100)));
    }
  }
  const Account* present = AccountOf(turn, user);
  if (present == nullptr) return absl::OkStatus();
  if (present->locked) return absl::AbortedError("nobody may log in as this person");
  if (std::ranges::count(present->identities, identity) > 0) return absl::OkStatus();
  if (std::ranges::count(present->identities, identity.issuer, &Identity::issuer) > 0) {
    return Precondition(
        "%s has another identity of this provider: an admin may take it away by `tocsin user invite %s --reset`",
        user.value(), user.value());
  }
  if (present->identities.size() >= kIdentitiesOfOne) return Exhausted("%s has too many identities", user.value());
  return absl::OkStatus();
}

// From now on it is `user` who comes by it.
void Remember(Turn& turn, const UserId& user, const Identity& identity) {
  const Account* present = AccountOf(turn, user);
  if (present != nullptr && std::ranges::count(present->identities, identity) > 0) return;
  AccountFor(turn, user).identities.push_back(identity);
}

absl::Status CheckProof(const Turn& turn, const SignIn& command) {
  if (!command.session.voucher) return CheckPassword(turn, command);
  TOCSIN_TRY(CheckVoucher(*command.session.voucher));
  return CheckIdentity(turn, command.session.user, command.session.voucher->identity);
}

}  // namespace

absl::StatusOr<AccountId> InviteUserBy(Turn& turn, const InviteUser& command) {
  TOCSIN_TRY(CheckPerson(turn, command.user));
  if (command.invitation.size() != kHashDigits) return Invalid("the invitation's hash is not one");
  if (command.expires_at <= turn.now().wall) return Invalid("expires_at: is past");
  const Account* present = AccountOf(turn, command.user);
  if (present != nullptr && present->locked) {
    return Precondition("%s is locked: `tocsin user unlock %s` comes first", command.user.value(),
                        command.user.value());
  }
  if (present != nullptr && !present->password.empty() && !command.reset) {
    return Precondition("%s has a password already: an admin may take it away by `tocsin user invite %s --reset`",
                        command.user.value(), command.user.value());
  }
  Account& account = AccountFor(turn, command.user);
  account.invitation = command.invitation;
  account.invitation_expires_at = command.expires_at;
  account.invited_by = turn.actor();
  if (command.reset) {
    account.password.clear();
    account.password_at = absl::Time();
    account.identities.clear();  // whoever comes by a provider is found anew
    EndSessions(turn, command.user);
  }
  turn.MakeFact();
  return account.id;
}

absl::StatusOr<AccountId> SetPasswordBy(Turn& turn, const SetPassword& command) {
  if (command.password.empty() || command.password.size() > kPasswordBytes)
    return Invalid("the password's hash is not one");
  TOCSIN_ASSIGN(const AccountId id,
                command.invitation.empty() ? FindChanged(turn, command) : FindInvited(turn, command.invitation));
  Account& account = turn.Edit<Account>(id);
  account.password = command.password;
  account.password_at = turn.now().wall;
  account.invitation.clear();
  account.invitation_expires_at = absl::Time();
  EndSessions(turn, account.user, command.keep);
  turn.MakeFact();
  return id;
}

absl::StatusOr<AccountId> LockUserBy(Turn& turn, const LockUser& command) {
  TOCSIN_TRY(CheckPerson(turn, command.user));
  const Account* present = AccountOf(turn, command.user);
  const bool locked = present != nullptr && present->locked;
  if (locked == command.locked) return present != nullptr ? present->id : AccountId();  // it is so already
  Account& account = AccountFor(turn, command.user);
  account.locked = command.locked;
  account.invitation.clear();
  account.invitation_expires_at = absl::Time();
  if (command.locked) {
    EndInvitationsBy(turn, command.user);
    EndSessions(turn, command.user);
  }
  turn.PublishAccess();  // the person's other tokens open nothing as long as it is locked
  turn.MakeFact();
  return account.id;
}

absl::StatusOr<TokenId> SignInBy(Turn& turn, const SignIn& command) {
  const AccessToken& wanted = command.session;
  TOCSIN_TRY(CheckPerson(turn, wanted.user));
  if (wanted.hash.size() != kHashDigits) return Invalid("the session's hash is not one");
  if (wanted.name.size() > kNameBytes || !IsValidUtf8(wanted.name))
    return Invalid("name: at most %d bytes", kNameBytes);
  TOCSIN_TRY(CheckProof(turn, command));
  TOCSIN_TRY(MakeRoom(turn, wanted.user));
  if (wanted.voucher) Remember(turn, wanted.user, wanted.voucher->identity);
  AccessToken& session = turn.Create<AccessToken>();
  session.hash = wanted.hash;
  session.user = wanted.user;
  session.name = wanted.name;
  session.session = true;
  session.voucher = wanted.voucher;
  session.created_at = turn.now().wall;
  session.created_by = turn.actor();
  session.expires_at = turn.now().wall + kSessionIdle;
  turn.PublishAccess();
  return session.id;
}

absl::Status RenewSessionBy(Turn& turn, const RenewSession& command) {
  const AccessToken* present = turn.Find<AccessToken>(command.session);
  if (present == nullptr || !present->session || present->ExpiredAt(turn.now().wall)) {
    return NotFound("session T%d is not known (any more)", command.session.value());
  }
  const absl::Time until = std::min(turn.now().wall + kSessionIdle, present->created_at + kSessionLife);
  if (until <= present->expires_at) return absl::OkStatus();
  turn.Edit<AccessToken>(command.session).expires_at = until;
  turn.PublishAccess();
  return absl::OkStatus();
}

void EndAccountsOfTheGone(Turn& turn, const Organisation* former, const Organisation& organisation) {
  if (former != nullptr) {
    for (const User& user : former->users) {
      if (organisation.Find(user.id) == nullptr) EndInvitationsBy(turn, user.id);
    }
  }
  for (const auto& [id, account] : turn.state().accounts) {
    if (organisation.Find(account.user) == nullptr) turn.Remove<Account>(id);
  }
  turn.PublishAccess();
  // Of whoever comes by the same name later nothing is left over: not what opens doors by it, either.
  for (const auto& [id, token] : turn.state().tokens) {
    if (token.user.set() && organisation.Find(token.user) == nullptr) turn.Remove<AccessToken>(id);
  }
}

}  // namespace tocsin
