#include "api/compat/alertmanager_door.h"

#include <chrono>
#include <memory>
#include <optional>
#include <semaphore>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "api/compat/alertmanager_alerts.h"
#include "api/compat/alertmanager_config.h"
#include "api/compat/alertmanager_rules.h"
#include "api/compat/alertmanager_silences.h"
#include "api/compat/alertmanager_wire.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace alertmanager {
namespace {

constexpr std::size_t kSilenceBytes = std::size_t{1} << 20U;
// So many lists of alerts are made at once, each of which may be large; others wait for a moment, then are told to come again.
constexpr std::ptrdiff_t kListsAtOnce = 2;
constexpr std::chrono::seconds kListPatience(5);

// The host of "http://localhost:3000" or "localhost:3000", without its port.
std::string_view HostOf(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find_first_of(":/"));
}

// 127.evil.example is a name, and may lead here.
bool IsOfThisMachine(std::string_view host) {
  const std::string lower = ToLower(host);
  const bool is_number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return lower == "localhost" || lower == "[::1]" || (is_number && host.starts_with("127."));
}

// A browser obeys whatever page is open in it. What it sends for a page of another site, or for a name that somebody has led here,
// is not the word of a person at this machine.
bool IsOfAnotherSite(const HttpRequest& request) {
  const std::string_view origin = request.header("Origin");
  const std::string_view host = request.header("Host");
  return (!origin.empty() && !IsOfThisMachine(HostOf(origin))) || (!host.empty() && !IsOfThisMachine(HostOf(host)));
}

HttpResponse Unauthorised(std::string_view message) {
  HttpResponse response = ErrorObject(401, 401, message);
  response.headers.push_back({"WWW-Authenticate", R"(Basic realm="tocsin")"});
  return response;
}

HttpResponse NotAcceptable() {
  return ErrorObject(406, 406, "unsupported media type requested, only [application/json] are available");
}

HttpResponse TextResponse(int status, std::string_view text) {
  return {.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::string(text)};
}

class Door {
 public:
  using Answer = HttpResponse (Door::*)(const HttpRequest&, const Caller&);
  enum class Speaks : std::uint8_t {
    kJson,
    kAnything
  };

  Door(Api& api, const Auth& auth, const KeyRing& keys, Workers& workers, AlertmanagerOptions options)
      : api_(api),
        auth_(auth),
        keys_(keys),
        workers_(workers),
        options_(std::move(options)),
        began_(api.engine.Read().wall) {}

  // On an I/O thread: lets in or refuses; a worker answers.
  void Take(Role role, Speaks speaks, Answer answer, HttpRequest request, HttpResponder responder) {
    absl::StatusOr<Caller> caller = Admit(request);
    if (!caller.ok()) return std::move(responder).Send(Unauthorised(Message(caller.status())));
    caller->origin = "http " + request.peer;
    const std::optional<Caller> standing = caller->At(role);
    if (!standing) return std::move(responder).Send(Forbidden(*caller, role, request));
    if (speaks == Speaks::kJson && !AcceptsJson(request.header("Accept")))
      return std::move(responder).Send(NotAcceptable());
    auto held = std::make_shared<HttpResponder>(std::move(responder));
    const auto lane = role == Role::kViewer ? Workers::Lane::kAsking : Workers::Lane::kDoing;
    const bool taken = workers_.Post(lane, [this, answer, held, caller = *standing, request = std::move(request)] {
      std::move(*held).Send((this->*answer)(request, caller));
    });
    if (!taken) std::move(*held).Send(Busy());
  }

  HttpResponse Status(const HttpRequest&, const Caller&) {
    const RulesPtr rules = api_.engine.rules();
    const std::string original = rules && rules->organisation ? RenderConfiguration(*rules->organisation) : "";
    const std::string name = JsonQuote(api_.engine.store().store_id());
    const std::string own = JsonQuote(absl::StrCat("tocsin ", api_.version));
    return JsonResponse(
        200, absl::StrCat("{\"cluster\":{\"name\":", name, ",\"peers\":[{\"address\":", JsonQuote(options_.address),
                          ",\"name\":", name, "}],\"status\":\"ready\"},\"config\":{\"original\":", JsonQuote(original),
                          "},\"uptime\":\"", WireTime(began_), "\",\"versionInfo\":{\"branch\":", own,
                          ",\"buildDate\":\"\",\"buildUser\":", own, ",\"goVersion\":\"\",\"revision\":",
                          JsonQuote(api_.version), ",\"version\":\"", ToAbsl(kApiVersion), "\"}}\n"));
  }

