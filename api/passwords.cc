#include "api/passwords.h"

#include <algorithm>
#include <array>
#include <set>

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

}  // namespace tocsin
