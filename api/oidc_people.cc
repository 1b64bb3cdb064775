#include "api/oidc_people.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/auth.h"
#include "api/may_apply.h"
#include "api/records.h"
#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/check.h"
#include "config/text.h"
#include "model/codec/common_proto.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostGroups = 2000;
constexpr std::size_t kShownBytes = 100;

std::string Quoted(std::string_view text) {
  return JsonQuote(TruncateUtf8(text, kShownBytes));
}

absl::Status Refused(std::string_view why) {
  return absl::PermissionDeniedError(ToAbsl(why));
}

// In lower case; "" when the provider does not say that it is theirs.
std::string VerifiedEmail(const oidc::Settings& settings, const oidc::Json& claims) {
  const std::string email = claims.TextOf("email");
  // Some write the flag as text.
  const bool verified =
      claims.FlagOf("email_verified") || claims.TextOf("email_verified") == "true" || settings.trust_email;
  return verified && CheckEmailAddress(email).ok() ? ToLower(email) : "";
}

absl::Status CheckAllowed(const oidc::Settings& settings,
                          const std::string& email,
                          const std::vector<std::string>& groups) {
  if (!settings.allowed_domains.empty()) {
    const std::string domain = email.substr(std::min(email.rfind('@') + 1, email.size()));
    const bool allowed =
        std::ranges::any_of(settings.allowed_domains, [&](const std::string& each) { return ToLower(each) == domain; });
    if (email.empty() || !allowed) {
      return Refused("only people with a verified e-mail address of certain domains may log in here (allowed_domains)");
    }
  }
  if (settings.allowed_groups.empty()) return absl::OkStatus();
  const bool allowed = std::ranges::any_of(
      settings.allowed_groups, [&](const std::string& each) { return std::ranges::count(groups, each) > 0; });
  return allowed ? absl::OkStatus() : Refused("only people in certain groups may log in here (allowed_groups)");
}

UserId OwnerOf(Api& api, const Identity& identity) {
  UserId owner;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const auto& [id, account] : responder.state().accounts) {
      if (std::ranges::count(account.identities, identity) > 0) owner = account.user;
    }
  });
  return owner;
}

// Whoever has the address as a contact method; none when two have, since then it is nobody's own.
absl::StatusOr<UserId> ByEmail(const Organisation& organisation, const std::string& email) {
  if (email.empty()) {
    return Refused("the provider names no verified e-mail address, by which people are found here for the first time");
  }
  UserId found;
  for (const User& user : organisation.users) {
    const bool has = std::ranges::any_of(user.contact_methods, [&](const ContactMethod& method) {
      return method.kind == ContactMethod::Kind::kEmail && ToLower(method.address) == email;
    });
    if (!has) continue;
    if (found.set()) return Refused(absl::StrCat("more than one person has the address ", Quoted(email)));
    found = user.id;
  }
  return found;
}

// Who has come for the first time: as the settings say. Not set: nobody is known to be that one.
absl::StatusOr<UserId> Match(const oidc::Settings& settings,
                             const Organisation& organisation,
                             const oidc::Claims& claims,
                             const std::string& email) {
  const auto known = std::ranges::find(settings.people, claims.subject, &oidc::Settings::Known::subject);
  if (known != settings.people.end()) return known->user;
  switch (settings.match) {
    case oidc::Settings::Match::kEmail: return ByEmail(organisation, email);
    case oidc::Settings::Match::kUsername: {
      const UserId user(claims.all.TextOf(settings.username_claim));
      return organisation.Find(user) == nullptr ? UserId() : user;
    }
    case oidc::Settings::Match::kNobody: return UserId();
  }
  return UserId();
}

