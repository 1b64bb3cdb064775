// Who is calling. The server's own token lies beside the data with mode 0600, where the command line on the same machine finds
// it: it is the administrator's, and makes the others. Those are rows of the responder (model/access.h); only their hashes
// are known here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "api/calendar_token.h"
#include "api/methods.h"
#include "base/mutex.h"
#include "model/access.h"

namespace tocsin {

// Any thread. Follows changes of the tokens by itself: one that was revoked opens nothing once its revocation is answered.
class Auth {
 public:
  using ReadAccess = std::function<AccessPtr()>;  // never null
  using ReadClock = std::function<absl::Time()>;
  using Renew = std::function<void(TokenId)>;  // any thread; does not wait

  // Reads `folder`/admin.token, or makes one: 256 random bits, base64url.
  static absl::StatusOr<std::unique_ptr<Auth>> Open(const std::string& folder, ReadAccess access, ReadClock clock);

  // `authorization` is the header's value, "Bearer <token>". Unauthenticated says what to do; to whoever has a token that was
  // good once, also why it is not. Found by hash, then compared in constant time.
  absl::StatusOr<Caller> Check(std::string_view authorization) const;
  // The integration whose door a token opens; absent for everything else.
  std::optional<IntegrationId> IntegrationOf(std::string_view token) const;
  // The calendar feed that a token opens; absent for everything else, and when it was revoked, has run out or its person has
  // gone.
  std::optional<CalendarDoor> CalendarOf(std::string_view token) const;
  // Told of sessions whose end should move on, each once a minute at most. Before the first Check.
  void set_renew(Renew renew) { renew_ = std::move(renew); }
  const std::string& token_file() const { return token_file_; }

 private:
  struct Table;
  Auth(std::string token_file, std::string token_hash, ReadAccess access, ReadClock clock);
  std::shared_ptr<const Table> Current() const;
  // What the token is worth now; null when it is not known.
  absl::StatusOr<const AccessToken*> Find(const Table& table, std::string_view token) const;
  void KeepAlive(const AccessToken& session) const;

  std::string token_file_;
  std::string token_hash_;
  ReadAccess read_access_;
  ReadClock read_clock_;
  Renew renew_;
  mutable Mutex mutex_;
  mutable std::map<TokenId, absl::Time> renewed_ ABSL_GUARDED_BY(mutex_);  // when it was asked for last
  mutable std::shared_ptr<const Table> table_ ABSL_GUARDED_BY(mutex_);
};

// A new token: 256 random bits. The prefix lets people and scanners of leaked secrets know it for what it is.
std::string MakeToken();

// Random bytes kept in a file of mode 0600; made if absent. For keys that must survive a restart.
absl::StatusOr<std::string> ReadOrMakeSecret(const std::string& path);

}  // namespace tocsin
