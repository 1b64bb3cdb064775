#include <algorithm>

#include "api/auth.h"
#include "api/calendar_token.h"
#include "api/handlers.h"
#include "api/records.h"
#include "api/rights.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/text.h"
#include "model/codec/access_proto.h"
#include "model/codec/common_proto.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr absl::Duration kUsualLife = absl::Hours(24 * 90);
constexpr absl::Duration kLongestLife = absl::Hours(24 * 366 * 5);

// Whether everything that `token` may do, `caller` may do as well: nobody gives away more than they have.
absl::Status MayGive(const Caller& caller, const AccessToken& token) {
  if (caller.role < Role::kManager) {
    return absl::PermissionDeniedError("tokens are made by managers and admins");
  }
  if (token.role > caller.role) {
    return absl::PermissionDeniedError(absl::StrFormat("%s has the role %s and cannot give the role %s", caller.name,
                                                       Name(caller.role), Name(token.role)));
  }
  if (caller.everywhere()) return absl::OkStatus();
  const auto acts_for = [&](const TeamId& team) { return std::ranges::find(caller.teams, team) != caller.teams.end(); };
  if (token.integration.set()) {
    return absl::PermissionDeniedError("integrations belong to no team: ask somebody who manages all of them");
  }
  if (token.teams.empty() || !std::ranges::all_of(token.teams, acts_for)) {
    return absl::PermissionDeniedError("teams: name some of those that you act for yourself, and no others");
  }
  return absl::OkStatus();
}

// What is done by it is done in that person's name: so it is made by those who could invite them, and by themselves.
absl::Status MaySpeakFor(const Caller& caller, const Organisation& organisation, const UserId& user) {
  if (!user.set() || user == caller.user || Covers(caller, organisation, user)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("%s may do what %s may not, or is in none of your teams: ask somebody who may do as much",
                      JsonQuote(user.value()), caller.name));
}

absl::StatusOr<absl::Time> ReadExpiry(const Caller& caller, const v1::CreateTokenRequest& request, absl::Time now) {
  if (request.never_expires()) {
    if (caller.role < Role::kAdmin) return absl::PermissionDeniedError("never_expires: only an admin may say so");
    return absl::Time();
  }
  if (!request.has_expires_in()) return now + kUsualLife;
  absl::Duration life;
  TOCSIN_TRY(Annotate(FromProto(request.expires_in(), life), "expires_in"));
  if (life < absl::Minutes(1) || life > kLongestLife) return Invalid("expires_in: must be a minute to five years");
  return now + life;
}

absl::Status CheckOwner(const Organisation& organisation, const AccessToken& token) {
  if (token.role == Role::kIntegration) {
    if (token.user.set() || !token.teams.empty()) return Invalid("an integration's token has no user and no teams");
    if (organisation.Find(token.integration) == nullptr) {
      return NotFound("integration %s does not exist; `tocsin export` shows those that do",
                      JsonQuote(TruncateUtf8(token.integration.value(), 100)));
    }
    return absl::OkStatus();
  }
  if (token.integration.set()) return Invalid("integration: only for the role integration");
  if (!token.user.set()) {
    if (token.name.empty()) return Invalid("say whose token it is: a user, or the name of a program");
    return Annotate(CheckId(token.name), "name");
  }
  if (organisation.Find(token.user) != nullptr) return CheckLine(token.name);
  return NotFound("user %s does not exist; a program has a name instead of a user",
                  JsonQuote(TruncateUtf8(token.user.value(), 100)));
}

absl::StatusOr<AccessToken> ReadToken(const Caller& caller,
                                      const Organisation& organisation,
                                      const v1::CreateTokenRequest& request,
                                      absl::Time now) {
  AccessToken token;
  if (request.role() == v1::ROLE_UNSPECIFIED) {
    return Invalid("role: must be one of viewer, responder, manager, admin, integration");
  }
  TOCSIN_TRY(Annotate(FromProto(request.role(), token.role), "role"));
  token.user = UserId(request.user());
  token.name = request.name();
  token.integration = IntegrationId(request.integration());
  FromProto(request.teams(), token.teams);
  if (token.name.empty() && token.user.set()) token.name = "default";
  if (token.name.empty() && token.integration.set()) token.name = token.integration.value();
  TOCSIN_TRY(CheckOwner(organisation, token));
  for (const TeamId& team : token.teams) {
    if (organisation.Find(team) == nullptr)
      return NotFound("team %s does not exist", JsonQuote(TruncateUtf8(team.value(), 100)));
  }
  if (token.role == Role::kAdmin && !token.teams.empty()) {
    return Invalid("teams: an admin is of no team; a manager is");
  }
  TOCSIN_TRY(MayGive(caller, token));
  TOCSIN_TRY(MaySpeakFor(caller, organisation, token.user));
  TOCSIN_ASSIGN(token.expires_at, ReadExpiry(caller, request, now));
  return token;
}

