#include "ingest/signature.h"

#include <ctime>
#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostSignatures = 16;    // in one header
constexpr std::size_t kSmallestModulus = 128;  // bytes; whatever is shorter can be broken
constexpr std::size_t kCertificateBytes = 64 * 1024;

const unsigned char* Bytes(std::string_view text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

std::string Encoded(std::string_view mac, HmacHeader::Digits digits) {
  return digits == HmacHeader::Digits::kHex ? absl::BytesToHexString(ToAbsl(mac)) : absl::Base64Escape(ToAbsl(mac));
}

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// Not X509_cmp_current_time: what time it is is an argument.
bool IsValidAt(const X509* certificate, absl::Time at) {
  std::time_t seconds = absl::ToTimeT(at);
  return X509_cmp_time(X509_get0_notBefore(certificate), &seconds) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &seconds) > 0;
}

}  // namespace

std::string HmacSha256(std::string_view secret, std::string_view text) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, Bytes(text), text.size());
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_final(&state, mac);
  return {std::begin(mac), std::end(mac)};
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::Status CheckHmac(const SourceRequest& request, const HmacHeader& header, std::string_view secret) {
  return CheckHmac(request, header, secret, request.body);
}

absl::Status CheckHmac(const SourceRequest& request,
                       const HmacHeader& header,
                       std::string_view secret,
                       std::string_view text) {
  if (secret.empty()) return Precondition("there is no secret to check the signature with");
  const std::string_view sent = Trim(FindHeader(request.headers, header.name));
  if (sent.empty()) return Invalid("header %s: missing; the request is not signed", header.name);
  std::vector<std::string> signatures = {std::string(sent)};
  if (header.is_list) signatures = absl::StrSplit(ToAbsl(sent), absl::MaxSplits(',', kMostSignatures));
  const std::string ours = Encoded(HmacSha256(secret, text), header.digits);
  bool matches = false;
  for (const std::string& signature : signatures) {
    std::string_view digits = Trim(signature);
    if (!digits.starts_with(header.prefix)) continue;
    digits.remove_prefix(header.prefix.size());
    const std::string lower = header.digits == HmacHeader::Digits::kHex ? ToLower(digits) : std::string(digits);
    matches = EqualInConstantTime(lower, ours) || matches;
  }
  if (matches) return absl::OkStatus();
  return Invalid("header %s: not the signature of this body with the secret that is declared here", header.name);
}

absl::Status CheckSharedSecret(const SourceRequest& request, std::string_view header, std::string_view secret) {
  if (secret.empty()) return Precondition("there is no secret to compare with");
  const std::string_view sent = FindHeader(request.headers, header);
  if (sent.empty()) return Invalid("header %s: missing", header);
  if (!EqualInConstantTime(sent, secret)) return Invalid("header %s: not the secret that is declared here", header);
  return absl::OkStatus();
}

absl::Status CheckSignedAt(std::string_view header,
                           std::string_view time,
                           absl::Time received,
                           absl::Duration tolerance) {
  const std::optional<absl::Time> signed_at = ParseAnyTime(time);
  if (!signed_at) return Invalid("header %s: missing, or no time", header);
  if (absl::AbsDuration(received - *signed_at) > tolerance) {
    return Invalid("header %s: signed more than %s from now; is a clock wrong?", header,
                   absl::FormatDuration(tolerance));
  }
  return absl::OkStatus();
}

absl::Status CheckRsa(
    std::string_view text, std::string_view signature, RsaDigest digest, std::string_view certificate, absl::Time at) {
  if (certificate.empty() || certificate.size() > kCertificateBytes) return Invalid("certificate: empty or too large");
  const std::unique_ptr<BIO, Freed<BIO_free>> bio(
      BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())));
  const std::unique_ptr<X509, Freed<X509_free>> x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (x509 == nullptr) return Invalid("certificate: not a PEM certificate");
  if (!IsValidAt(x509.get(), at)) return Invalid("certificate: has expired, or is not valid yet");
  EVP_PKEY* const key = X509_get0_pubkey(x509.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return Invalid("certificate: its key is not RSA");
  if (static_cast<std::size_t>(EVP_PKEY_get_size(key)) < kSmallestModulus) {
    return Invalid("certificate: its key is too short");
  }
  const std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const EVP_MD* const hash = digest == RsaDigest::kSha1 ? EVP_sha1() : EVP_sha256();
  if (EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key) != 1) {
    return Invalid("certificate: its key cannot check signatures");
  }
  if (EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text), text.size()) != 1) {
    return Invalid("not the signature of this message with that certificate");
  }
  return absl::OkStatus();
}

}  // namespace tocsin
