// A provider's keys (JWK Set, RFC 7517), with which it signs. Public ones only: what a provider publishes can never be a shared
// secret, so symmetric keys are left out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct evp_pkey_st;

namespace tocsin::oidc {

// RFC 7518 and 8037. There is no "none" and nothing with a shared secret: a signature of these kinds cannot be asked for.
enum class Algorithm : std::uint8_t {
  kRs256,
  kRs384,
  kRs512,
  kPs256,
  kPs384,
  kPs512,
  kEs256,
  kEs384,
  kEs512,
  kEdDsa
};
struct AlgorithmName {
  std::string_view name;
  Algorithm algorithm;
};
inline constexpr AlgorithmName kAlgorithms[] = {
    {"RS256", Algorithm::kRs256},
    {"RS384", Algorithm::kRs384},
    {"RS512", Algorithm::kRs512},
    {"PS256", Algorithm::kPs256},
    {"PS384", Algorithm::kPs384},
    {"PS512", Algorithm::kPs512},
    {"ES256", Algorithm::kEs256},
    {"ES384", Algorithm::kEs384},
    {"ES512", Algorithm::kEs512},
    {"EdDSA", Algorithm::kEdDsa},
};

// Immutable; copies share the key.
class Key {
 public:
  enum class Kind : std::uint8_t {
    kRsa,
    kP256,
    kP384,
    kP521,
    kEd25519
  };
  Kind kind() const { return kind_; }
  const std::string& id() const { return id_; }  // kid; "" when it has none
  evp_pkey_st* get() const { return key_.get(); }
  // Of the algorithm's kind, and published for that algorithm or for any.
  bool Fits(Algorithm algorithm) const;

 private:
  friend class KeySet;
  Kind kind_ = Kind::kRsa;
  std::string id_;
  std::string algorithm_;  // "": any that its kind has
  std::shared_ptr<evp_pkey_st> key_;
};

class KeySet {
 public:
  // What is not for signatures, too weak (RSA below 2048 bits), of a kind that is not known or no key at all is left out. Invalid: it
  // is no JWK Set, or has more than 64 keys.
  static absl::StatusOr<KeySet> Parse(std::string_view json);
  const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

// base64url without padding (RFC 7515); nullopt for whatever else.
std::optional<std::string> DecodeBase64Url(std::string_view text);
std::string EncodeBase64Url(std::string_view bytes);

}  // namespace tocsin::oidc
