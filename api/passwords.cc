#include "api/passwords.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <arpa/inet.h>
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

// Three passes over 64 MiB, one lane: the second choice of RFC 9106, section 4, as libsodium can do it. docs/access.md names them.
constexpr unsigned long long kPasses = 3;
constexpr std::size_t kMemoryBytes = std::size_t{64} << 20U;

constexpr std::size_t kLeastCharacters = 12;
constexpr std::size_t kLeastDifferent = 5;
constexpr std::size_t kLeastNameBytes = 4;  // shorter names stand in many words

std::size_t Characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xC0) != 0x80; }));
}

// What no known password fits, by the same parameters: so that a name without a password costs as much as one with.
constexpr const char* kNobodysHash =
    "$argon2id$v=19$m=65536,t=3,p=1$XNIiOd1xMjdpdz17/TFBvg$zIsztqWQKQxY2SQ9qIKlX/4KCh3V5MWT+aAp/aHlNec";

// One customer has a whole /64 of IPv6; ::ffff:10.1.2.3 is 10.1.2.3.
std::string NetworkOf(std::string_view address) {
  std::string text(address);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  in6_addr parsed{};
  if (inet_pton(AF_INET6, text.c_str(), &parsed) != 1) return text;
  const std::string_view bytes(reinterpret_cast<const char*>(&parsed), sizeof parsed);
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) {
    std::array<char, INET_ADDRSTRLEN> v4{};
    inet_ntop(AF_INET, bytes.data() + 12, v4.data(), v4.size());
    return v4.data();
  }
  return std::string(bytes.substr(0, 8));
}

absl::Status Wait(absl::Duration rest) {
  return Exhausted("too many attempts failed: try again in %s",
                   absl::FormatDuration(std::max(absl::Ceil(rest, absl::Seconds(1)), absl::Seconds(1))));
}

}  // namespace

absl::Status CheckNewPassword(std::string_view password, std::string_view user) {
  if (password.size() > kLongestPassword) return Invalid("password: at most %d bytes", kLongestPassword);
  if (!IsValidUtf8(password)) return Invalid("password: not UTF-8");
  if (std::ranges::any_of(password, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return Invalid("password: has control characters, which cannot be typed again");
  }
  if (Characters(password) < kLeastCharacters) return Invalid("password: at least %d characters", kLeastCharacters);
  if (std::set<char>(password.begin(), password.end()).size() < kLeastDifferent) {
    return Invalid("password: at least %d different characters", kLeastDifferent);
  }
  if (user.size() >= kLeastNameBytes && ToLower(password).find(ToLower(user)) != std::string::npos) {
    return Invalid("password: has the user's name in it");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HashPassword(std::string_view password) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), kPasses, kMemoryBytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Exhausted("there is no memory to hash a password now; try again in a minute");
  }
  return std::string(hash.data());
}

bool VerifyPassword(const std::string& hash, std::string_view password) {
  const bool present = !hash.empty() && password.size() <= kLongestPassword;
  const char* const against = present ? hash.c_str() : kNobodysHash;
  const bool fits =
      crypto_pwhash_str_verify(against, password.data(), std::min(password.size(), kLongestPassword)) == 0;
  return fits && present;
}

AttemptGuard::AttemptGuard() : accounts_(kBuckets), addresses_(kBuckets) {
  randombytes_buf(key_.data(), key_.size());
}

AttemptGuard::Bucket& AttemptGuard::Of(std::vector<Bucket>& buckets, std::string_view name) const {
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == sizeof(std::uint64_t));
  std::array<unsigned char, crypto_shorthash_BYTES> digest{};
  crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(name.data()), name.size(), key_.data());
  std::uint64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof number);
  return buckets[number % kBuckets];
}

void AttemptGuard::Count(Bucket& bucket, const Policy& policy, EngineTime now) {
  if (now - bucket.last > kForget) bucket.failures = 0;
  bucket.last = now;
  ++bucket.failures;
  if (bucket.failures < policy.free) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(bucket.failures - policy.free, 20);
  bucket.open = now + std::min(absl::Seconds(1) * (1 << doublings), policy.longest);
}

absl::Status AttemptGuard::Begin(std::string_view account, std::string_view address, EngineTime now) {
  const std::string network = NetworkOf(address);
  const MutexLock lock(mutex_);
  Bucket& of_address = Of(addresses_, network);
  if (now < of_address.open) return Wait(of_address.open - now);
  if (!account.empty()) {
    Bucket& of_account = Of(accounts_, account);
    if (now < of_account.open) return Wait(of_account.open - now);
    Count(of_account, kAccount, now);
  }
  Count(of_address, kAddress, now);
  return absl::OkStatus();
}

void AttemptGuard::Succeed(std::string_view account, std::string_view address) {
  const std::string network = NetworkOf(address);
  const MutexLock lock(mutex_);
  if (!account.empty()) Of(accounts_, account) = {};
  Bucket& of_address = Of(addresses_, network);
  if (of_address.failures > 0) --of_address.failures;
  of_address.open = {};
}

}  // namespace tocsin
