#include "oidc/keys.h"

#include <algorithm>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "base/status.h"
#include "oidc/json.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kMostKeys = 64;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // a check of a longer one costs more than a login is worth
constexpr int kMostExponentBits = 64;

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using KeyPtr = std::shared_ptr<evp_pkey_st>;

BigNumber Number(const Json& key, std::string_view name) {
  const std::optional<std::string> bytes = DecodeBase64Url(key.TextOf(name));
  if (!bytes || bytes->empty()) return nullptr;
  return BigNumber(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes->data()), static_cast<int>(bytes->size()), nullptr));
}

// Null when OpenSSL does not take it, as a point that is not on its curve.
KeyPtr Make(const char* kind, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  KeyPtr owned(key, EVP_PKEY_free);
  if (!made) return nullptr;
  const Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return check != nullptr && EVP_PKEY_public_check(check.get()) == 1 ? owned : nullptr;
}

KeyPtr MakeRsa(const Json& key) {
  const BigNumber n = Number(key, "n");
  const BigNumber e = Number(key, "e");
  if (n == nullptr || e == nullptr) return nullptr;
  const int bits = BN_num_bits(n.get());
  if (bits < kLeastRsaBits || bits > kMostRsaBits) return nullptr;
  if (BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0 || BN_num_bits(e.get()) > kMostExponentBits) return nullptr;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return Make("RSA", builder.get());
}

struct Curve {
  std::string_view name;
  Key::Kind kind;
  const char* group;
  std::size_t bytes;  // of a coordinate
};
constexpr Curve kCurves[] = {
    {"P-256", Key::Kind::kP256, "P-256", 32},
    {"P-384", Key::Kind::kP384, "P-384", 48},
    {"P-521", Key::Kind::kP521, "P-521", 66},
};

KeyPtr MakeEc(const Json& key, const Curve& curve) {
  const std::optional<std::string> x = DecodeBase64Url(key.TextOf("x"));
  const std::optional<std::string> y = DecodeBase64Url(key.TextOf("y"));
  if (!x || !y || x->size() != curve.bytes || y->size() != curve.bytes) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  return Make("EC", builder.get());
}

KeyPtr MakeEd25519(const Json& key) {
  const std::optional<std::string> x = DecodeBase64Url(key.TextOf("x"));
  if (!x) return nullptr;
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(x->data()),
                                      x->size()),
          EVP_PKEY_free};
}

KeyPtr MakeKey(const Json& key, Key::Kind& kind) {
  const std::string type = key.TextOf("kty");
  if (type == "RSA") {
    kind = Key::Kind::kRsa;
    return MakeRsa(key);
  }
  const std::string curve = key.TextOf("crv");
  if (type == "OKP" && curve == "Ed25519") {
    kind = Key::Kind::kEd25519;
    return MakeEd25519(key);
  }
  const auto* known = std::ranges::find(kCurves, curve, &Curve::name);
  if (type != "EC" || known == std::end(kCurves)) return nullptr;
  kind = known->kind;
  return MakeEc(key, *known);
}

bool IsForSignatures(const Json& key) {
  if (const Json* use = key.Find("use"); use != nullptr && use->text != "sig") return false;
  if (key.Find("key_ops") == nullptr) return true;
  const std::vector<std::string> operations = key.TextsOf("key_ops");
  return std::ranges::count(operations, "verify") > 0;
}

Key::Kind KindOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256:
    case Algorithm::kRs384:
    case Algorithm::kRs512:
    case Algorithm::kPs256:
    case Algorithm::kPs384:
    case Algorithm::kPs512: return Key::Kind::kRsa;
    case Algorithm::kEs256: return Key::Kind::kP256;
    case Algorithm::kEs384: return Key::Kind::kP384;
    case Algorithm::kEs512: return Key::Kind::kP521;
    case Algorithm::kEdDsa: return Key::Kind::kEd25519;
  }
  return Key::Kind::kRsa;
}

}  // namespace

bool Key::Fits(Algorithm algorithm) const {
  if (KindOf(algorithm) != kind_) return false;
  return algorithm_.empty() || std::ranges::any_of(kAlgorithms, [&](const AlgorithmName& each) {
           return each.algorithm == algorithm && each.name == algorithm_;
         });
}

absl::StatusOr<KeySet> KeySet::Parse(std::string_view json) {
  TOCSIN_ASSIGN(const Json document, ParseObject(json));
  const Json* list = document.Find("keys");
  if (list == nullptr || list->kind != Json::Kind::kList) return Invalid("has no list of keys");
  if (list->items.size() > kMostKeys) return Invalid("has %d keys, at most %d", list->items.size(), kMostKeys);
  KeySet set;
  for (const Json& each : list->items) {
    if (!IsForSignatures(each)) continue;
    Key key;
    key.key_ = MakeKey(each, key.kind_);
    ERR_clear_error();
    if (key.key_ == nullptr) continue;
    key.id_ = each.TextOf("kid");
    key.algorithm_ = each.TextOf("alg");
    set.keys_.push_back(std::move(key));
  }
  return set;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

std::string EncodeBase64Url(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();  // its end of string
  return text;
}

}  // namespace tocsin::oidc