// Adds them to the organisation, with no more than everybody may.
absl::StatusOr<UserId> Create(Api& api,
                              const oidc::Settings& settings,
                              const oidc::Claims& claims,
                              const std::string& email,
                              const std::string& origin) {
  OrganisationPtr present;
  ConfigurationId version;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    present = responder.state().organisation;
    version = responder.state().counters.configuration;
  });
  if (present == nullptr) return Refused("there is no organisation yet");
  User user;
  user.id = UserId(claims.all.TextOf(settings.username_claim));
  if (!user.id.set()) user.id = UserId(email.substr(0, email.find('@')));
  if (const absl::Status status = CheckId(user.id.value()); !status.ok()) {
    return Refused(
        absl::StrCat("the claim ", settings.username_claim, " is no name for a person here: ", Message(status)));
  }
  if (IsReservedName(user.id.value())) {
    return Refused(
        absl::StrCat("nobody is called ", Quoted(user.id.value()),
                     " here who comes by themselves: the server acts by that name. Ask an admin to add you"));
  }
  const std::string lower = ToLower(user.id.value());
  const bool taken =
      std::ranges::any_of(present->users, [&](const User& each) { return ToLower(each.id.value()) == lower; });
  if (taken) {
    return Refused(
        absl::StrCat("there is somebody called ", Quoted(user.id.value()),
                     " here, of whom it is not known that it is you: ask a manager to give them your e-mail address"));
  }
  if (const std::string name = claims.all.TextOf("name"); CheckLine(name, kShownBytes).ok()) user.name = name;
  user.time_zone = "UTC";
  if (!email.empty()) {
    user.contact_methods.push_back({ContactMethodId("email"), ContactMethod::Kind::kEmail, email, ""});
  }
  auto wanted = std::make_shared<Organisation>(*present);
  wanted->users.push_back(user);
  if (const std::vector<Problem> problems = Check(*wanted); !problems.empty()) {
    return Refused(absl::StrCat("you cannot be added to the organisation: ", Format(problems.front())));
  }
  ApplyOrganisation apply;
  apply.organisation = std::move(wanted);
  apply.reason = absl::StrCat("logged in by ", settings.name, " for the first time");
  apply.expected = version;
  const CommandResult result = api.engine.ExecuteAndWait({"", "provider:" + settings.name, std::move(apply), origin});
  if (!result.status.ok()) return Annotate(result.status, "you cannot be added to the organisation");
  return user.id;
}

}  // namespace

absl::StatusOr<Vouched> FindPerson(Api& api,
                                   const oidc::Settings& settings,
                                   const oidc::Claims& claims,
                                   const std::string& origin) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  if (organisation == nullptr) return Refused("there is no organisation yet");
  const std::string email = VerifiedEmail(settings, claims.all);
  std::vector<std::string> groups = claims.all.TextsOf(settings.groups_claim);
  if (groups.size() > kMostGroups) groups.resize(kMostGroups);
  TOCSIN_TRY(CheckAllowed(settings, email, groups));
  Vouched who;
  who.voucher = {
      settings.name, {settings.issuer, claims.subject},
       claims.session, oidc::RightsOfGroups(settings, groups)
  };
  who.user = OwnerOf(api, who.voucher.identity);
  if (!who.user.set()) {
    TOCSIN_ASSIGN(who.user, Match(settings, *organisation, claims, email));
  }
  if (!who.user.set() && settings.create_people) {
    TOCSIN_ASSIGN(who.user, Create(api, settings, claims, email, origin));
    return who;
  }
  if (!who.user.set() || organisation->Find(who.user) == nullptr) {
    return Refused(absl::StrCat("you are known to ", settings.Label(), ", and to nobody here: ask a manager to add you",
                                settings.match == oidc::Settings::Match::kEmail
                                    ? absl::StrCat(", with the e-mail address ", Quoted(email))
                                    : std::string()));
  }
  return who;
}

absl::Status SignInVouched(
    Api& api, const std::string& origin, const Vouched& who, std::string name, v1::SignInResponse& response) {
  TOCSIN_TRY(Annotate(CheckLine(name, kShownBytes), "name"));
  SignIn command;
  command.session.user = who.user;
  command.session.name = name.empty() ? "session" : std::move(name);
  command.session.voucher = who.voucher;
  const std::string secret = MakeToken();
  command.session.hash = HashKey(secret);
  const Caller person{.name = "user:" + who.user.value(), .origin = origin, .user = who.user};
  v1::CommandResponse done;
  const absl::Status status = Run(api, person, "", std::move(command), done);
  if (absl::IsAborted(status) || absl::IsNotFound(status)) return Refused("nobody may log in here by your name");
  TOCSIN_TRY(status);
  response.set_id(done.id());
  response.set_sequence(done.sequence());
  response.set_token(secret);
  response.set_user(who.user.value());
  PutTime(api.engine.Read().wall + kSessionIdle, response, &v1::SignInResponse::mutable_expires_at);
  return absl::OkStatus();
}

}  // namespace tocsin
