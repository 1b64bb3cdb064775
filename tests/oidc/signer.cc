#include "tests/oidc/signer.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin::oidc {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

bool HasRsa(std::string_view algorithm) {
  return algorithm.starts_with("RS") || algorithm.starts_with("PS");
}

EVP_PKEY* Generate(std::string_view algorithm, int bits) {
  if (algorithm == "EdDSA") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (algorithm == "ES256") return EVP_EC_gen("P-256");
  if (algorithm == "ES384") return EVP_EC_gen("P-384");
  if (algorithm == "ES512") return EVP_EC_gen("P-521");
  return EVP_RSA_gen(static_cast<unsigned int>(bits));
}

const EVP_MD* HashFor(std::string_view algorithm) {
  if (algorithm == "EdDSA") return nullptr;
  if (algorithm.ends_with("256")) return EVP_sha256();
  return algorithm.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

std::size_t CoordinateBytes(std::string_view algorithm) {
  return algorithm == "ES256" ? 32 : algorithm == "ES384" ? 48 : 66;
}

std::string NumberOf(EVP_PKEY* key, const char* name, std::size_t bytes = 0) {
  BIGNUM* number = nullptr;
  TOCSIN_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1, name);
  const std::size_t size = bytes > 0 ? bytes : static_cast<std::size_t>(BN_num_bytes(number));
  std::string text(size, '\0');
  BN_bn2binpad(number, Bytes(text), static_cast<int>(size));
  BN_free(number);
  return EncodeBase64Url(text);
}

}  // namespace

Signer::Signer(std::string_view algorithm, std::string id, int bits) : algorithm_(algorithm), id_(std::move(id)) {
  // Of RSA they take long to find.
  static std::map<std::string, std::shared_ptr<evp_pkey_st>> made;
  std::shared_ptr<evp_pkey_st>& key = made[absl::StrCat(HasRsa(algorithm_) ? "RSA" : algorithm_, " ", id_, " ", bits)];
  if (key == nullptr) key = {Generate(algorithm_, bits), EVP_PKEY_free};
  TOCSIN_CHECK(key != nullptr, "a key");
  key_ = key;
}

std::string Signer::Jwk(std::string_view extra) const {
  const std::string common = absl::StrCat("\"kid\":\"", id_, "\"", ToAbsl(extra), "}");
  if (algorithm_ == "EdDSA") {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_.get(), Bytes(raw), &size);
    return absl::StrCat(R"({"kty":"OKP","crv":"Ed25519","x":")", EncodeBase64Url(raw), "\",", common);
  }
  if (algorithm_.starts_with("ES")) {
    const std::size_t size = CoordinateBytes(algorithm_);
    const std::string curve = size == 32 ? "P-256" : size == 48 ? "P-384" : "P-521";
    return absl::StrCat(R"({"kty":"EC","crv":")", curve, R"(","x":")",
                        NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size), R"(","y":")",
                        NumberOf(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size), "\",", common);
  }
  return absl::StrCat(R"({"kty":"RSA","n":")", NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_N), R"(","e":")",
                      NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_E), "\",", common);
}

KeySet Signer::Keys() const {
  return KeySet::Parse(KeysJson(Jwk())).value();
}

std::string Signer::RawSignature(std::string_view bytes) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* of_key = nullptr;
  TOCSIN_CHECK(EVP_DigestSignInit(context, &of_key, HashFor(algorithm_), nullptr, key_.get()) == 1, "sign");
  if (algorithm_.starts_with("PS")) {
    EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST);
  }
  std::size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, Bytes(bytes), bytes.size());
  std::string signature(size, '\0');
  TOCSIN_CHECK(EVP_DigestSign(context, Bytes(signature), &size, Bytes(bytes), bytes.size()) == 1, "sign");
  signature.resize(size);
  EVP_MD_CTX_free(context);
  if (!algorithm_.starts_with("ES")) return signature;
  const unsigned char* der = Bytes(std::string_view(signature));
  ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size()));
  const std::size_t half = CoordinateBytes(algorithm_);
  std::string flat(2 * half, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(both), Bytes(flat), static_cast<int>(half));
  BN_bn2binpad(ECDSA_SIG_get0_s(both), Bytes(flat) + half, static_cast<int>(half));
  ECDSA_SIG_free(both);
  return flat;
}

std::string Signer::Sign(std::string_view payload, std::string header) const {
  if (header.empty()) header = absl::StrFormat(R"({"alg":"%s","kid":"%s"})", algorithm_, id_);
  const std::string bytes = EncodeBase64Url(header) + "." + EncodeBase64Url(payload);
  return bytes + "." + EncodeBase64Url(RawSignature(bytes));
}

std::string SignWithSecret(std::string_view payload, std::string_view header, std::string_view secret) {
  const std::string bytes = EncodeBase64Url(header) + "." + EncodeBase64Url(payload);
  std::string code(32, '\0');
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(std::string_view(bytes)), bytes.size(),
       Bytes(code), nullptr);
  return bytes + "." + EncodeBase64Url(code);
}

std::string KeysJson(std::string_view keys) {
  return absl::StrCat("{\"keys\":[", ToAbsl(keys), "]}");
}

}  // namespace tocsin::oidc
