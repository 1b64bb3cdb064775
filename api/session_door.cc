#include "api/session_door.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <google/protobuf/util/json_util.h>
#include <sodium.h>

#include "api/handlers.h"
#include "api/html.h"
#include "api/oidc_door.h"
#include "api/session_cookie.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::string_view kCsrfHeader = "X-Tocsin-Csrf";
constexpr std::size_t kLoginBytes = 8192;

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

absl::StatusOr<v1::SignInRequest> ReadLogin(const HttpRequest& request) {
  v1::SignInRequest asked;
  if (!IsValidUtf8(request.body) || !google::protobuf::util::JsonStringToMessage(request.body, &asked).ok()) {
    return Invalid("the request is not {\"user\": ..., \"password\": ...} in JSON");
  }
  if (asked.name().empty()) asked.set_name("browser");
  return asked;
}

HttpResponse LogIn(Api& api, const Auth& auth, const HttpRequest& request, const v1::SignInRequest& asked) {
  v1::SignInResponse done;
  const absl::Status status = RunSignIn(api, Nobody("http " + request.peer), asked, done);
  if (!status.ok()) return Refusal(status);
  const absl::StatusOr<Caller> caller = auth.Check("Bearer " + done.token());
  if (!caller.ok()) return Refusal(caller.status());
  HttpResponse response = Respond(200, Whose(*caller, done.token()));
  response.headers.push_back(SetSessionCookie(api, done.token(), kSessionLife));
  return response;
}

// The form of GET /login has the header's value as a field: a page without a script cannot set the header.
bool IsForm(const HttpRequest& request) {
  return ToLower(Trim(request.header("content-type"))) == "application/x-www-form-urlencoded";
}
HttpRequest WithHeader(HttpRequest request) {
  if (!IsForm(request) || !request.header(kCsrfHeader).empty()) return request;
  request.headers.push_back({std::string(kCsrfHeader), QueryValue(request.body, "csrf").value_or("")});
  return request;
}

HttpResponse LoggedOut(const HttpRequest& request, const std::string& at_provider) {
  if (!IsForm(request)) {
    return Respond(200, at_provider.empty() ? "{}" : absl::StrCat("{\"logoutUrl\":", JsonQuote(at_provider), "}"));
  }
  return HtmlPage(200, "You are logged out",
                  at_provider.empty()
                      ? std::string()
                      : absl::StrFormat("<p>Here. <a href=\"%s\">Log out where you logged in, too</a></p>",
                                        EscapeHtml(at_provider)));
}

// Ends what the cookie opens; whatever it opened, the browser has no cookie afterwards.
HttpResponse LogOut(Api& api, const Auth& auth, const HttpRequest& request) {
  const absl::StatusOr<Caller> caller = CallerOf(api, auth, WithHeader(request));
  std::string at_provider;
  if (absl::IsPermissionDenied(caller.status())) return Refusal(caller.status());
  if (caller.ok() && caller->session) {
    at_provider = LogoutUrl(api, caller->token);
    v1::CommandResponse done;
    Caller whose = *caller;
    whose.origin = "http " + request.peer;
    const absl::Status status = RunSignOut(api, whose, {}, done);
    if (!status.ok() && !absl::IsNotFound(status)) return Refusal(status);
  }
  HttpResponse response = LoggedOut(request, at_provider);
  response.headers.push_back(SetSessionCookie(api, "", absl::ZeroDuration()));
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

void TakeLogin(Api& api, const Auth& auth, Workers& workers, HttpRequest request, HttpResponder responder) {
  // A form of another site can be posted, but not as JSON.
  if (!IsJson(request)) {
    return std::move(responder).Send(
        Respond(415, R"({"message":"only application/json with {\"user\": ..., \"password\": ...}"})"));
  }
  if (IsOfAnotherSite(api, request))
    return std::move(responder).Send(Refusal(absl::PermissionDeniedError("people log in on a page of this server")));
  absl::StatusOr<v1::SignInRequest> asked = ReadLogin(request);
  if (!asked.ok()) return std::move(responder).Send(Refusal(asked.status()));
  absl::StatusOr<PlaceInLine> line = AdmitLogin(api, asked->user(), request.peer);
  if (!line.ok()) return std::move(responder).Send(Refusal(line.status()));
  auto held = std::make_shared<HttpResponder>(std::move(responder));
  const bool taken = workers.Post(
      line->lane, [&api, &auth, held, request = std::move(request), asked = *std::move(asked),
                   place = std::move(line->place)] { std::move(*held).Send(LogIn(api, auth, request, asked)); });
  if (!taken) std::move(*held).Send(Refusal(Exhausted("too many calls are waiting; try again in a second")));
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
             [&api, &auth, &workers](HttpRequest request, HttpResponder responder) {
               TakeLogin(api, auth, workers, std::move(request), std::move(responder));
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
