#include "oidc/settings.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/reader.h"
#include "config/text.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kMostProviders = 20;
constexpr std::size_t kNameBytes = 40;
constexpr std::size_t kTextBytes = 500;
constexpr std::size_t kMostEntries = 10'000;

constexpr Choice<Settings::Match> kMatches[] = {
    {"email",    Settings::Match::kEmail   },
    {"username", Settings::Match::kUsername},
    {"nobody",   Settings::Match::kNobody  },
};
constexpr Choice<Settings::ClientAuth> kClientAuths[] = {
    {"basic", Settings::ClientAuth::kBasic },
    {"post",  Settings::ClientAuth::kPost  },
    {"none",  Settings::ClientAuth::kPublic},
};
constexpr Choice<Role> kRoles[] = {
    {"viewer",    Role::kViewer   },
    {"responder", Role::kResponder},
    {"manager",   Role::kManager  },
    {"admin",     Role::kAdmin    },
};

void ReadGrant(Reader& reader, const YamlNode& node, const std::string& path, Settings::Grant& to) {
  YamlFields fields(reader, node, path);
  fields.Require("group");
  fields.Text("group", to.group);
  fields.Require("role");
  fields.OneOf<Role>("role", kRoles, to.role);
  fields.Name("team", to.team);
  if (to.role == Role::kAdmin && to.team.set()) {
    fields.Report("role", "an admin is of no team: leave team out, or say manager");
  }
}

void ReadKnown(Reader& reader, const YamlNode& node, const std::string& path, Settings::Known& to) {
  YamlFields fields(reader, node, path);
  fields.Require("subject");
  fields.Text("subject", to.subject);
  fields.Require("user");
  fields.Name("user", to.user);
}

void ReadAlgorithms(YamlFields& fields, std::vector<Algorithm>& to) {
  std::vector<std::string> names;
  fields.TextList("algorithms", names);
  for (const std::string& name : names) {
    const auto* known = std::ranges::find(kAlgorithms, name, &AlgorithmName::name);
    if (known != std::end(kAlgorithms)) {
      to.push_back(known->algorithm);
    } else {
      fields.Report(
          "algorithms",
          absl::StrFormat("%s is none of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
                          JsonQuote(TruncateUtf8(name, 40))));
    }
  }
  if (!names.empty()) return;
  for (const AlgorithmName& each : kAlgorithms)
    to.push_back(each.algorithm);
}

void CheckName(YamlFields& fields, const std::string& name) {
  const bool plain =
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (!plain || name.size() > kNameBytes) {
    fields.Report("name", absl::StrFormat("stands in addresses: a-z, 0-9 and -, at most %d", kNameBytes));
  }
}

// The issuer is compared byte by byte with what tokens say, and documents are found below it.
absl::Status CheckIssuer(std::string_view issuer) {
  TOCSIN_TRY(CheckProviderUrl(issuer));
  if (issuer.find_first_of("?#") != issuer.npos) return Invalid("must have neither ? nor #");
  return absl::OkStatus();
}

void CheckWhole(YamlFields& fields, const Settings& to) {
  for (const auto& [field, text] : {
           std::pair("label", &to.label),
           {"issuer",         &to.issuer        },
           {"client_id",      &to.client_id     },
           {"username_claim", &to.username_claim},
           {"groups_claim",   &to.groups_claim  }
  }) {
    if (const absl::Status status = CheckLine(*text, kTextBytes); !status.ok()) fields.Report(field, Message(status));
  }
  if (const absl::Status status = CheckIssuer(to.issuer); !to.issuer.empty() && !status.ok()) {
    fields.Report("issuer", Message(status));
  }
  const bool is_public = to.client_auth == Settings::ClientAuth::kPublic;
  if (is_public && !to.client_secret.empty()) fields.Report("client_authentication", "is none, but there is a secret");
  if (!is_public && to.client_secret.empty()) {
    fields.Report("client_secret", "is missing; a client without one has client_authentication: none");
  }
  if (!to.scopes.empty() && std::ranges::count(to.scopes, "openid") == 0) {
    fields.Report("scopes", "must have openid among them");
  }
  for (const std::string& scope : to.scopes) {
    if (scope.empty() || scope.find_first_of(" \"\\") != scope.npos || !IsAscii(scope))
      fields.Report("scopes", "each is one word");
  }
  for (const std::string& domain : to.allowed_domains) {
    if (domain.empty() || domain.find('@') != domain.npos) fields.Report("allowed_domains", "such as example.com");
  }
  if (to.allowed_groups.size() + to.roles.size() + to.people.size() > kMostEntries) {
    fields.Report("roles", absl::StrFormat("more than %d groups and people", kMostEntries));
  }
}

