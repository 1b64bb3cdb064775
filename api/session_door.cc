#include "api/session_door.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <google/protobuf/util/json_util.h>
#include <sodium.h>

#include "api/handlers.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::string_view kCsrfHeader = "X-Tocsin-Csrf";
constexpr std::size_t kLoginBytes = 8192;

// Behind TLS, be it ours or of what stands before us, the name forbids the cookie to come from elsewhere (__Host-: this host only,
// set by https only), so that nobody slips in a session of theirs.
bool IsSecure(const Api& api) {
  if (api.tls) return true;
  const OrganisationPtr organisation = api.engine.access()->organisation;
  return organisation != nullptr && organisation->public_url.starts_with("https://");
}
std::string_view CookieName(bool secure) {
  return secure ? "__Host-tocsin" : "tocsin-session";
}

HttpHeader SetCookie(const Api& api, std::string_view token, absl::Duration life) {
  const bool secure = IsSecure(api);
  return {"Set-Cookie", absl::StrFormat("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", CookieName(secure),
                                        token, absl::ToInt64Seconds(life), secure ? "; Secure" : "")};
}

// "" when there is none, or more than one: then somebody else has set one of them.
std::string SessionCookie(const Api& api, const HttpRequest& request) {
  const std::string_view name = CookieName(IsSecure(api));
  std::string value;
  int found = 0;
  for (const HttpHeader& header : request.headers) {
    if (ToLower(header.name) != "cookie") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = Trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
      value = pair.substr(name.size() + 1);
      ++found;
    }
  }
  return found == 1 ? value : "";
}

// Of the session alone: who has it does not have the session.
std::string CsrfOf(std::string_view token) {
  return HashKey(absl::StrCat("csrf ", ToAbsl(token)));
}

