#include "oidc/provider.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/text.h"

namespace tocsin::oidc {
namespace {

constexpr absl::Duration kFresh = absl::Hours(1);
constexpr absl::Duration kUsable = absl::Hours(24);
constexpr absl::Duration kBetweenKeys = absl::Minutes(1);
constexpr absl::Duration kAfterFailure = absl::Seconds(5);
constexpr absl::Duration kConnect = absl::Seconds(5);
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr std::size_t kUrlBytes = 2000;
constexpr std::size_t kShownBytes = 200;

// What a provider says of an error, for people: one line, bounded.
std::string Shown(std::string_view text) {
  std::string line(TruncateUtf8(text, kShownBytes));
  if (!IsValidUtf8(line)) return "(not UTF-8)";
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

absl::Status ReadEndpoint(const Json& document, std::string_view name, bool required, std::string& to) {
  to = document.TextOf(name);
  if (to.empty()) return required ? Invalid("%s: is missing", name) : absl::OkStatus();
  if (to.size() > kUrlBytes) return Invalid("%s: more than %d bytes", name, kUrlBytes);
  if (to.find('#') != to.npos) return Invalid("%s: must have no #", name);
  return Annotate(CheckProviderUrl(to), name);
}

std::string FormField(std::string_view name, std::string_view value) {
  return absl::StrCat(ToAbsl(name), "=", PercentEncode(value), "&");
}

// RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
HttpHeader BasicAuth(const Settings& settings) {
  const std::string pair = PercentEncode(settings.client_id) + ":" + PercentEncode(settings.client_secret);
  return {"Authorization", "Basic " + absl::Base64Escape(pair)};
}

// Of the token endpoint: {"error": ..., "error_description": ...}.
absl::Status RefusalOf(const HttpResponse& response) {
  const absl::StatusOr<Json> body = ParseObject(response.body);
  const std::string error = body.ok() ? Shown(body->TextOf("error")) : "";
  if (error.empty()) return Unavailable("it answered the code with status %d", response.status);
  const std::string description = Shown(body->TextOf("error_description"));
  return Unavailable("it refused the code: %s%s%s", error, description.empty() ? "" : ": ", description);
}

}  // namespace

absl::StatusOr<Metadata> ParseMetadata(std::string_view json, const std::string& issuer) {
  TOCSIN_ASSIGN(const Json document, ParseObject(json));
  if (document.TextOf("issuer") != issuer) {
    return Invalid("issuer: it calls itself %s, but %s is configured: they must be the same, byte by byte",
                   JsonQuote(Shown(document.TextOf("issuer"))), JsonQuote(issuer));
  }
  Metadata read;
  TOCSIN_TRY(ReadEndpoint(document, "authorization_endpoint", true, read.authorization_endpoint));
  TOCSIN_TRY(ReadEndpoint(document, "token_endpoint", true, read.token_endpoint));
  TOCSIN_TRY(ReadEndpoint(document, "jwks_uri", true, read.jwks_uri));
  TOCSIN_TRY(ReadEndpoint(document, "userinfo_endpoint", false, read.userinfo_endpoint));
  TOCSIN_TRY(ReadEndpoint(document, "end_session_endpoint", false, read.end_session_endpoint));
  read.names_itself = document.FlagOf("authorization_response_iss_parameter_supported");
  return read;
}

Provider::Provider(Settings settings, Permits permits, Fetch fetch)
    : settings_(std::move(settings)), permits_(std::move(permits)), fetch_(std::move(fetch)) {}

absl::StatusOr<HttpResponse> Provider::Ask(HttpCall call) const {
  call.connect_timeout = kConnect;
  call.timeout = kPatience;
  call.max_response_bytes = kDocumentBytes;
  call.ca_file = settings_.ca_file;
  // The issuer's host was written by whoever runs this server; what its document names beside it was not.
  const bool own = HostOfUrl(call.url) == HostOfUrl(settings_.issuer);
  call.permits = own ? [](const sockaddr&, socklen_t) { return true; } : permits_;
  return fetch_(call);
}

absl::StatusOr<std::string> Provider::Get(const std::string& url, std::string_view what) const {
  absl::StatusOr<HttpResponse> response = Ask({.url = url, .headers = {{"Accept", "application/json"}}});
  if (!response.ok()) return Unavailable("%s cannot be had: %s", what, Message(response.status()));
  if (response->status != 200) return Unavailable("%s: %s answered with status %d", what, url, response->status);
  return std::move(response->body);
}

template <typename T>
bool Provider::Kept<T>::IsWanted(const Now& now, bool renew) const {
  const bool fresh = value_ && now.engine - at_ < kFresh;
  const bool has_failed = !failure_.ok() && now.engine - tried_ < kAfterFailure;
  const bool was_renewed = renewed_ && now.engine - *renewed_ < kBetweenKeys;
  return !has_failed && (renew ? !was_renewed : !fresh);
}

template <typename T>
absl::StatusOr<T> Provider::Kept<T>::Best(const Now& now) const {
  if (value_ && now.engine - at_ < kUsable) return *value_;
  return failure_.ok() ? Unavailable("it was not asked") : failure_;
}

template <typename T>
absl::StatusOr<T> Provider::Kept<T>::Get(const Now& now, bool renew, Ask ask) {
  {
    const MutexLock lock(mutex_);
    if (!IsWanted(now, renew)) return Best(now);
    if (is_asked_for_ && !renew && value_ && now.engine - at_ < kUsable) return *value_;
  }
  const MutexLock asking(asking_);
  {
    const MutexLock lock(mutex_);
    if (!IsWanted(now, renew)) return Best(now);  // who asked before has it
    if (renew) renewed_ = now.engine;
    tried_ = now.engine;
    is_asked_for_ = true;
  }
  absl::StatusOr<T> answer = ask();
  const MutexLock lock(mutex_);
  is_asked_for_ = false;
  failure_ = answer.status();
  if (answer.ok()) {
    value_ = *std::move(answer);
    at_ = now.engine;
  }
  return Best(now);
}

template <typename T>
std::optional<T> Provider::Kept<T>::Known() const {
  const MutexLock lock(mutex_);
  return value_;
}

absl::StatusOr<Metadata> Provider::Discover(const Now& now) {
  return metadata_.Get(now, /*renew=*/false, [&]() -> absl::StatusOr<Metadata> {
    std::string base = settings_.issuer;
    if (base.ends_with('/')) base.pop_back();
    TOCSIN_ASSIGN(const std::string body, Get(base + "/.well-known/openid-configuration", "its discovery document"));
    absl::StatusOr<Metadata> read = ParseMetadata(body, settings_.issuer);
    if (!read.ok()) return Unavailable("its discovery document: %s", Message(read.status()));
    return read;
  });
}

std::optional<Metadata> Provider::Known() const {
  return metadata_.Known();
}

absl::StatusOr<KeySet> Provider::Keys(const Metadata& metadata, const Now& now, bool renew) {
  return keys_.Get(now, renew, [&]() -> absl::StatusOr<KeySet> {
    TOCSIN_ASSIGN(const std::string body, Get(metadata.jwks_uri, "its keys"));
    absl::StatusOr<KeySet> read = KeySet::Parse(body);
    if (!read.ok()) return Unavailable("its keys: %s", Message(read.status()));
    return read;
  });
}

Expected Provider::Expect(const Now& now) const {
  return {.issuer = settings_.issuer,
          .client_id = settings_.client_id,
          .algorithms = settings_.algorithms,
          .now = now.wall};
}

absl::StatusOr<Provider::Tokens> Provider::Redeem(const Metadata& metadata, const Exchange& exchange) const {
  HttpCall call{.method = "POST", .url = metadata.token_endpoint};
  call.headers = {
      {"Content-Type", "application/x-www-form-urlencoded"},
      {"Accept",       "application/json"                 }
  };
  call.body = FormField("grant_type", "authorization_code") + FormField("code", exchange.code) +
              FormField("redirect_uri", exchange.redirect_uri) + FormField("code_verifier", exchange.verifier);
  if (settings_.client_auth == Settings::ClientAuth::kBasic) {
    call.headers.push_back(BasicAuth(settings_));
  } else {
    call.body += FormField("client_id", settings_.client_id);
    if (settings_.client_auth == Settings::ClientAuth::kPost)
      call.body += FormField("client_secret", settings_.client_secret);
  }
  call.body.pop_back();
  const absl::StatusOr<HttpResponse> response = Ask(std::move(call));
  if (!response.ok()) return Unavailable("the code cannot be exchanged: %s", Message(response.status()));
  if (response->status != 200) return RefusalOf(*response);
  const absl::StatusOr<Json> body = ParseObject(response->body);
  if (!body.ok()) return Unavailable("its answer to the code %s", Message(body.status()));
  Tokens tokens{body->TextOf("id_token"), body->TextOf("access_token")};
  if (tokens.id_token.empty())
    return Unavailable("its answer to the code has no id_token: is the scope openid allowed?");
  return tokens;
}

absl::Status Provider::AddUserInfo(const Metadata& metadata, const std::string& access_token, Claims& claims) const {
  const auto lacks = [&](std::string_view name) { return claims.all.Find(name) == nullptr; };
  const bool wants_email =
      settings_.match == Settings::Match::kEmail || settings_.create_people || !settings_.allowed_domains.empty();
  const bool wants_name = settings_.match == Settings::Match::kUsername || settings_.create_people;
  const bool wants_groups = !settings_.roles.empty() || !settings_.allowed_groups.empty();
  const bool complete = !(wants_email && lacks("email")) && !(wants_name && lacks(settings_.username_claim)) &&
                        !(wants_groups && lacks(settings_.groups_claim));
  if (complete || metadata.userinfo_endpoint.empty() || access_token.empty()) return absl::OkStatus();
  for (const char c : access_token) {
    if (c <= ' ' || c == '\x7f') return Unavailable("its access token cannot stand in a header");
  }
  const absl::StatusOr<HttpResponse> response = Ask({
      .url = metadata.userinfo_endpoint,
      .headers = {{"Authorization", "Bearer " + access_token}, {"Accept", "application/json"}}
  });
  if (!response.ok()) return Unavailable("its userinfo cannot be had: %s", Message(response.status()));
  if (response->status != 200) return Unavailable("its userinfo endpoint answered with status %d", response->status);
  absl::StatusOr<Json> more = ParseObject(response->body);
  if (!more.ok()) return Unavailable("its userinfo %s", Message(more.status()));
  // Core 5.3.2: without this, what is said of somebody else would be taken for this person's.
  if (more->TextOf("sub") != claims.subject) return Unavailable("its userinfo is of another sub than its ID token");
  for (auto& member : more->members) {
    if (claims.all.Find(member.name) != nullptr) continue;
    const auto place = std::ranges::lower_bound(claims.all.members, member.name, {},
                                                [](const auto& each) -> const std::string& { return each.name; });
    claims.all.members.insert(place, std::move(member));
  }
  return absl::OkStatus();
}

absl::StatusOr<Claims> Provider::WithKeys(const Now& now,
                                          absl::FunctionRef<absl::StatusOr<Claims>(const KeySet&)> verify) {
  TOCSIN_ASSIGN(const Metadata metadata, Discover(now));
  TOCSIN_ASSIGN(const KeySet keys, Keys(metadata, now, /*renew=*/false));
  absl::StatusOr<Claims> claims = verify(keys);
  if (!absl::IsNotFound(claims.status())) return claims;
  TOCSIN_ASSIGN(const KeySet newer, Keys(metadata, now, /*renew=*/true));
  return verify(newer);
}

absl::StatusOr<Claims> Provider::SignIn(const Exchange& exchange, const Now& now) {
  TOCSIN_ASSIGN(const Metadata metadata, Discover(now));
  TOCSIN_ASSIGN(const Tokens tokens, Redeem(metadata, exchange));
  Expected expected = Expect(now);
  expected.nonce = exchange.nonce;
  expected.access_token = tokens.access_token;
  absl::StatusOr<Claims> claims =
      WithKeys(now, [&](const KeySet& keys) { return VerifyIdToken(tokens.id_token, keys, expected); });
  if (!claims.ok()) return Annotate(claims.status(), "its ID token is refused");
  TOCSIN_TRY(AddUserInfo(metadata, tokens.access_token, *claims));
  return claims;
}

absl::StatusOr<Claims> Provider::LogOut(std::string_view logout_token, const Now& now) {
  TOCSIN_TRY(ParseJws(logout_token).status());  // nobody is asked anything because of nonsense
  const Expected expected = Expect(now);
  return WithKeys(now, [&](const KeySet& keys) { return VerifyLogoutToken(logout_token, keys, expected); });
}

}  // namespace tocsin::oidc
