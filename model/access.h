// Who may do what, what was done, and what the configuration was: access tokens, people's accounts, the audit log, the versions of the
// organisation. Tokens are rows in memory; audit entries and versions are archived as they are made and only read from disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/organisation.h"
#include "model/role.h"

namespace tocsin {

// A session ends when it is not used for so long, and anyhow after so long. It is renewed when it has been used and so much of
// its idle time is over, so that not every call is written to the disk.
inline constexpr absl::Duration kSessionIdle = absl::Hours(12);
inline constexpr absl::Duration kSessionLife = absl::Hours(24 * 7);
inline constexpr absl::Duration kSessionRenewal = absl::Minutes(10);

// What the organisation lets a person do: in everything, and in teams in which it is more.
struct Rights {
  struct InTeam {
    TeamId team;
    Role role = Role::kViewer;
    friend bool operator==(const InTeam&, const InTeam&) = default;
  };
  Role everywhere = Role::kViewer;
  std::vector<InTeam> teams;
  friend bool operator==(const Rights&, const Rights&) = default;
};

// What a provider of sign-ins calls somebody. It gives `subject` to nobody else, ever; names and e-mail addresses move on.
struct Identity {
  std::string issuer;
  std::string subject;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// Who vouched for the person of a session, in place of a password.
struct Voucher {
  std::string provider;  // its name in --sign_in
  Identity identity;
  std::string session;  // what the provider calls its own session (sid); empty: it did not say
  Rights granted;       // what groups that it named let the person do, besides what the organisation does
  friend bool operator==(const Voucher&, const Voucher&) = default;
};

// What a program or a person shows to be let in. Only the hash is kept: whoever reads the store cannot use it.
struct AccessToken {
  TokenId id;
  std::string hash;  // as HashKey (model/integration_key.h) makes it
  UserId user;       // whose it is; none: a program's, called `name`
  std::string name;  // what it is for: "laptop", "deploy-bot"
  Role role = Role::kViewer;
  std::vector<TeamId> teams;  // what it may change is what belongs to these; empty: to anybody
  IntegrationId integration;  // kIntegration: the door that it opens
  absl::Time created_at;
  std::string created_by;
  absl::Time expires_at;  // absl::Time(): never
  bool session = false;   // made by logging in: may do what its person may, `role` and `teams` do not count
  std::optional<Voucher> voucher = {};  // of a session that was made without a password
  friend bool operator==(const AccessToken&, const AccessToken&) = default;

  bool ExpiredAt(absl::Time t) const { return expires_at != absl::Time() && expires_at <= t; }
  // "user:anna" or "token:deploy-bot".
  std::string Actor() const;
};

// What lets a person of the organisation log in.
struct Account {
  AccountId id;
  UserId user;
  std::string password;  // argon2id, in the PHC string format; empty: none so far
  absl::Time password_at;
  std::string invitation;  // hash of the code with which the person may set a password; empty: there is none
  absl::Time invitation_expires_at;
  std::string invited_by;
  bool locked = false;                    // nobody comes in by it
  std::vector<Identity> identities = {};  // as whom providers may vouch for this person: one of each issuer
  friend bool operator==(const Account&, const Account&) = default;

  bool InvitedAt(absl::Time t) const { return !invitation.empty() && t < invitation_expires_at; }
};

// Members of a team answer for what is its, unless the team says otherwise; who is not in the organisation sees everything, too:
// ask for that first.
Rights RightsOf(const Organisation& organisation, const UserId& user);
// What either of the two allows.
Rights Union(const Rights& a, const Rights& b);
// Of everybody who may do more than see: one pass, for organisations of a hundred thousand people.
std::map<UserId, Rights> AllRights(const Organisation& organisation);

// What the doors of the API judge callers by: an immutable snapshot, given out when it is durable.
struct Access {
  std::vector<AccessToken> tokens;
  std::set<UserId> locked;       // none of their tokens opens anything meanwhile
  OrganisationPtr organisation;  // a token dies with its person or its integration
};
using AccessPtr = std::shared_ptr<const Access>;

// One change that somebody made. Nothing in it is secret.
struct AuditEntry {
  AuditId id;
  absl::Time at;
  std::string actor;   // "user:anna"
  TokenId token;       // that was shown; none: the server's own admin.token, a signed link, a flag
  std::string origin;  // from where: "grpc 10.1.2.3", "http 10.1.2.3", "link 10.1.2.3", "flag --config"
  std::string action;  // the command: "AcknowledgeGroup"
  std::string object;  // "G17", "S5", "T3", "configuration"
  std::string before;  // a reference to what it was: "open (generation 3)", "version 6"
  std::string after;
  std::string text;  // one sentence: a reason, a comment
  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

// An organisation as it was applied, so that it can be gone back to.
struct ConfigurationVersion {
  ConfigurationId id;  // 1, 2, 3 ...
  absl::Time at;
  std::string author;
  std::string reason;
  ConfigurationId repeats;  // the version that it was rolled back to; none: it came from files
  OrganisationPtr organisation;
  friend bool operator==(const ConfigurationVersion& a, const ConfigurationVersion& b);
};

}  // namespace tocsin