void Show(const AccessToken& from, absl::Time now, v1::ListTokensResponse::Entry& to) {
  ToProto(from, *to.mutable_token());
  to.mutable_token()->clear_hash();
  if (to.token().has_voucher()) {  // what the provider calls the person and its own session is nobody's business
    to.mutable_token()->mutable_voucher()->clear_identity();
    to.mutable_token()->mutable_voucher()->clear_session();
  }
  to.set_expired(from.ExpiredAt(now));
}

// Their own, and those that they could have made; sessions of people who may do no more than they. Whoever has logged in has all of their
// own; a token that was given away has itself.
bool MaySee(const Caller& caller, const Access& access, const AccessToken& token) {
  if (CalendarDoorOf(token) && token.created_by == caller.name) return true;
  if (token.id == caller.token || (caller.session && token.user == caller.user)) return true;
  const std::optional<Caller> manager = caller.At(Role::kManager);
  if (!manager) return false;
  if (!token.session && !MayGive(*manager, token).ok()) return false;
  if (!token.user.set()) return true;
  return access.organisation != nullptr && Covers(*manager, *access.organisation, token.user);
}

}  // namespace

absl::Status RunCreateToken(Api& api,
                            const Caller& caller,
                            const v1::CreateTokenRequest& request,
                            v1::CreateTokenResponse& response) {
  const AccessPtr access = api.engine.access();
  const Organisation none;
  const Organisation& organisation = access->organisation ? *access->organisation : none;
  TOCSIN_ASSIGN(AccessToken token, ReadToken(caller, organisation, request, api.engine.Read().wall));
  const std::string secret = MakeToken();
  token.hash = HashKey(secret);
  PutTime(token.expires_at, response, &v1::CreateTokenResponse::mutable_expires_at);
  v1::CommandResponse done;
  // Without the request's id: a repeat would be answered with a token that was never made. Its name keeps a second from
  // being made by mistake.
  TOCSIN_TRY(Run(api, caller, "", CreateToken{std::move(token)}, done));
  response.set_id(done.id());
  response.set_sequence(done.sequence());
  response.set_token(secret);
  return absl::OkStatus();
}

absl::Status ListTokens(Api& api,
                        const Caller& caller,
                        const v1::ListTokensRequest&,
                        v1::ListTokensResponse& response) {
  const absl::Time now = api.engine.Read().wall;
  const AccessPtr access = api.engine.access();
  for (const AccessToken& token : access->tokens) {
    if (MaySee(caller, *access, token)) Show(token, now, *response.add_entries());
  }
  return absl::OkStatus();
}

absl::Status RunRevokeToken(Api& api,
                            const Caller& caller,
                            const v1::RevokeTokenRequest& request,
                            v1::CommandResponse& response) {
  const TokenId id(request.id());
  const AccessPtr access = api.engine.access();
  const auto found = std::ranges::find(access->tokens, id, &AccessToken::id);
  // Of those that they may not see nobody learns whether they exist.
  if (found == access->tokens.end() || !MaySee(caller, *access, *found))
    return NotFound("token T%d is not known (any more)", id.value());
  return Run(api, caller, request.request_id(), RevokeToken{id}, response);
}

absl::Status WhoAmI(Api& api, const Caller& caller, const v1::WhoAmIRequest&, v1::WhoAmIResponse& response) {
  response.set_name(caller.name);
  response.set_role(ToProto(caller.role));
  ToProto(caller.teams, *response.mutable_teams());
  response.set_token(caller.token.value());
  response.set_session(caller.session);
  for (const Rights::InTeam& standing : caller.more)
    ToProto(standing, *response.add_team_roles());
  const AccessPtr access = api.engine.access();
  const auto found = std::ranges::find(access->tokens, caller.token, &AccessToken::id);
  if (found != access->tokens.end()) PutTime(found->expires_at, response, &v1::WhoAmIResponse::mutable_expires_at);
  return absl::OkStatus();
}

}  // namespace tocsin
