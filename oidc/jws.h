// Signed tokens in the compact form (JWS, RFC 7515): three parts of base64url. Everything in one is hostile until Verify has said OK,
// its header included: that chooses among the algorithms that we allow and the keys that the provider publishes, and nothing else. A
// key, or an address of one, that a token brings along is not looked at.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "oidc/keys.h"

namespace tocsin::oidc {

inline constexpr std::size_t kTokenBytes = 32 * 1024;

struct Jws {
  Algorithm algorithm = Algorithm::kRs256;
  std::string key_id;  // kid; "": it names none
  std::string type;    // typ, in lower case and without "application/"; "": it says none
  std::string payload;
  std::string signed_bytes;
  std::string signature;
};

// Invalid: it is none, its algorithm is "none", a shared secret's or not known, or it has extensions that must be understood (crit).
absl::StatusOr<Jws> ParseJws(std::string_view compact);

// By one of `keys`, by an algorithm that is in `allowed`. NotFound: there is no key of that name, so newer keys may have it.
// Unauthenticated: the signature is wrong.
absl::Status Verify(const Jws& token, const KeySet& keys, std::span<const Algorithm> allowed);

// The hash that goes with an algorithm, of `bytes`: the first half of it is at_hash.
std::string HashOf(Algorithm algorithm, std::string_view bytes);

}  // namespace tocsin::oidc
