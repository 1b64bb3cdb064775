// Who may do what, what was done, and what the configuration was: roles, access tokens, the audit log, the versions of the
// organisation. Tokens are rows in memory; audit entries and versions are archived as they are made and only read from disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/organisation.h"

namespace tocsin {

// Each may do what those before it may, but for kIntegration, which sends alerts and nothing else.
enum class Role : std::uint8_t {
  kIntegration = 1,
  kViewer = 2,     // sees everything
  kResponder = 3,  // answers for what is paged
  kManager = 4,    // changes what is configured
  kAdmin = 5,
};
std::string_view Name(Role role);
std::optional<Role> RoleFromName(std::string_view name);

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
  friend bool operator==(const AccessToken&, const AccessToken&) = default;

  bool ExpiredAt(absl::Time t) const { return expires_at != absl::Time() && expires_at <= t; }
  // "user:anna" or "token:deploy-bot".
  std::string Actor() const;
};

// What the doors of the API judge callers by: an immutable snapshot, given out when it is durable.
struct Access {
  std::vector<AccessToken> tokens;
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
