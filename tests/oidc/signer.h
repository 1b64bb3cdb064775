// The other side of oidc/: keys that sign, as a provider has them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "oidc/keys.h"

namespace tocsin::oidc {

class Signer {
 public:
  // A new key of the kind that `algorithm` (RS256, ES384 ...) needs; of one kind, id and size it is the same all through the process; `bits` of RSA.
  Signer(std::string_view algorithm, std::string id, int bits = 2048);

  const std::string& id() const { return id_; }
  // As a provider publishes it; `extra`: more members, `,"use":"enc"`.
  std::string Jwk(std::string_view extra = "") const;
  KeySet Keys() const;
  // `header` is JSON; the default names algorithm and key.
  std::string Sign(std::string_view payload, std::string header = "") const;

 private:
  std::string RawSignature(std::string_view bytes) const;

  std::string algorithm_;
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;
};

// HS256 with `secret`.
std::string SignWithSecret(std::string_view payload, std::string_view header, std::string_view secret);
// {"keys": [...]}
std::string KeysJson(std::string_view keys);

}  // namespace tocsin::oidc
