#include "oidc/pending.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "model/integration_key.h"
#include "oidc/keys.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kSealedBytes = 2048;
constexpr std::size_t kChallengeLetters = 43;
constexpr std::size_t kCodeLetters = 20;
constexpr std::size_t kGroup = 5;
// Nothing that looks like something else, and no word.
constexpr std::string_view kCodeAlphabet = "23456789bcdfghjkmnpqrstvwxzBCDFG";
static_assert(kCodeAlphabet.size() == 32);

std::string RandomText() {
  std::string bytes(kRandomBytes, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return EncodeBase64Url(bytes);
}

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status NotOurs() {
  return absl::FailedPreconditionError(
      "this browser has begun no login here within the last ten minutes, or the server was started anew since: begin "
      "again");
}

// As it was given out: people add blanks and leave out dashes.
std::string Plain(std::string_view code) {
  std::string plain;
  for (const char c : code.substr(0, 4 * kCodeLetters)) {
    if (kCodeAlphabet.find(c) != kCodeAlphabet.npos) plain += c;
  }
  return plain;
}

}  // namespace

Pending Begin(std::string_view provider, std::string_view terminal, EngineTime now) {
  return {std::string(provider), RandomText(), RandomText(), RandomText(), std::string(terminal), now + kLoginLife};
}

std::string ChallengeOf(std::string_view verifier) {
  std::string digest(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(Bytes(digest), Bytes(verifier), verifier.size());
  return EncodeBase64Url(digest);
}

bool IsChallenge(std::string_view text) {
  return text.size() == kChallengeLetters && DecodeBase64Url(text).has_value();
}

Seal::Seal() {
  TOCSIN_CHECK(sodium_init() >= 0, "libsodium does not start");
  randombytes_buf(key_.data(), key_.size());
}

std::string Seal::Close(const Pending& pending) const {
  const std::string text = absl::StrCat(pending.provider, "\n", pending.state, "\n", pending.nonce, "\n",
                                        pending.verifier, "\n", pending.terminal, "\n", pending.until.ns());
  std::string sealed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + text.size(), '\0');
  randombytes_buf(sealed.data(), crypto_secretbox_NONCEBYTES);
  crypto_secretbox_easy(Bytes(sealed) + crypto_secretbox_NONCEBYTES, Bytes(text), text.size(), Bytes(sealed),
                        key_.data());
  return EncodeBase64Url(sealed);
}

absl::StatusOr<Pending> Seal::Open(std::string_view sealed, EngineTime now) const {
  if (sealed.size() > kSealedBytes) return NotOurs();
  const std::optional<std::string> bytes = DecodeBase64Url(sealed);
  constexpr std::size_t kAround = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (!bytes || bytes->size() < kAround) return NotOurs();
  std::string text(bytes->size() - kAround, '\0');
  if (crypto_secretbox_open_easy(Bytes(text), Bytes(*bytes) + crypto_secretbox_NONCEBYTES,
                                 bytes->size() - crypto_secretbox_NONCEBYTES, Bytes(*bytes), key_.data()) != 0) {
    return NotOurs();
  }
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  TOCSIN_CHECK(lines.size() == 6, "a sealed login of ours");
  std::int64_t until = 0;
  std::from_chars(lines[5].data(), lines[5].data() + lines[5].size(), until);
  if (EngineTime(until) <= now) return NotOurs();
  return Pending{lines[0], lines[1], lines[2], lines[3], lines[4], EngineTime(until)};
}

bool ComeBack::Take(const Pending& pending, EngineTime now) {
  const MutexLock lock(mutex_);
  while (!order_.empty() && (order_.front().first <= now || order_.size() >= kMost)) {
    states_.erase(order_.front().second);
    order_.pop_front();
  }
  if (!states_.insert(pending.state).second) return false;
  order_.emplace_back(pending.until, pending.state);
  return true;
}

absl::StatusOr<std::string> Codes::Put(Ready ready, EngineTime now) {
  std::string code;
  std::string shown;
  for (std::size_t i = 0; i < kCodeLetters; ++i) {
    code += kCodeAlphabet[randombytes_uniform(static_cast<std::uint32_t>(kCodeAlphabet.size()))];
    if (i > 0 && i % kGroup == 0) shown += '-';
    shown += code.back();
  }
  ready.until = now + kCodeLife;
  const MutexLock lock(mutex_);
  std::erase_if(ready_, [&](const auto& entry) { return entry.second.until <= now; });
  const auto own = [&](const auto& entry) { return entry.second.user == ready.user; };
  if (std::ranges::count_if(ready_, own) >= kMostOfOne) {
    auto oldest = ready_.end();
    for (auto entry = ready_.begin(); entry != ready_.end(); ++entry) {
      if (own(*entry) && (oldest == ready_.end() || entry->second.until < oldest->second.until)) oldest = entry;
    }
    ready_.erase(oldest);
  }
  if (ready_.size() >= kMost) return Exhausted("too many people log in at terminals at once: try again in a minute");
  ready_.emplace(HashKey(code), std::move(ready));
  return shown;
}

absl::StatusOr<Codes::Ready> Codes::Take(std::string_view code, std::string_view verifier, EngineTime now) {
  const std::string wanted = HashKey(Plain(code));
  const MutexLock lock(mutex_);
  auto found = ready_.extract(wanted);
  if (found.empty() || found.mapped().until <= now || ChallengeOf(verifier) != found.mapped().challenge) {
    return NotFound("the code is not known, was used, or has run out, or another terminal asked for it: begin again");
  }
  return std::move(found.mapped());
}

}  // namespace tocsin::oidc
