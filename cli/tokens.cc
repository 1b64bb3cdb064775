// token.
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::AccessService;

absl::StatusOr<v1::Role> ParseRole(const std::string& word) {
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::string name = "ROLE_" + word;
  for (char& c : name)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (v1::Role_Parse(name, &role) && role != v1::ROLE_UNSPECIFIED) return role;
  return Invalid("--role: %s is none of viewer, responder, manager, admin, integration", JsonQuote(word));
}

std::string Teams(const google::protobuf::RepeatedPtrField<std::string>& teams) {
  return teams.empty() ? "all" : Printable(absl::StrJoin(teams, ", "));
}

std::string Owner(const v1::AccessToken& token) {
  if (token.integration().starts_with("calendar/")) {
    return Printable(token.integration()) + (token.user().empty() ? "" : "/" + Printable(token.user()));
  }
  if (!token.integration().empty()) return "integration " + Printable(token.integration());
  return token.user().empty() ? "program " + Printable(token.name()) : Printable(token.user());
}

absl::Status Create(const Arguments& arguments, const Client& client) {
  v1::CreateTokenRequest request;
  request.set_user(arguments.get("user"));
  request.set_name(arguments.get("name"));
  request.set_integration(arguments.get("integration"));
  if (!arguments.has("role")) return Invalid("--role: one of viewer, responder, manager, admin, integration");
  TOCSIN_ASSIGN(const v1::Role role, ParseRole(arguments.get("role")));
  request.set_role(role);
  for (const std::string& team : arguments.all("team"))
    request.add_teams(team);
  const std::string life = arguments.get("expires");
  if (life == "never") {
    request.set_never_expires(true);
  } else if (!life.empty()) {
    TOCSIN_ASSIGN(const absl::Duration span, ParseSpan(life));
    request.mutable_expires_in()->set_seconds(absl::ToInt64Seconds(span));
  }
  TOCSIN_ASSIGN(const auto response, client.Call<AccessService>(&AccessService::Stub::CreateToken, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  // The token alone on standard output, so that it can go straight into a file.
  std::printf("%s\n", response.token().c_str());
  std::fprintf(stderr, "T%llu, %s; it is shown this once and kept nowhere: give it by $TOCSIN_TOKEN or --token-file\n",
               static_cast<unsigned long long>(response.id()),
               response.has_expires_at() ? ("good until " + Show(response.expires_at())).c_str() : "good for ever");
  return absl::OkStatus();
}

absl::Status List(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const auto response,
                client.Call<AccessService>(&AccessService::Stub::ListTokens, v1::ListTokensRequest()));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"TOKEN", "OF", "NAME", "ROLE", "TEAMS", "MADE", "BY", "EXPIRES"});
  for (const auto& entry : response.entries()) {
    const v1::AccessToken& token = entry.token();
    const std::string expires = !token.has_expires_at() ? "never"
                                : entry.expired()       ? "EXPIRED " + Show(token.expires_at())
                                                        : Show(token.expires_at());
    table.Add({absl::StrFormat("T%d", token.id()), Owner(token), Printable(token.name()),
               token.session() ? "session" : EnumWord(v1::Role_Name(token.role()), "ROLE_"),
               token.session() ? "as its person" : Teams(token.teams()), Show(token.created_at()),
               Printable(token.created_by()), expires});
  }
  table.Print();
  return absl::OkStatus();
}

absl::Status Revoke(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("which one? `tocsin token list` shows them");
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    TOCSIN_ASSIGN(const Reference reference, ParseReference(arguments.positional()[i], "T"));
    v1::RevokeTokenRequest request;
    request.set_id(reference.id);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<AccessService>(&AccessService::Stub::RevokeToken, request));
    if (WantsJson(arguments)) {
      PrintJson(response);
    } else {
      std::printf("T%llu opens nothing any more\n", static_cast<unsigned long long>(reference.id));
    }
  }
  return absl::OkStatus();
}

absl::Status ShowMe(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const auto me, client.Call<AccessService>(&AccessService::Stub::WhoAmI, v1::WhoAmIRequest()));
  if (WantsJson(arguments)) {
    PrintJson(me);
    return absl::OkStatus();
  }
  std::string more;
  for (const auto& in : me.team_roles())
    more += ", " + EnumWord(v1::Role_Name(in.role()), "ROLE_") + " in " + Printable(in.team());
  std::printf("%s, %s, for teams: %s%s%s%s\n", Printable(me.name()).c_str(),
              EnumWord(v1::Role_Name(me.role()), "ROLE_").c_str(), Teams(me.teams()).c_str(), more.c_str(),
              me.token() == 0 ? ", by the server's own token"
                              : absl::StrFormat(", by %s T%d", me.session() ? "session" : "token", me.token()).c_str(),
              me.has_expires_at() ? (", good until " + Show(me.expires_at())).c_str() : "");
  return absl::OkStatus();
}

}  // namespace

int RunToken(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"user",        0, true, "USER",     "create: whose it is"                                       },
      {"name",        0, true, "NAME",     "create: a program's name, or what a person's is for"       },
      {"role",        0, true, "ROLE",     "create: viewer, responder, manager, admin, integration"    },
      {"team",        0, true, "TEAM",     "create: it may change what is this team's; repeat for more"},
      {"integration", 0, true, "ID",       "create: the door that it opens, with --role integration"   },
      {"expires",     0, true, "DURATION", "create: 12h, 30d (default 90d), or never (admins only)"    }
  };
  return WithClient("token", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string what = parsed.positional().empty() ? "" : parsed.positional()[0];
    if (what == "create") return Create(parsed, client);
    if (what == "list") return List(parsed, client);
    if (what == "revoke") return Revoke(parsed, client);
    if (what == "show") return ShowMe(parsed, client);
    return Invalid("%s is none of create, list, revoke T3, show (which token this is)", JsonQuote(what));
  });
}

}  // namespace tocsin