// A browser says of what page a request is. Programs say nothing.
bool IsOfAnotherSite(const Api& api, const HttpRequest& request) {
  const std::string_view site = request.header("Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  const std::string_view origin = request.header("Origin");
  if (origin.empty()) return false;
  const auto without_scheme = [](std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    return ToLower(url.substr(0, url.find('/')));
  };
  if (without_scheme(origin) == ToLower(request.header("Host"))) return false;
  const OrganisationPtr organisation = api.engine.access()->organisation;
  return organisation == nullptr || without_scheme(origin) != without_scheme(organisation->public_url);
}

HttpResponse Respond(int status, std::string body) {
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.push_back({"Cache-Control", "no-store"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  return response;
}

HttpResponse Refusal(const absl::Status& status) {
  const int code = absl::IsUnauthenticated(status)     ? 401
                   : absl::IsPermissionDenied(status)  ? 403
                   : absl::IsResourceExhausted(status) ? 429
                   : absl::IsInvalidArgument(status)   ? 400
                                                       : 503;
  return Respond(code, absl::StrCat("{\"message\":", JsonQuote(Message(status)), "}"));
}

bool IsJson(const HttpRequest& request) {
  const std::string_view type = request.header("content-type");
  return ToLower(Trim(type.substr(0, type.find(';')))) == "application/json";
}

std::string Whose(const Caller& caller, std::string_view token) {
  return absl::StrCat("{\"user\":", JsonQuote(caller.user.value()), ",\"csrf\":\"", CsrfOf(token), "\"}");
}

HttpResponse LogIn(Api& api, const Auth& auth, const HttpRequest& request) {
  v1::SignInRequest asked;
  if (!IsValidUtf8(request.body) || !google::protobuf::util::JsonStringToMessage(request.body, &asked).ok()) {
    return Refusal(Invalid("the request is not {\"user\": ..., \"password\": ...} in JSON"));
  }
  if (asked.name().empty()) asked.set_name("browser");
  v1::SignInResponse done;
  const absl::Status status = RunSignIn(api, Nobody("http " + request.peer), asked, done);
  if (!status.ok()) return Refusal(status);
  const absl::StatusOr<Caller> caller = auth.Check("Bearer " + done.token());
  if (!caller.ok()) return Refusal(caller.status());
  HttpResponse response = Respond(200, Whose(*caller, done.token()));
  response.headers.push_back(SetCookie(api, done.token(), kSessionLife));
  return response;
}

// Ends what the cookie opens; whatever it opened, the browser has no cookie afterwards.
HttpResponse LogOut(Api& api, const Auth& auth, const HttpRequest& request) {
  const absl::StatusOr<Caller> caller = CallerOf(api, auth, request);
  if (absl::IsPermissionDenied(caller.status())) return Refusal(caller.status());
  if (caller.ok() && caller->session) {
    v1::CommandResponse done;
    Caller whose = *caller;
    whose.origin = "http " + request.peer;
    const absl::Status status = RunSignOut(api, whose, {}, done);
    if (!status.ok() && !absl::IsNotFound(status)) return Refusal(status);
  }
  HttpResponse response = Respond(200, "{}");
  response.headers.push_back(SetCookie(api, "", absl::ZeroDuration()));
  return response;
}

HttpResponse ShowSession(const Api& api, const Auth& auth, const HttpRequest& request) {
  if (IsOfAnotherSite(api, request)) return Refusal(absl::PermissionDeniedError("for pages of this server only"));
  const std::string token = SessionCookie(api, request);
  const absl::StatusOr<Caller> caller = auth.Check("Bearer " + token);
  if (!caller.ok() || !caller->session) return Refusal(absl::UnauthenticatedError("log in"));
  return Respond(200, Whose(*caller, token));
}

using Door = std::function<HttpResponse(const HttpRequest&)>;
HttpHandler OnWorker(Workers& workers, Workers::Lane lane, Door door) {
  return [&workers, lane, door = std::move(door)](HttpRequest request, HttpResponder responder) {
    auto held = std::make_shared<HttpResponder>(std::move(responder));
    const bool taken =
        workers.Post(lane, [door, held, request = std::move(request)] { std::move(*held).Send(door(request)); });
    if (!taken) std::move(*held).Send(Refusal(Exhausted("too many calls are waiting; try again in a second")));
  };
}

}  // namespace

absl::StatusOr<Caller> CallerOf(const Api& api, const Auth& auth, const HttpRequest& request) {
  const std::string_view authorization = request.header("authorization");
  const std::string token = authorization.empty() ? SessionCookie(api, request) : "";
  if (token.empty()) return auth.Check(authorization);
  absl::StatusOr<Caller> caller = auth.Check("Bearer " + token);
  // Of all tokens the cookie may be a session's only: what a page can be made to keep is no place for others.
  if (caller.ok() && !caller->session) return absl::UnauthenticatedError("the cookie is no session's: log in");
  if (!caller.ok()) return caller;
  const std::string_view shown = request.header(kCsrfHeader);
  const std::string wanted = CsrfOf(token);
  if (IsOfAnotherSite(api, request) || shown.size() != wanted.size() ||
      sodium_memcmp(shown.data(), wanted.data(), wanted.size()) != 0) {
    return absl::PermissionDeniedError(
        "a call with a session's cookie needs the header X-Tocsin-Csrf (GET /session answers with its value), and a "
        "page of "
        "this server");
  }
  return caller;
}

void AddSessionRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers) {
  router.Add(HttpMethod::kPost, "/login",
             [&workers, &api,
              login = OnWorker(workers, Workers::Lane::kHashing,
                               [&api, &auth](const HttpRequest& request) { return LogIn(api, auth, request); })](
                 HttpRequest request, HttpResponder responder) {
               // A form of another site can be posted, but not as JSON.
               if (!IsJson(request)) {
                 return std::move(responder).Send(
                     Respond(415, R"({"message":"only application/json with {\"user\": ..., \"password\": ...}"})"));
               }
               if (IsOfAnotherSite(api, request)) {
                 return std::move(responder).Send(
                     Refusal(absl::PermissionDeniedError("people log in on a page of this server")));
               }
               login(std::move(request), std::move(responder));
             },
             {.max_body_bytes = kLoginBytes});
  router.Add(HttpMethod::kPost, "/logout",
             OnWorker(workers, Workers::Lane::kDoing,
                      [&api, &auth](const HttpRequest& request) { return LogOut(api, auth, request); }),
             {.max_body_bytes = kLoginBytes});
  router.Add(HttpMethod::kGet, "/session",
             OnWorker(workers, Workers::Lane::kAsking,
                      [&api, &auth](const HttpRequest& request) { return ShowSession(api, auth, request); }));
}

}  // namespace tocsin