void ReadProvider(Reader& reader, const YamlNode& node, const std::string& path, Settings& to) {
  YamlFields fields(reader, node, path);
  for (const std::string_view field : {"name", "issuer", "client_id"})
    fields.Require(field);
  fields.Text("name", to.name);
  CheckName(fields, to.name);
  fields.Text("label", to.label);
  fields.Text("issuer", to.issuer);
  fields.Text("client_id", to.client_id);
  fields.Secret("client_secret", to.client_secret);
  fields.OneOf<Settings::ClientAuth>("client_authentication", kClientAuths, to.client_auth);
  fields.TextList("scopes", to.scopes);
  ReadAlgorithms(fields, to.algorithms);
  fields.OneOf<Settings::Match>("match", kMatches, to.match);
  fields.Flag("trust_email", to.trust_email);
  fields.Text("username_claim", to.username_claim);
  fields.Text("groups_claim", to.groups_claim);
  fields.List("people", [&](const YamlNode& item, const std::string& place) {
    ReadKnown(reader, item, place, to.people.emplace_back());
  });
  fields.TextList("allowed_domains", to.allowed_domains);
  fields.TextList("allowed_groups", to.allowed_groups);
  fields.List("roles", [&](const YamlNode& item, const std::string& place) {
    ReadGrant(reader, item, place, to.roles.emplace_back());
  });
  fields.Flag("create_people", to.create_people);
  fields.Flag("passwords", to.passwords);
  fields.Text("ca_file", to.ca_file);
  CheckWhole(fields, to);
}

void CheckUnique(YamlFields& fields, const SignInFile& file) {
  if (file.providers.size() > kMostProviders) {
    fields.Report("providers", absl::StrFormat("more than %d", kMostProviders));
  }
  std::set<std::string_view> names;
  std::set<std::string_view> issuers;
  for (const Settings& provider : file.providers) {
    if (!names.insert(provider.name).second) {
      fields.Report("providers", absl::StrFormat("%s is there twice", JsonQuote(provider.name)));
    }
    // Identities are kept by issuer: two that share one would share people.
    if (!issuers.insert(provider.issuer).second) {
      fields.Report("providers", absl::StrFormat("the issuer %s is there twice", JsonQuote(provider.issuer)));
    }
  }
}

}  // namespace

const Settings* SignInFile::Find(std::string_view name) const {
  const auto found = std::ranges::find(providers, name, &Settings::name);
  return found == providers.end() ? nullptr : &*found;
}

ReadSignIn ParseSignInFile(const std::string& name, std::string_view text, const Secrets& secrets) {
  ReadSignIn result;
  const YamlDocuments documents = ParseYaml(name, text);
  result.problems = documents.problems;
  if (documents.roots.size() != 1 && result.problems.empty()) {
    result.problems.push_back({name, 0, 0, "", "must be one document, with `providers`"});
  }
  if (!result.problems.empty()) return result;
  Reader reader(secrets);
  {
    YamlFields fields(reader, *documents.roots.front(), "");
    fields.Require("providers");
    fields.List("providers", [&](const YamlNode& item, const std::string& path) {
      ReadProvider(reader, item, path, result.file.providers.emplace_back());
    });
    fields.NameList("break_glass", result.file.break_glass);
    CheckUnique(fields, result.file);
  }
  result.problems = reader.problems();
  return result;
}

Rights RightsOfGroups(const Settings& settings, std::span<const std::string> groups) {
  Rights rights;
  for (const Settings::Grant& grant : settings.roles) {
    if (std::ranges::count(groups, grant.group) == 0) continue;
    Rights more;
    if (grant.team.set()) {
      more.teams.push_back({grant.team, grant.role});
    } else {
      more.everywhere = grant.role;
    }
    rights = Union(rights, more);
  }
  return rights;
}

absl::Status CheckProviderUrl(std::string_view url) {
  TOCSIN_TRY(CheckHttpUrl(url));
  if (url.find('@') != url.npos) return Invalid("must have no user in it");
  if (ToLower(url.substr(0, 8)) == "https://" || IsLoopbackUrl(url)) return absl::OkStatus();
  return Invalid("must be https: http is for a provider on this machine alone");
}

}  // namespace tocsin::oidc
