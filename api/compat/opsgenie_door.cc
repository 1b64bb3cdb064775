#include "api/compat/opsgenie_door.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "api/compat/opsgenie_asked.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kBodyBytes = 512 * 1024;

std::string KeyOf(const HttpRequest& request) {
  constexpr std::string_view kScheme = "GenieKey ";
  const std::string_view header = Trim(request.header("Authorization"));
  if (header.size() > kScheme.size() &&
      absl::EqualsIgnoreCase(ToAbsl(header.substr(0, kScheme.size())), ToAbsl(kScheme)))
    return std::string(Trim(header.substr(kScheme.size())));
  return QueryValue(request.query, "apiKey").value_or("");
}

HttpResponse Unauthorised(std::string_view why) {
  HttpResponse response = OpsgenieAnswer(
      {RandomUuid(), absl::ZeroDuration()}, 401,
      JsonMembers().Text("message", why).Text("example", "Authorization: GenieKey <the integration's key>").members());
  response.headers.push_back({"WWW-Authenticate", "GenieKey"});
  return response;
}

using Respond = void (*)(const OpsgenieRooms&, const OpsgenieExchangePtr&);
using Read = HttpResponse (*)(const OpsgenieRooms&, const OpsgenieExchange&);

// Finds the door that the key opens, then lets `respond` do the rest.
HttpHandler Behind(const std::shared_ptr<const OpsgenieRooms>& rooms,
                   Respond respond,
                   std::string_view other_source = kOpsgenieIntegrations) {
  return [rooms, respond, other_source](HttpRequest request, HttpResponder responder) {
    EventDoor& events = rooms->events;
    events.CountRequest();
    if (!events.ready()) {
      return std::move(responder).Send(OpsgenieTrouble(
          {RandomUuid(), absl::ZeroDuration()},
          "no organisation is loaded yet: nothing of this was taken, send it again later", absl::Seconds(1)));
    }
    const std::string key = KeyOf(request);
    if (key.empty()) return std::move(responder).Send(Unauthorised("API key is missing"));
    std::optional<OpenDoor> door = events.Find({kOpsgenieIntegrations, other_source}, key, request.peer);
    if (!door) return std::move(responder).Send(Unauthorised("Could not authenticate: unknown API key"));
    respond(*rooms,
            std::make_shared<OpsgenieExchange>(std::move(request), std::move(responder), *std::move(door), events));
  };
}

template <Read kRead>
void OnWorker(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange) {
  const bool taken = rooms.workers.Post(Workers::Lane::kAsking,
                                        [rooms = &rooms, exchange] { exchange->Send(kRead(*rooms, *exchange)); });
  if (!taken) exchange->Send(OpsgenieThrottled(exchange->asked(), absl::Seconds(1)));
}

}  // namespace

void AddOpsgenieRoutes(HttpRouter& router, Api& api, EventDoor& events, Workers& workers) {
  const auto rooms = std::make_shared<const OpsgenieRooms>(OpsgenieRooms{api, events, workers});
  struct Family {
    std::string_view path;
    Respond respond;
    bool writes;
  };
  const Family families[] = {
      {"/v2/alerts",      AnswerOpsgenieAlerts,              true },
      {"/v2/heartbeats",  AnswerOpsgenieHeartbeats,          true },
      {"/v2/schedules",   OnWorker<ReadOpsgenieSchedules>,   false},
      {"/v2/teams",       OnWorker<ReadOpsgenieTeams>,       false},
      {"/v2/users",       OnWorker<ReadOpsgenieUsers>,       false},
      {"/v2/escalations", OnWorker<ReadOpsgenieEscalations>, false},
  };
  for (const Family& family : families) {
    router.AddSubtree(
        {.prefix = std::string(family.path),
         .problem =
             [](const HttpProblem& problem) {
               return OpsgenieProblem({RandomUuid(), absl::ZeroDuration()}, problem.status, problem.message);
             },
         .finish = [](const HttpRequest&, HttpResponse& response) { FinishOpsgenie(response); }});
    std::vector<HttpMethod> methods = {HttpMethod::kGet};
    if (family.writes)
      methods = {HttpMethod::kGet, HttpMethod::kPost, HttpMethod::kPut, HttpMethod::kPatch, HttpMethod::kDelete};
    for (const HttpMethod method : methods)
      router.AddPrefix(method, family.path, Behind(rooms, family.respond), {.max_body_bytes = kBodyBytes});
  }
  router.Add(HttpMethod::kPost, "/v1/json/integrations/webhooks/netdata",
             Behind(rooms, AnswerOpsgenieNetdata, "netdata"), {.max_body_bytes = kBodyBytes});
}

}  // namespace tocsin
