// The API's methods as one table, and what answers each. Both faces, gRPC and JSON over HTTP, call through it, so neither can
// do what the other cannot.
//
// Handlers block (they wait for the engine, and mutations for the journal): call them on a worker, never on an I/O thread.
// They may run at the same time on many.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "api/attempt_guard.h"
#include "api/backup.h"
#include "api/replays.h"
#include "api/workers.h"
#include "engine/pipeline.h"
#include "model/access.h"
#include "net/forwarded.h"
#include "notify/peer_rules.h"

namespace tocsin {

class Vault;

// What is counted outside of the engine.
struct Outside {
  struct Count {
    std::string name;
    std::uint64_t count = 0;
  };
  struct Refusal {
    absl::Time at;
    std::string text;
  };
  std::vector<Count> not_taken;  // at the doors since the start, by door and reason
  std::vector<Refusal> lately;   // the last few of each, oldest first
  std::uint64_t attempts_under_way = 0;
  std::uint64_t attempts_waiting[3] = {};  // for a connection, by Notification::Lane
};

class OidcDesk;

// What handlers work with.
inline constexpr std::ptrdiff_t kSimulations = 2;

struct Api {
  Engine& engine;
  std::string version;
  PeerRules webhook_peers = {};  // to whom webhooks may go: for warnings
  std::unique_ptr<Backups> backups = std::make_unique<Backups>();
  std::unique_ptr<Replays> replays = std::make_unique<Replays>();
  std::function<Outside()> outside = {};  // absent: not known
  std::string data_folder = {};           // empty: not known
  bool tls = false;                       // the HTTP doors speak TLS themselves
  std::shared_ptr<OidcDesk> oidc = {};    // null: nobody but passwords lets people in
  const Vault* vault = nullptr;           // seals secrets of the configuration; null: they are kept as they come
  TrustedProxies proxies = {};            // through whom calls come that are of others
  std::unique_ptr<AttemptGuard> attempts = std::make_unique<AttemptGuard>();
  // Each walks through up to a month of a policy: more at once would keep the threads from everybody else's questions.
  std::unique_ptr<std::counting_semaphore<kSimulations>> simulations =
      std::make_unique<std::counting_semaphore<kSimulations>>(kSimulations);
};

// Who asks. Recorded with everything that they change.
struct Caller {
  std::string name;         // "user:admin", "user:anna", "token:deploy-bot"
  std::string origin = {};  // from where: "grpc 10.1.2.3"
  Role role = Role::kAdmin;
  UserId user = {};                // none: a program, or the server's own token
  std::vector<TeamId> teams = {};  // what they may change is what belongs to these; empty: to anybody
  TokenId token = {};              // that was shown; none: the server's own
  bool session = false;            // it was made by logging in
  // Of a session: where its person may do more than `role`.
  std::vector<Rights::InTeam> more = {};
  bool everywhere() const { return teams.empty(); }
  // As whom they may do what needs `least`: as they are; or for those teams only in which they are that much, with what they
  // may do in all of these; nullopt: not at all.
  std::optional<Caller> At(Role least) const;
};

enum class Encoding : std::uint8_t {
  kProtobuf,
  kJson
};

struct Method {
  std::string_view service;  // tocsin.v1.GroupService
  std::string_view name;     // ListGroups
  Role role;                 // the least that a caller must have
  bool scoped;               // callers who act for some teams only are let through for what is theirs
  bool open = false;         // anybody may call, without a token: it lets people in
  // Of those that hash passwords: for whose account; "" is nobody's yet. Null: it hashes nothing.
  absl::StatusOr<std::string> (*hashes_for)(const Caller& caller,
                                            std::string_view request,
                                            Encoding encoding) = nullptr;
  // Decodes, judges whether what it is about is the caller's to change, answers, encodes.
  absl::StatusOr<std::string> (*call)(Api& api, const Caller& caller, std::string_view request, Encoding encoding);
};

// Where a call waits for its turn.
struct PlaceInLine {
  Workers::Lane lane = Workers::Lane::kAsking;  // questions are what a viewer may ask
  AttemptGuard::Place place = {};               // to be kept until it is answered
};
// Before it waits. ResourceExhausted: it hashes passwords, and nothing of its kind is looked at now. Never blocks.
absl::StatusOr<PlaceInLine> Admit(
    Api& api, const Method& method, const Caller& caller, std::string_view request, Encoding encoding);
// As a login by a password.
absl::StatusOr<PlaceInLine> AdmitLogin(Api& api, std::string_view account, std::string_view address);

// From where people have logged in, as far as the audit log remembers: a start forgets nobody whom strangers would keep out.
void RememberLogins(Api& api);

// "http 10.1.2.3", "grpc 10.1.2.3": the address.
std::string_view AddressOf(const Caller& caller);

// Who calls a method that is open.
inline Caller Nobody(std::string origin) {
  return {.name = "nobody", .origin = std::move(origin), .role = Role::kIntegration};
}

// All methods, those of a service in a row.
std::span<const Method> Methods();

// Answers a call. PermissionDenied: the caller's role is too small, or it is not theirs to change. InvalidArgument names the
// field or the position that could not be read. Both faces of the API come through here, and nobody comes in otherwise.
absl::StatusOr<std::string> Invoke(
    Api& api, const Method& method, const Caller& caller, std::string_view request, Encoding encoding);

}  // namespace tocsin
