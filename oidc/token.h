// What the claims of a provider's tokens must say: OpenID Connect Core 3.1.3.7 for ID tokens, Back-Channel Logout 2.6 for logout
// tokens. Pure: no clock, no network.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "oidc/json.h"
#include "oidc/jws.h"

namespace tocsin::oidc {

// How far clocks may be apart.
inline constexpr absl::Duration kSkew = absl::Minutes(1);
inline constexpr std::size_t kSubjectBytes = 255;

struct Expected {
  std::string issuer;
  std::string client_id;
  std::span<const Algorithm> algorithms;
  absl::Time now;
  std::string nonce = {};         // of an ID token: what the login was begun with
  std::string access_token = {};  // that came with it; "": none did
};

struct Claims {
  std::string subject;  // "" in a logout token that names a session only
  std::string session;  // sid; "" when there is none
  Json all;
};

// NotFound: signed by a key that is not among `keys`; newer ones may have it. Every other error says which rule is broken, and
// nothing of what the token says but what is named in the rule.
absl::StatusOr<Claims> VerifyIdToken(std::string_view token, const KeySet& keys, const Expected& expected);
absl::StatusOr<Claims> VerifyLogoutToken(std::string_view token, const KeySet& keys, const Expected& expected);

}  // namespace tocsin::oidc