  HttpResponse Receivers(const HttpRequest&, const Caller&) {
    const RulesPtr rules = api_.engine.rules();
    std::string json = "[";
    for (const std::string& name :
         rules && rules->organisation ? ReceiversOf(*rules->organisation) : std::vector<std::string>())
      absl::StrAppend(&json, json.size() > 1 ? "," : "", "{\"labels\":{},\"name\":", JsonQuote(name), "}");
    return JsonResponse(200, json + "]\n");
  }

  HttpResponse Alerts(const HttpRequest& request, const Caller&) { return List(request, &ListAlerts); }
  HttpResponse Groups(const HttpRequest& request, const Caller&) { return List(request, &ListAlertGroups); }

  HttpResponse Silences(const HttpRequest& request, const Caller&) { return ListSilences(api_, request.query); }
  HttpResponse Silence(const HttpRequest& request, const Caller&) {
    return IsUuid(request.rest) ? GetSilence(api_, request.rest) : NoUuid(request);
  }
  HttpResponse Silencing(const HttpRequest& request, const Caller& caller) {
    const std::string_view header = request.header("Content-Type");
    const std::string type = ToLower(Trim(header.substr(0, header.find(';'))));
    if (request.body.empty() || type == "application/json") return PostSilence(api_, caller, request.body);
    return ErrorObject(415, 415,
                       absl::StrFormat("unsupported media type \"%s\", only [application/json] are allowed",
                                       type.empty() ? "application/octet-stream" : type));
  }
  HttpResponse Expiry(const HttpRequest& request, const Caller& caller) {
    return IsUuid(request.rest) ? DeleteSilence(api_, caller, request.rest) : NoUuid(request);
  }

  HttpResponse Reload(const HttpRequest& request, const Caller& caller) {
    const absl::Status done = options_.reload ? options_.reload(caller) : absl::OkStatus();
    if (done.ok()) return {.status = 200};
    if (absl::IsPermissionDenied(done)) {
      LogRefusal(caller, request);
      return TextResponse(403, absl::StrCat("failed to reload config: ", Message(done), "\n"));
    }
    return TextResponse(500, absl::StrCat("failed to reload config: ", Message(done), "\n"));
  }

 private:
  absl::StatusOr<Caller> Admit(const HttpRequest& request) const {
    const std::string_view authorization = request.header("Authorization");
    if (!authorization.empty()) return auth_.Check("Bearer " + KeyOfAuthorization(authorization));
    constexpr std::string_view kAdvice = "send an access token (Bearer, or as the password of Basic)";
    if (!request.is_loopback || IsOfAnotherSite(request)) return absl::UnauthenticatedError(ToAbsl(kAdvice));
    const std::optional<OpenDoor> door = keys_.FindById(options_.default_integration);
    if (door && door->integration != nullptr && !door->integration->key_hash.empty()) {
      return absl::UnauthenticatedError(absl::StrCat(ToAbsl(kAdvice), ": integration ",
                                                     options_.default_integration.value(),
                                                     " has a key, so nobody comes in without"));
    }
    Caller caller;
    caller.name = "loopback";
    caller.role = Role::kResponder;
    return caller;
  }

  static void LogRefusal(const Caller& caller, const HttpRequest& request) {
    LogWarning("a call was refused", {
                                         {"method",       absl::StrCat(request.method_name, " ", request.path)},
                                         {"caller", caller.name                                },
                                         {"origin",   caller.origin  }
    });
  }

  static HttpResponse Forbidden(const Caller& caller, Role role, const HttpRequest& request) {
    LogRefusal(caller, request);
    return ErrorObject(
        403, 403,
        absl::StrFormat("this needs the role %s; %s has the role %s", Name(role), caller.name, Name(caller.role)));
  }

  static HttpResponse NoUuid(const HttpRequest& request) {
    if (request.rest.empty() || request.rest.find('/') != std::string::npos) {
      return ErrorObject(404, 404, absl::StrFormat("path %s was not found", request.path));
    }
    constexpr int kBadFormat = 601;
    return ErrorObject(422, kBadFormat,
                       absl::StrFormat("silenceID in path must be of type uuid: %s", GoQuote(request.rest)));
  }

