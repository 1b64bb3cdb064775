#include "api/heartbeat_door.h"

#include <memory>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kExample = "curl -fsS http://HOST:PORT/v1/heartbeats/nightly-backup?key=KEY";

HttpResponse Problem(int status, std::string_view message) {
  HttpResponse response = JsonResponse(status, absl::StrCat("{\"code\":", status, ",\"message\":", JsonQuote(message),
                                                            ",\"example\":", JsonQuote(kExample), "}\n"));
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"tocsin\""});
  if (status == 429 || status == 503) response.headers.push_back({"Retry-After", "5"});
  return response;
}

HttpResponse AnswerOf(const CommandResult& result, const std::string& name) {
  if (result.status.ok()) return JsonResponse(202, absl::StrCat("{\"heartbeat\":", JsonQuote(name), "}\n"));
  if (absl::IsNotFound(result.status)) {
    return Problem(404, absl::StrCat(Message(result.status),
                                     ": declare it under `heartbeats` in the organisation; `tocsin heartbeats` lists "
                                     "those that there are"));
  }
  return Problem(absl::IsResourceExhausted(result.status) ? 429 : 503, Message(result.status));
}

void Ping(Engine& engine, const KeyRing& keys, HttpRequest request, HttpResponder responder) {
  if (!keys.ready()) {
    return std::move(responder).Send(Problem(503, "the server has just started: send it again"));
  }
  const std::string key =
      QueryValue(request.query, "key").value_or(KeyOfAuthorization(request.header("Authorization")));
  const std::optional<OpenDoor> door = key.empty() ? std::nullopt : keys.Find(key);
  if (!door) {
    return std::move(responder).Send(Problem(
        401, key.empty() ? "no key: add ?key=KEY, or send the header `Authorization: Bearer KEY`; the key of any "
                           "integration will do"
                         : "unknown integration key: compare it with the one shown when the integration was made"));
  }
  if (request.rest.empty()) return std::move(responder).Send(Problem(404, "which heartbeat? its name ends the path"));
  const std::string integration = door->integration == nullptr ? "" : door->integration->id.value();
  Command command;
  command.actor = absl::StrCat("integration:", integration);
  command.body = PingHeartbeat{HeartbeatName(request.rest)};
  command.origin = absl::StrCat("http ", request.peer);
  auto held = std::make_shared<HttpResponder>(std::move(responder));
  engine.Execute(std::move(command), [held, name = std::move(request.rest)](const CommandResult& result) {
    std::move(*held).Send(AnswerOf(result, name));
  });
}

}  // namespace

void AddHeartbeatRoutes(HttpRouter& router, Engine& engine, const KeyRing& keys) {
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kPost}) {
    router.AddPrefix(method, "/v1/heartbeats",
                     [&engine, &keys](HttpRequest request, HttpResponder responder) {
                       Ping(engine, keys, std::move(request), std::move(responder));
                     },
                     {.max_body_bytes = 64 * 1024});  // what a script says is not looked at
  }
}

}  // namespace tocsin
