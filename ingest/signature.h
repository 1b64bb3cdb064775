// Private to ingest: whether a request was made by somebody who has a secret. Every comparison takes the same time however much of it
// is right, and no error says what would have been right.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "ingest/source.h"

namespace tocsin {

// Where a sender puts the HMAC-SHA256 of what it signs, and how it writes it.
struct HmacHeader {
  enum class Digits {
    kHex,
    kBase64
  };

  std::string_view name;  // "X-Hub-Signature-256"
  std::string_view prefix =
      {};  // "sha256=" before the digits; signatures without it are of another kind, and do not count
  Digits digits = Digits::kHex;
  // Several with commas between them, while a secret is being replaced: one of them must be ours.
  bool is_list = false;
};

// Over the body as it came.
absl::Status CheckHmac(const SourceRequest& request, const HmacHeader& header, std::string_view secret);
// Over `text`, for senders that put a time or an address before the body.
absl::Status CheckHmac(const SourceRequest& request,
                       const HmacHeader& header,
                       std::string_view secret,
                       std::string_view text);

// The header holds the secret itself.
absl::Status CheckSharedSecret(const SourceRequest& request, std::string_view header, std::string_view secret);

// A signed time that is further than `tolerance` from `received` is somebody else's request, made again.
absl::Status CheckSignedAt(std::string_view header,
                           std::string_view time,
                           absl::Time received,
                           absl::Duration tolerance);

std::string HmacSha256(std::string_view secret, std::string_view text);  // 32 bytes
// Whether they are equal. How long it takes says nothing about where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

enum class RsaDigest {
  kSha1,
  kSha256
};
// An RSA signature (PKCS #1 v1.5) of `text` by the owner of `certificate` (PEM), which must be valid at `at`.
absl::Status CheckRsa(
    std::string_view text, std::string_view signature, RsaDigest digest, std::string_view certificate, absl::Time at);

}  // namespace tocsin
