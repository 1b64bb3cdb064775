// A provider of OpenID Connect as we speak to it: its discovery document, its keys, the exchange of a code for tokens. Blocks: call it
// on threads of its own, since a provider may hang. Nothing that it sends is shown but its errors, bounded, and logged is none of it.
//
// What is known of it is kept: an hour, or until a token names a key that is not known (asked for again once a minute at most). When it
// cannot be had, what was known goes on to be used for a day. After a failure nothing is asked for five seconds: those who wait are
// answered at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "net/http_client.h"
#include "oidc/settings.h"
#include "oidc/token.h"

namespace tocsin::oidc {

inline constexpr std::size_t kDocumentBytes = 256 * 1024;

// What the discovery document says.
struct Metadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string userinfo_endpoint;     // "": it has none
  std::string end_session_endpoint;  // "": it has none
  bool names_itself = false;         // its answers by the browser say `iss` (RFC 9207)
};
absl::StatusOr<Metadata> ParseMetadata(std::string_view json, const std::string& issuer);

struct Exchange {
  std::string code;
  std::string verifier;
  std::string redirect_uri;
  std::string nonce;
};

// Any thread.
class Provider {
 public:
  using Fetch = std::function<absl::StatusOr<HttpResponse>(const HttpCall&)>;
  using Permits = std::function<bool(const sockaddr&, socklen_t)>;
  // `permits`: to which addresses, beside those of the issuer's own host, it may lead us.
  Provider(Settings settings, Permits permits, Fetch fetch);

  const Settings& settings() const { return settings_; }
  // Unavailable says what is wrong with the provider, for people.
  absl::StatusOr<Metadata> Discover(const Now& now);
  // What is known of it, without asking, and without waiting for somebody who asks.
  std::optional<Metadata> Known() const;
  // Exchanges the code, verifies the ID token, and asks the userinfo endpoint for claims that it does not have.
  absl::StatusOr<Claims> SignIn(const Exchange& exchange, const Now& now);
  absl::StatusOr<Claims> LogOut(std::string_view logout_token, const Now& now);

 private:
  // What is asked for by one at a time. Who has something good enough goes on with it meanwhile; who has not waits for the answer.
  template <typename T>
  class Kept {
   public:
    using Ask = absl::FunctionRef<absl::StatusOr<T>()>;
    absl::StatusOr<T> Get(const Now& now, bool renew, Ask ask);
    // Never waits for the provider.
    std::optional<T> Known() const;

   private:
    bool IsWanted(const Now& now, bool renew) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
    absl::StatusOr<T> Best(const Now& now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

    Mutex asking_;         // held by who asks; before mutex_
    mutable Mutex mutex_;  // never held while somebody asks
    std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
    EngineTime at_ ABSL_GUARDED_BY(mutex_);     // it is of this moment
    EngineTime tried_ ABSL_GUARDED_BY(mutex_);  // and was asked for last then
    std::optional<EngineTime> renewed_
        ABSL_GUARDED_BY(mutex_);                    // because it was too old for somebody, whatever its age
    absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // of the last attempt
    bool is_asked_for_ ABSL_GUARDED_BY(mutex_) = false;
  };
  struct Tokens {
    std::string id_token;
    std::string access_token;
  };

  absl::StatusOr<KeySet> Keys(const Metadata& metadata, const Now& now, bool renew);
  absl::StatusOr<HttpResponse> Ask(HttpCall call) const;
  absl::StatusOr<std::string> Get(const std::string& url, std::string_view what) const;
  absl::StatusOr<Tokens> Redeem(const Metadata& metadata, const Exchange& exchange) const;
  absl::Status AddUserInfo(const Metadata& metadata, const std::string& access_token, Claims& claims) const;
  // verify(keys), and once more with newer keys when it knows none of them.
  absl::StatusOr<Claims> WithKeys(const Now& now, absl::FunctionRef<absl::StatusOr<Claims>(const KeySet&)> verify);
  Expected Expect(const Now& now) const;

  const Settings settings_;
  const Permits permits_;
  const Fetch fetch_;
  Kept<Metadata> metadata_;
  Kept<KeySet> keys_;
};

}  // namespace tocsin::oidc
