// Who vouches for people, besides their passwords: the file that --sign_in names. It is the server's and not the organisation's,
// because whoever writes it can let anybody in as anybody: no manager may.
//
//   providers:
//     - name: company                 # a part of addresses: /login/oidc/company/callback
//       label: Company account
//       issuer: https://sso.example.com/realms/main
//       client_id: tocsin
//       client_secret_file: /etc/tocsin/company.secret
//       groups_claim: groups
//       roles: [{group: sre, role: responder}, {group: payments-leads, role: manager, team: payments}]
//   break_glass: [alice]              # may use a password whatever `passwords` says
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "config/problem.h"
#include "config/secrets.h"
#include "model/access.h"
#include "oidc/keys.h"

namespace tocsin::oidc {

struct Settings {
  // How the person is found who comes for the first time. From then on they are known by the provider's own `sub`.
  enum class Match : std::uint8_t {
    kEmail,     // by a verified e-mail address, which one person has as a contact method
    kUsername,  // `username_claim` is the person's id
    kNobody,    // by `people` alone
  };
  enum class ClientAuth : std::uint8_t {
    kBasic,
    kPost,
    kPublic,  // no secret: PKCE alone
  };
  struct Grant {
    std::string group;
    Role role = Role::kViewer;
    TeamId team;  // none: in everything
    friend bool operator==(const Grant&, const Grant&) = default;
  };
  struct Known {
    std::string subject;
    UserId user;
    friend bool operator==(const Known&, const Known&) = default;
  };

  std::string name;
  std::string label;  // "": its name
  std::string issuer;
  std::string client_id;
  std::string client_secret;
  ClientAuth client_auth = ClientAuth::kBasic;
  std::vector<std::string> scopes;  // empty: openid profile email
  std::vector<Algorithm> algorithms;
  Match match = Match::kEmail;
  bool trust_email = false;  // `email` counts without `email_verified`: the provider lets nobody choose it
  std::string username_claim = "preferred_username";
  std::string groups_claim = "groups";
  std::vector<Known> people;
  std::vector<std::string> allowed_domains;  // of a verified e-mail address; empty: any
  std::vector<std::string> allowed_groups;   // one of them; empty: any
  std::vector<Grant> roles;
  bool create_people = false;
  bool passwords = true;  // false: whoever has come in by it once has no use for a password any more
  std::string ca_file;    // PEM; "": the system's
  friend bool operator==(const Settings&, const Settings&) = default;

  const std::string& Label() const { return label.empty() ? name : label; }
};

struct SignInFile {
  std::vector<Settings> providers;
  std::vector<UserId> break_glass;
  friend bool operator==(const SignInFile&, const SignInFile&) = default;

  const Settings* Find(std::string_view name) const;
};

struct ReadSignIn {
  SignInFile file;  // may be used only if there are no problems
  std::vector<Problem> problems;
};
ReadSignIn ParseSignInFile(const std::string& name, std::string_view text, const Secrets& secrets);

// What the groups of a person let them do.
Rights RightsOfGroups(const Settings& settings, std::span<const std::string> groups);

// Whether an address of a provider may be used: https, or http to this machine itself, where nobody listens in.
absl::Status CheckProviderUrl(std::string_view url);

}  // namespace tocsin::oidc
