#include "oidc/jws.h"

#include <algorithm>
#include <memory>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/status.h"
#include "base/strings.h"
#include "oidc/json.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kKeyIdBytes = 512;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

// What OpenSSL has to know of an algorithm.
struct Recipe {
  const EVP_MD* hash = nullptr;  // null: it hashes by itself
  bool pss = false;
  std::size_t coordinate = 0;  // bytes of each half of an ECDSA signature; 0: it is none
};
Recipe RecipeOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256: return {EVP_sha256()};
    case Algorithm::kRs384: return {EVP_sha384()};
    case Algorithm::kRs512: return {EVP_sha512()};
    case Algorithm::kPs256: return {EVP_sha256(), true};
    case Algorithm::kPs384: return {EVP_sha384(), true};
    case Algorithm::kPs512: return {EVP_sha512(), true};
    case Algorithm::kEs256: return {EVP_sha256(), false, 32};
    case Algorithm::kEs384: return {EVP_sha384(), false, 48};
    case Algorithm::kEs512: return {EVP_sha512(), false, 66};
    case Algorithm::kEdDsa: return {};
  }
  return {};
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Two numbers one after the other, as RFC 7518 has them, in the form that OpenSSL reads. "" when it is none.
std::string ToDer(std::string_view signature, std::size_t coordinate) {
  if (signature.size() != 2 * coordinate) return "";
  const std::unique_ptr<ECDSA_SIG, FreeSignature> both(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(Bytes(signature), static_cast<int>(coordinate), nullptr);
  BIGNUM* s = BN_bin2bn(Bytes(signature.substr(coordinate)), static_cast<int>(coordinate), nullptr);
  if (both == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(both.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return "";
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &der);
  if (size <= 0) return "";
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

bool IsSignedBy(const Jws& token, const Key& key) {
  const Recipe recipe = RecipeOf(token.algorithm);
  const std::string signature = recipe.coordinate > 0 ? ToDer(token.signature, recipe.coordinate) : token.signature;
  if (signature.empty()) return false;
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* of_key = nullptr;
  if (context == nullptr || EVP_DigestVerifyInit(context.get(), &of_key, recipe.hash, nullptr, key.get()) != 1) {
    return false;
  }
  if (recipe.pss && (EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(token.signed_bytes),
                          token.signed_bytes.size()) == 1;
}

absl::Status ReadHeader(const Json& header, Jws& token) {
  const std::string algorithm = header.TextOf("alg");
  const auto* known = std::ranges::find(kAlgorithms, algorithm, &AlgorithmName::name);
  if (known == std::end(kAlgorithms)) {
    return Invalid("the token is signed by %s, which is refused", JsonQuote(TruncateUtf8(algorithm, 20)));
  }
  token.algorithm = known->algorithm;
  if (header.Find("crit") != nullptr) return Invalid("the token's header has extensions that are not understood");
  token.key_id = header.TextOf("kid");
  if (token.key_id.size() > kKeyIdBytes) return Invalid("the token names a key by more than %d bytes", kKeyIdBytes);
  token.type = ToLower(header.TextOf("typ"));
  if (token.type.starts_with("application/")) token.type.erase(0, std::string_view("application/").size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Jws> ParseJws(std::string_view compact) {
  if (compact.size() > kTokenBytes) return Invalid("the token has more than %d bytes", kTokenBytes);
  const std::size_t first = compact.find('.');
  const std::size_t last = compact.rfind('.');
  if (first == compact.npos || first == last || compact.substr(first + 1, last - first - 1).find('.') != compact.npos) {
    return Invalid("the token is not of three parts");
  }
  const std::optional<std::string> header = DecodeBase64Url(compact.substr(0, first));
  std::optional<std::string> payload = DecodeBase64Url(compact.substr(first + 1, last - first - 1));
  std::optional<std::string> signature = DecodeBase64Url(compact.substr(last + 1));
  if (!header || !payload || !signature) return Invalid("the token is not base64url");
  absl::StatusOr<Json> read = ParseObject(*header);
  if (!read.ok()) return Annotate(read.status(), "the token's header");
  Jws token;
  TOCSIN_TRY(ReadHeader(*read, token));
  token.payload = *std::move(payload);
  token.signature = *std::move(signature);
  token.signed_bytes = std::string(compact.substr(0, last));
  return token;
}

absl::Status Verify(const Jws& token, const KeySet& keys, std::span<const Algorithm> allowed) {
  if (std::ranges::count(allowed, token.algorithm) == 0) {
    return Invalid("the token's algorithm is not among those that are configured for this provider");
  }
  std::vector<const Key*> candidates;
  for (const Key& key : keys.keys()) {
    if (!key.Fits(token.algorithm)) continue;
    if (token.key_id.empty() || key.id() == token.key_id) candidates.push_back(&key);
  }
  if (candidates.empty()) {
    return NotFound("the provider publishes no key %s for the token's algorithm",
                    JsonQuote(TruncateUtf8(token.key_id, 100)));
  }
  if (candidates.size() > 1) return Invalid("the token does not say which of %d keys signed it", candidates.size());
  const bool is_signed = IsSignedBy(token, *candidates.front());
  ERR_clear_error();
  if (is_signed) return absl::OkStatus();
  return absl::UnauthenticatedError("the token's signature is wrong");
}

std::string HashOf(Algorithm algorithm, std::string_view bytes) {
  const EVP_MD* hash = RecipeOf(algorithm).hash;
  if (hash == nullptr) hash = EVP_sha512();  // Ed25519's own
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  TOCSIN_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size, hash,
                          nullptr) == 1,
               "out of memory");
  digest.resize(size);
  return digest;
}

}  // namespace tocsin::oidc
