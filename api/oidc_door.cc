#include "api/oidc_door.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <sodium.h>

#include "api/html.h"
#include "api/oidc_desk.h"
#include "api/oidc_people.h"
#include "api/session_cookie.h"
#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kPrefix = "/login/oidc";
constexpr std::size_t kCodeBytes = 4096;
constexpr std::size_t kShownBytes = 200;
constexpr std::size_t kLogoutBytes = oidc::kTokenBytes + 1024;
constexpr std::size_t kFields = 50;

std::string PublicUrl(const Api& api) {
  const OrganisationPtr organisation = api.engine.access()->organisation;
  std::string url = organisation == nullptr ? "" : organisation->public_url;
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

std::string UrlOf(const Api& api, const std::string& provider, std::string_view what) {
  return absl::StrCat(PublicUrl(api), ToAbsl(kPrefix), "/", provider, "/", ToAbsl(what));
}

std::string_view CookieName(const Api& api) {
  return IsSecure(api) ? "__Host-tocsin-login" : "tocsin-login";
}

// Lax and not Strict: the provider's page leads back to us.
HttpHeader SetLoginCookie(const Api& api, std::string_view value, absl::Duration life) {
  return {"Set-Cookie", absl::StrFormat("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", CookieName(api), value,
                                        absl::ToInt64Seconds(life), IsSecure(api) ? "; Secure" : "")};
}

// Of a query or a form: each at most once, since others may read another one of two.
absl::StatusOr<std::string> Field(std::string_view form, std::string_view name) {
  std::string value;
  int found = 0;
  for (const FormField& field : ParseForm(form, kFields)) {
    if (field.name != name) continue;
    value = field.value;
    ++found;
  }
  if (found > 1) return Invalid("%s is there more than once", name);
  return value;
}

// A provider's words: one line, bounded.
std::string Shown(std::string_view text) {
  std::string line(TruncateUtf8(text, kShownBytes));
  if (!IsValidUtf8(line)) return "(not UTF-8)";
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

int StatusOf(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return 502;
  if (absl::IsResourceExhausted(status)) return 429;
  if (absl::IsNotFound(status)) return 404;
  return absl::IsPermissionDenied(status) ? 403 : 400;
}

HttpResponse Refusal(const Api& api, const oidc::Provider& provider, std::string_view origin, const absl::Status& why) {
  const oidc::Settings& settings = provider.settings();
  LogWarning("somebody could not log in by a provider",
             {
                 {"provider", settings.name      },
                 {"origin",   std::string(origin)},
                 {"reason",   Message(why)       }
  });
  HttpResponse page =
      HtmlPage(StatusOf(why), "You are not logged in",
               absl::StrFormat("<p>%s: %s</p><p><a href=\"%s\">Begin again</a></p>", EscapeHtml(settings.Label()),
                               EscapeHtml(Message(why)), EscapeHtml(absl::StrCat(PublicUrl(api), "/login"))));
  page.headers.push_back(SetLoginCookie(api, "", absl::ZeroDuration()));
  return page;
}

std::string ScopesOf(const oidc::Settings& settings) {
  if (settings.scopes.empty()) return "openid profile email";
  std::string scopes;
  for (const std::string& scope : settings.scopes)
    absl::StrAppend(&scopes, scopes.empty() ? "" : " ", scope);
  return scopes;
}

HttpResponse Start(Api& api, oidc::Provider& provider, const HttpRequest& request) {
  const std::string origin = "http " + request.peer;
  const absl::StatusOr<std::string> terminal = Field(request.query, "terminal");
  if (!terminal.ok()) return Refusal(api, provider, origin, terminal.status());
  if (!terminal->empty() && !oidc::IsChallenge(*terminal)) {
    return Refusal(api, provider, origin,
                   Invalid("terminal: is no challenge; `tocsin login --oidc` makes the address"));
  }
  if (PublicUrl(api).empty()) {
    return Refusal(api, provider, origin,
                   Precondition("public_url of the organisation is not set: the provider could not lead back here"));
  }
  const Now now = api.engine.Read();
  const absl::StatusOr<oidc::Metadata> metadata = provider.Discover(now);
  if (!metadata.ok()) return Refusal(api, provider, origin, metadata.status());
  const oidc::Settings& settings = provider.settings();
  const oidc::Pending pending = oidc::Begin(settings.name, *terminal, now.engine);
  HttpResponse response{.status = 303};
  response.headers = {
      {"Location",
       absl::StrCat(metadata->authorization_endpoint,
       metadata->authorization_endpoint.find('?') == std::string::npos ? "?" : "&",
       "response_type=code&client_id=", PercentEncode(settings.client_id),
       "&redirect_uri=", PercentEncode(UrlOf(api, settings.name, "callback")),
       "&scope=", PercentEncode(ScopesOf(settings)), "&state=", pending.state, "&nonce=", pending.nonce,
       "&code_challenge=", oidc::ChallengeOf(pending.verifier), "&code_challenge_method=S256")},
      {"Cache-Control", "no-store"},
      {"Referrer-Policy",        "no-referrer"                           },
      SetLoginCookie(api, api.oidc->seal().Close(pending), oidc::kLoginLife)
  };
  return response;
}

// What the provider answers by the browser: that it is this browser's login, of this provider, and for the first time.
absl::StatusOr<oidc::Pending> CheckAnswer(Api& api,
                                          oidc::Provider& provider,
                                          const HttpRequest& request,
                                          const Now& now) {
  const oidc::Settings& settings = provider.settings();
  TOCSIN_ASSIGN(oidc::Pending pending, api.oidc->seal().Open(CookieValue(request, CookieName(api)), now.engine));
  TOCSIN_ASSIGN(const std::string state, Field(request.query, "state"));
  if (state.size() != pending.state.size() || sodium_memcmp(state.data(), pending.state.data(), state.size()) != 0) {
    return absl::FailedPreconditionError(
        "the answer belongs to another login than this browser began last: begin again, in one window");
  }
  if (pending.provider != settings.name) {
    return absl::FailedPreconditionError("the login was begun with another provider: begin again");
  }
  if (!api.oidc->come_back().Take(pending, now.engine)) {
    return absl::FailedPreconditionError("this answer was here already: begin again");
  }
  TOCSIN_ASSIGN(const std::string issuer, Field(request.query, "iss"));
  const std::optional<oidc::Metadata> known = provider.Known();
  if (issuer.empty() ? known && known->names_itself : issuer != settings.issuer) {
    return Invalid("iss: the answer is of %s", issuer.empty() ? "nobody who says so" : JsonQuote(Shown(issuer)));
  }
  TOCSIN_ASSIGN(const std::string error, Field(request.query, "error"));
  if (error.empty()) return pending;
  TOCSIN_ASSIGN(const std::string description, Field(request.query, "error_description"));
  return absl::PermissionDeniedError(
      absl::StrCat("the provider says: ", Shown(error), description.empty() ? "" : ": ", Shown(description)));
}

absl::StatusOr<Vouched> Vouch(
    Api& api, oidc::Provider& provider, const oidc::Pending& pending, const HttpRequest& request, const Now& now) {
  TOCSIN_ASSIGN(const std::string code, Field(request.query, "code"));
  if (code.empty() || code.size() > kCodeBytes) return Invalid("code: is missing or too long");
  TOCSIN_ASSIGN(const oidc::Claims claims,
                provider.SignIn({.code = code,
                                 .verifier = pending.verifier,
                                 .redirect_uri = UrlOf(api, provider.settings().name, "callback"),
                                 .nonce = pending.nonce},
                                now));
  return FindPerson(api, provider.settings(), claims, "http " + request.peer);
}

HttpResponse ShowCode(Api& api, const Vouched& who, const std::string& code) {
  HttpResponse page = HtmlPage(200, "One more step",
                               absl::StrFormat("<p>You are %s. A terminal waits for you to log in there as well. Only "
                                               "if it is yours, and you have begun this "
                                               "there: give it this code.</p><p><strong>%s</strong></p><p>It is good "
                                               "once, for five minutes. Give it to nobody "
                                               "else: nobody of ours asks for it.</p>",
                                               EscapeHtml(who.user.value()), EscapeHtml(code)));
  page.headers.push_back(SetLoginCookie(api, "", absl::ZeroDuration()));
  return page;
}

// The page goes on by itself, so that neither the address bar nor the history keeps the provider's answer; as a page of ours, since the
// session's cookie does not come along where another site has led to.
HttpResponse Welcome(Api& api, const Vouched& who, std::string_view token) {
  const std::string login = EscapeHtml(absl::StrCat(PublicUrl(api), "/login"));
  HttpResponse page = HtmlPage(
      200, "You are logged in",
      absl::StrFormat("<meta http-equiv=\"refresh\" content=\"0; url=%s\"><p>You are %s. <a href=\"%s\">Go on</a></p>",
                      login, EscapeHtml(who.user.value()), login));
  page.headers.push_back(SetLoginCookie(api, "", absl::ZeroDuration()));
  page.headers.push_back(SetSessionCookie(api, token, kSessionLife));
  return page;
}

HttpResponse Callback(Api& api, oidc::Provider& provider, const HttpRequest& request) {
  const std::string origin = "http " + request.peer;
  const Now now = api.engine.Read();
  const absl::StatusOr<oidc::Pending> pending = CheckAnswer(api, provider, request, now);
  if (!pending.ok()) return Refusal(api, provider, origin, pending.status());
  absl::StatusOr<Vouched> who = Vouch(api, provider, *pending, request, now);
  if (!who.ok()) return Refusal(api, provider, origin, who.status());
  if (!pending->terminal.empty()) {
    const absl::StatusOr<std::string> code =
        api.oidc->codes().Put({who->user, who->voucher, pending->terminal, now.engine}, now.engine);
    return code.ok() ? ShowCode(api, *who, *code) : Refusal(api, provider, origin, code.status());
  }
  v1::SignInResponse session;
  const absl::Status status = SignInVouched(api, origin, *who, "browser", session);
  return status.ok() ? Welcome(api, *who, session.token()) : Refusal(api, provider, origin, status);
}

// The sessions that the provider has vouched for, by its own session if it names one, else all of that person's.
std::vector<TokenId> SessionsOf(const Api& api, const oidc::Settings& settings, const oidc::Claims& claims) {
  std::vector<TokenId> sessions;
  for (const AccessToken& token : api.engine.access()->tokens) {
    if (!token.session || !token.voucher || token.voucher->identity.issuer != settings.issuer) continue;
    const bool of_subject = claims.subject.empty() || token.voucher->identity.subject == claims.subject;
    const bool of_session = claims.session.empty() || token.voucher->session == claims.session;
    if (of_subject && of_session) sessions.push_back(token.id);
  }
  return sessions;
}

HttpResponse BackChannel(int status, std::string body) {
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

HttpResponse LogOutByProvider(Api& api, oidc::Provider& provider, const HttpRequest& request) {
  const oidc::Settings& settings = provider.settings();
  const std::string origin = "http " + request.peer;
  const absl::StatusOr<std::string> token = Field(request.body, "logout_token");
  const absl::StatusOr<oidc::Claims> claims =
      token.ok() ? provider.LogOut(*token, api.engine.Read()) : absl::StatusOr<oidc::Claims>(token.status());
  if (!claims.ok()) {
    LogWarning("a provider's logout was refused",
               {
                   {"provider", settings.name           },
                   {"origin",   origin                  },
                   {"reason",   Message(claims.status())}
    });
    return BackChannel(400, R"({"error":"invalid_request"})");
  }
  for (const TokenId session : SessionsOf(api, settings, *claims)) {
    const CommandResult result =
        api.engine.ExecuteAndWait({"", "provider:" + settings.name, RevokeToken{session}, origin});
    if (!result.status.ok() && !absl::IsNotFound(result.status)) return BackChannel(503, R"({"error":"try again"})");
  }
  return BackChannel(200, "{}");
}

std::string Buttons(const Api& api) {
  std::string buttons;
  if (api.oidc != nullptr) {
    for (const std::shared_ptr<oidc::Provider>& provider : *api.oidc->providers()) {
      const oidc::Settings& settings = provider->settings();
      absl::StrAppendFormat(&buttons, "<p><a role=\"button\" href=\"%s\">Log in by %s</a></p>",
                            EscapeHtml(StartUrl(api, settings.name)), EscapeHtml(settings.Label()));
    }
  }
  return absl::StrCat(buttons, "<p>With a password: <code>tocsin login</code>, at a terminal.</p>");
}

HttpResponse ShowLogin(const Api& api, const Auth& auth, const HttpRequest& request) {
  const std::string token = SessionCookie(api, request);
  const absl::StatusOr<Caller> caller = auth.Check("Bearer " + token);
  HttpResponse page = HtmlPage(200, "Log in", Buttons(api));
  if (caller.ok() && caller->session) {
    page = HtmlPage(
        200, "You are logged in",
        absl::StrFormat("<p>You are %s.</p><form method=\"post\" action=\"%s\"><input type=\"hidden\" name=\"csrf\" "
                        "value=\"%s\"><button type=\"submit\">Log out</button></form>",
                        EscapeHtml(caller->user.value()), EscapeHtml(PublicUrl(api) + "/logout"), CsrfOf(token)));
  }
  // With no-referrer a browser would say of no form where it comes from.
  for (HttpHeader& header : page.headers) {
    if (header.name == "Referrer-Policy") header.value = "same-origin";
  }
  return page;
}

using Door = HttpResponse (*)(Api& api, oidc::Provider& provider, const HttpRequest& request);

struct Row {
  HttpMethod method;
  std::string_view name;
  Door door;
};
constexpr Row kRows[] = {
    {HttpMethod::kGet,  "start",    Start           },
    {HttpMethod::kGet,  "callback", Callback        },
    {HttpMethod::kPost, "logout",   LogOutByProvider},
};

void Open(Api& api, HttpMethod method, HttpRequest request, HttpResponder responder) {
  const std::size_t slash = request.rest.find('/');
  const std::string name = request.rest.substr(0, slash);
  const std::string what = slash == std::string::npos ? "" : request.rest.substr(slash + 1);
  const auto* row =
      std::ranges::find_if(kRows, [&](const Row& each) { return each.method == method && each.name == what; });
  const std::shared_ptr<oidc::Provider> provider = api.oidc == nullptr ? nullptr : api.oidc->Find(name);
  if (provider == nullptr || row == std::end(kRows)) {
    return std::move(responder).Send(
        HtmlPage(404, "There is no such door", "<p>No provider of this name is configured (--sign_in).</p>"));
  }
  auto held = std::make_shared<HttpResponder>(std::move(responder));
  const bool taken = api.oidc->Post([&api, provider, row, held, request = std::move(request)] {
    std::move(*held).Send(row->door(api, *provider, request));
  });
  if (!taken) std::move(*held).Send(HtmlPage(503, "Busy", "<p>Too many log in at once. Try again in a second.</p>"));
}

}  // namespace

std::string StartUrl(const Api& api, const std::string& provider) {
  return UrlOf(api, provider, "start");
}

std::string LogoutUrl(const Api& api, TokenId session) {
  if (api.oidc == nullptr) return "";
  for (const AccessToken& token : api.engine.access()->tokens) {
    if (token.id != session || !token.voucher) continue;
    const std::shared_ptr<oidc::Provider> provider = api.oidc->Find(token.voucher->provider);
    const std::optional<oidc::Metadata> known = provider == nullptr ? std::nullopt : provider->Known();
    if (!known || known->end_session_endpoint.empty()) return "";
    return absl::StrCat(known->end_session_endpoint,
                        known->end_session_endpoint.find('?') == std::string::npos ? "?" : "&",
                        "client_id=", PercentEncode(provider->settings().client_id),
                        "&post_logout_redirect_uri=", PercentEncode(PublicUrl(api) + "/login"));
  }
  return "";
}

void AddOidcRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers) {
  router.Add(HttpMethod::kGet, "/login", [&api, &auth, &workers](const HttpRequest& request, HttpResponder responder) {
    auto held = std::make_shared<HttpResponder>(std::move(responder));
    const bool taken = workers.Post(
        Workers::Lane::kAsking, [&api, &auth, held, request] { std::move(*held).Send(ShowLogin(api, auth, request)); });
    if (!taken) std::move(*held).Send(HtmlPage(503, "Busy", "<p>Try again in a second.</p>"));
  });
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kPost}) {
    router.AddPrefix(method, kPrefix,
                     [&api, method](HttpRequest request, HttpResponder responder) {
                       Open(api, method, std::move(request), std::move(responder));
                     },
                     {.max_body_bytes = kLogoutBytes});
  }
}

}  // namespace tocsin