  HttpResponse List(const HttpRequest& request,
                    absl::StatusOr<std::string> (*list)(Api&, const ClientRules&, const AlertQuery&)) {
    const absl::StatusOr<AlertQuery> query = ReadAlertQuery(request.query);
    if (!query.ok()) return ErrorText(400, Message(query.status()));
    if (!lists_.try_acquire_for(kListPatience)) return Busy();
    absl::StatusOr<std::string> body = list(api_, *CurrentRules(), *query);
    lists_.release();
    return body.ok() ? JsonResponse(200, *std::move(body)) : ErrorText(400, Message(body.status()));
  }

  // Rules are published anew whenever a source of inhibition comes or goes: the version stays, and so does what was compiled.
  std::shared_ptr<const ClientRules> CurrentRules() {
    const RulesPtr rules = api_.engine.rules();
    if (!rules) return std::make_shared<const ClientRules>(Rules(), 0);
    const MutexLock lock(mutex_);
    if (rules_ == nullptr || version_ != rules->version || organisation_ != rules->organisation) {
      rules_ = std::make_shared<const ClientRules>(*rules, api_.engine.KeySeed());
      version_ = rules->version;
      organisation_ = rules->organisation;
    }
    return rules_;
  }

  Api& api_;
  const Auth& auth_;
  const KeyRing& keys_;
  Workers& workers_;
  const AlertmanagerOptions options_;
  const absl::Time began_;
  std::counting_semaphore<kListsAtOnce> lists_{kListsAtOnce};
  Mutex mutex_;
  std::shared_ptr<const ClientRules> rules_ ABSL_GUARDED_BY(mutex_);
  RulesVersion version_ ABSL_GUARDED_BY(mutex_);
  OrganisationPtr organisation_ ABSL_GUARDED_BY(mutex_);
};

// Alertmanager 0.27 and later: the first version of its API is gone, and says so.
HttpSubtree GoneSubtree() {
  return {.prefix = "/api/v1", .problem = [](const HttpProblem&) {
            return JsonResponse(
                410, R"({"status":"deprecated","error":"The Alertmanager v1 API was deprecated in version 0.16.0 )"
                     R"(and is removed as of version 0.27.0 - please use the equivalent route in the v2 API"})"
                     "\n");
          }};
}

// What is under /-/ speaks plain text.
HttpSubtree ManagementSubtree() {
  return {.prefix = "/-", .problem = [](const HttpProblem& problem) {
            HttpResponse response = TextResponse(problem.status, problem.status == 404   ? "404 page not found\n"
                                                                 : problem.status == 405 ? "Method Not Allowed\n"
                                                                                         : problem.message + "\n");
            response.headers.push_back({"X-Content-Type-Options", "nosniff"});
            return response;
          }};
}

}  // namespace
}  // namespace alertmanager

void AddAlertmanagerRoutes(HttpRouter& router,
                           Api& api,
                           const Auth& auth,
                           const KeyRing& keys,
                           Workers& workers,
                           AlertmanagerOptions options) {
  using alertmanager::Door;
  const auto door = std::make_shared<Door>(api, auth, keys, workers, std::move(options));
  const auto handler = [door](Role role, Door::Speaks speaks, Door::Answer answer) {
    return [door, role, speaks, answer](HttpRequest request, HttpResponder responder) {
      door->Take(role, speaks, answer, std::move(request), std::move(responder));
    };
  };
  const auto reads = [&](std::string_view path, Door::Answer answer) {
    router.Add(HttpMethod::kGet, path, handler(Role::kViewer, Door::Speaks::kJson, answer));
  };
  reads("/api/v2/status", &Door::Status);
  reads("/api/v2/receivers", &Door::Receivers);
  reads("/api/v2/alerts", &Door::Alerts);
  reads("/api/v2/alerts/groups", &Door::Groups);
  reads("/api/v2/silences", &Door::Silences);
  router.Add(HttpMethod::kPost, "/api/v2/silences", handler(Role::kResponder, Door::Speaks::kJson, &Door::Silencing),
             {.max_body_bytes = alertmanager::kSilenceBytes});
  router.AddPrefix(HttpMethod::kGet, "/api/v2/silence", handler(Role::kViewer, Door::Speaks::kJson, &Door::Silence));
  router.AddPrefix(HttpMethod::kDelete, "/api/v2/silence",
                   handler(Role::kResponder, Door::Speaks::kAnything, &Door::Expiry));
  router.AddSubtree(alertmanager::GoneSubtree());
  router.AddSubtree(alertmanager::ManagementSubtree());
  router.Add(HttpMethod::kPost, "/-/reload", handler(Role::kManager, Door::Speaks::kAnything, &Door::Reload));
}

}  // namespace tocsin
