#include "engine/link.h"

#include <array>
#include <charconv>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kLongestToken = 1024;
// Says what the key is used for and in which format, so that no other use of it can be mistaken for this one.
constexpr std::string_view kDomain = "tocsin acknowledge link 1\n";
// The first three stand in messages that older versions sent, and are still taken.
constexpr std::string_view kEpisodeDomain = "tocsin acknowledge link 2\n";  // its payload names an episode
constexpr std::string_view kBeginningDomain =
    "tocsin acknowledge link 3\n";                                        // an episode, then the subject's beginning
constexpr std::string_view kReachDomain = "tocsin acknowledge link 4\n";  // before them the contact method

using Digest = std::array<unsigned char, kMacBytes>;

const unsigned char* Bytes(std::string_view text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

Digest Hash(std::string_view bytes, const Digest* key) {
  Digest digest{};
  const int failed = crypto_generichash(digest.data(), digest.size(), Bytes(bytes), bytes.size(),
                                        key != nullptr ? key->data() : nullptr, key != nullptr ? key->size() : 0);
  TOCSIN_CHECK(failed == 0, "BLAKE2b takes any input");
  return digest;
}

// Keys of any length are hashed to the length that BLAKE2b wants.
Digest Mac(std::string_view domain, std::string_view payload, std::string_view key) {
  const Digest whole = Hash(key, nullptr);
  return Hash(absl::StrCat(ToAbsl(domain), ToAbsl(payload)), &whole);
}

bool IsMacOf(std::string_view mac, const Digest& expected) {
  return mac.size() == expected.size() && sodium_memcmp(mac.data(), expected.data(), expected.size()) == 0;
}

std::string Encode(std::string_view bytes) {
  return absl::WebSafeBase64Escape(ToAbsl(bytes));
}

std::optional<std::uint64_t> TakeNumber(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ' ') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

}  // namespace

// The payload: `<contact method> <episode> <beginning in Unix seconds> <subject kind> <id> <expiry in Unix seconds> <user>`.
std::string SignLink(const AcknowledgeLink& link, std::string_view key) {
  TOCSIN_CHECK(!key.empty(), "links are signed with a key");
  const std::string payload =
      absl::StrCat(link.reach.value(), " ", link.episode, " ", link.began, " ", static_cast<int>(link.subject.kind),
                   " ", link.subject.id, " ", absl::ToUnixSeconds(link.expires_at), " ", link.user.value());
  const Digest mac = Mac(kReachDomain, payload, key);
  return absl::StrCat(Encode(payload), ".",
                      Encode({static_cast<const char*>(static_cast<const void*>(mac.data())), mac.size()}));
}

absl::StatusOr<AcknowledgeLink> VerifyLink(std::string_view token, std::string_view key, absl::Time now) {
  const absl::Status invalid = Invalid("this link was not made here, or is damaged");
  const std::size_t dot = token.find('.');
  if (key.empty() || token.size() > kLongestToken || dot == std::string_view::npos) return invalid;
  std::string payload;
  std::string mac;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token.substr(0, dot)), &payload)) return invalid;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token.substr(dot + 1)), &mac)) return invalid;
  const bool reaches = IsMacOf(mac, Mac(kReachDomain, payload, key));
  const bool begins = reaches || IsMacOf(mac, Mac(kBeginningDomain, payload, key));
  const bool later = begins || IsMacOf(mac, Mac(kEpisodeDomain, payload, key));
  if (!later && !IsMacOf(mac, Mac(kDomain, payload, key))) return invalid;

  std::string_view rest = payload;
  const auto reach = reaches ? TakeNumber(rest) : 0;
  const auto episode = later ? TakeNumber(rest) : 1;
  const auto began = begins ? TakeNumber(rest) : 0;
  const auto kind = TakeNumber(rest);
  const auto id = TakeNumber(rest);
  const auto expiry = TakeNumber(rest);
  if (!reach || !episode || !began || !kind || !id || !expiry || rest.empty()) return invalid;
  AcknowledgeLink link;
  link.episode = static_cast<std::uint32_t>(*episode);
  link.began = static_cast<std::int64_t>(*began);
  link.subject = {static_cast<SubjectKind>(*kind), *id};
  link.reach = ContactReachId(*reach);
  link.user = UserId(rest);
  link.expires_at = absl::FromUnixSeconds(static_cast<std::int64_t>(*expiry));
  const SubjectKind of = link.subject.kind;
  if (of != SubjectKind::kGroup && of != SubjectKind::kIncident && of != SubjectKind::kBundle &&
      (of != SubjectKind::kUser || !link.reach.set()))
    return invalid;
  if (now >= link.expires_at) {
    return Precondition("this link was good until %s",
                        absl::FormatTime("%Y-%m-%d %H:%M UTC", link.expires_at, absl::UTCTimeZone()));
  }
  return link;
}

}  // namespace tocsin
