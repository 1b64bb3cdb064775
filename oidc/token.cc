#include "oidc/token.h"

#include <algorithm>

#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin::oidc {
namespace {

constexpr std::size_t kMostAudiences = 32;
constexpr absl::Duration kLogoutLife = absl::Minutes(10);
constexpr std::string_view kLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

// How long it takes says nothing about either.
bool IsEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string Quoted(std::string_view text) {
  return JsonQuote(TruncateUtf8(text, 100));
}

absl::Status CheckAudience(const Json& claims, const Expected& expected) {
  const std::vector<std::string> audience = claims.TextsOf("aud");
  if (audience.size() > kMostAudiences) return Invalid("aud: more than %d", kMostAudiences);
  if (std::ranges::count(audience, expected.client_id) == 0) {
    return Invalid("aud: the token is for another client than %s", Quoted(expected.client_id));
  }
  const Json* party = claims.Find("azp");
  if (party == nullptr && audience.size() > 1) return Invalid("azp: is missing from a token for several clients");
  if (party != nullptr && party->text != expected.client_id) {
    return Invalid("azp: the token was made for another client than %s", Quoted(expected.client_id));
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const Json& claims, absl::Time now, bool may_lack_end) {
  const std::optional<absl::Time> end = claims.TimeOf("exp");
  if (!end && (claims.Find("exp") != nullptr || !may_lack_end)) return Invalid("exp: is missing, or no time");
  if (end && *end + kSkew <= now) {
    return Invalid("exp: the token ran out at %s; are both clocks right?", absl::FormatTime(*end, absl::UTCTimeZone()));
  }
  const std::optional<absl::Time> issued = claims.TimeOf("iat");
  if (!issued) return Invalid("iat: is missing, or no time");
  if (*issued - kSkew > now) {
    return Invalid("iat: the token was made at %s, which is not yet; are both clocks right?",
                   absl::FormatTime(*issued, absl::UTCTimeZone()));
  }
  const std::optional<absl::Time> begin = claims.TimeOf("nbf");
  if (!begin && claims.Find("nbf") != nullptr) return Invalid("nbf: is no time");
  if (begin && *begin - kSkew > now) {
    return Invalid("nbf: the token is good from %s on; are both clocks right?",
                   absl::FormatTime(*begin, absl::UTCTimeZone()));
  }
  return absl::OkStatus();
}

// The signature, and what both kinds of token have in common.
absl::StatusOr<Claims> Open(const Jws& token, const KeySet& keys, const Expected& expected, bool may_lack_end) {
  TOCSIN_TRY(Verify(token, keys, expected.algorithms));
  absl::StatusOr<Json> claims = ParseObject(token.payload);
  if (!claims.ok()) return Annotate(claims.status(), "the token's claims");
  if (claims->TextOf("iss") != expected.issuer) {
    return Invalid("iss: the token is of %s, not of %s", Quoted(claims->TextOf("iss")), Quoted(expected.issuer));
  }
  TOCSIN_TRY(CheckAudience(*claims, expected));
  TOCSIN_TRY(CheckTimes(*claims, expected.now, may_lack_end));
  Claims read;
  read.subject = claims->TextOf("sub");
  read.session = claims->TextOf("sid");
  if (read.subject.size() > kSubjectBytes || read.session.size() > kSubjectBytes) {
    return Invalid("sub, sid: more than %d bytes", kSubjectBytes);
  }
  read.all = *std::move(claims);
  return read;
}

absl::Status CheckAccessToken(const Json& claims, Algorithm algorithm, const std::string& access_token) {
  const Json* hash = claims.Find("at_hash");
  if (hash == nullptr || access_token.empty()) return absl::OkStatus();
  const std::string whole = HashOf(algorithm, access_token);
  if (IsEqual(hash->text, EncodeBase64Url(std::string_view(whole).substr(0, whole.size() / 2))))
    return absl::OkStatus();
  return Invalid("at_hash: the access token is another one");
}

}  // namespace

absl::StatusOr<Claims> VerifyIdToken(std::string_view token, const KeySet& keys, const Expected& expected) {
  TOCSIN_ASSIGN(const Jws parsed, ParseJws(token));
  // What was made for something else is no ID token, whoever signed it: access tokens are at+jwt, logout tokens logout+jwt.
  if (!parsed.type.empty() && parsed.type != "jwt") return Invalid("typ: the token is no ID token");
  TOCSIN_ASSIGN(Claims claims, Open(parsed, keys, expected, /*may_lack_end=*/false));
  if (claims.subject.empty()) return Invalid("sub: is missing");
  if (expected.nonce.empty() || !IsEqual(claims.all.TextOf("nonce"), expected.nonce)) {
    return Invalid("nonce: the token answers another login");
  }
  TOCSIN_TRY(CheckAccessToken(claims.all, parsed.algorithm, expected.access_token));
  return claims;
}

absl::StatusOr<Claims> VerifyLogoutToken(std::string_view token, const KeySet& keys, const Expected& expected) {
  TOCSIN_ASSIGN(const Jws parsed, ParseJws(token));
  if (!parsed.type.empty() && parsed.type != "jwt" && parsed.type != "logout+jwt") {
    return Invalid("typ: the token is no logout token");
  }
  TOCSIN_ASSIGN(Claims claims, Open(parsed, keys, expected, /*may_lack_end=*/true));
  if (*claims.all.TimeOf("iat") + kLogoutLife < expected.now) return Invalid("iat: the logout token is too old");
  const Json* events = claims.all.Find("events");
  const Json* event = events == nullptr ? nullptr : events->Find(kLogoutEvent);
  if (event == nullptr || event->kind != Json::Kind::kObject) return Invalid("events: it is no logout");
  if (claims.all.Find("nonce") != nullptr) return Invalid("nonce: a logout token has none");
  if (claims.all.TextOf("jti").empty()) return Invalid("jti: is missing");
  if (claims.subject.empty() && claims.session.empty()) return Invalid("sub, sid: both are missing");
  return claims;
}

}  // namespace tocsin::oidc
