// /v2/heartbeats: signals, and the heartbeats themselves. What the organisation declares is changed there, not here.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "api/compat/opsgenie_asked.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/command.h"

namespace tocsin {
namespace {

constexpr absl::Duration kGrace = absl::ZeroDuration();  // Opsgenie has none

std::optional<Heartbeat> FindHeartbeat(const OpsgenieRooms& rooms, const std::string& name) {
  std::optional<Heartbeat> found;
  rooms.api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    const auto at = state.heartbeat_of.find(HeartbeatName(name));
    if (at != state.heartbeat_of.end()) found = state.heartbeats.at(at->second);
  });
  return found;
}

Command CommandOf(const OpsgenieExchange& exchange, Command::Body body) {
  Command command{
      .request_id = {}, .actor = "integration:" + exchange.door.integration->id.value(), .body = std::move(body)};
  command.origin = "http " + exchange.request.peer;
  return command;
}

HttpResponse FailureOf(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange, const absl::Status& status) {
  if (absl::IsNotFound(status)) return OpsgenieProblem(exchange.asked(), 404, Message(status));
  if (absl::IsResourceExhausted(status)) return OpsgenieThrottled(exchange.asked(), rooms.events.RetryAfter());
  if (absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status) || absl::IsFailedPrecondition(status))
    return OpsgenieRefusal(exchange.asked(), {.status = 422, .field = "heartbeat", .text = Message(status)});
  return OpsgenieTrouble(exchange.asked(), Message(status), rooms.events.RetryAfter());
}

// A signal is always taken with a 202, as the real one does: it is looked at later there.
void Ping(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange, const std::string& name) {
  rooms.api.engine.Execute(CommandOf(*exchange, PingHeartbeat{HeartbeatName(name)}), [rooms = &rooms, exchange, name](
                                                                                         const CommandResult& result) {
    if (absl::IsNotFound(result.status)) {
      rooms->events.NoteIgnored(absl::StrCat("integration ", exchange->door.integration->id.value(), ": heartbeat ",
                                             JsonQuote(TruncateUtf8(name, 100)), " is not known"));
    } else if (!result.status.ok()) {
      return exchange->Send(FailureOf(*rooms, *exchange, result.status));
    }
    exchange->Send(OpsgenieResult(exchange->asked(), 202, "PONG - Heartbeat received"));
  });
}

HttpResponse List(const OpsgenieRooms& rooms, const OpsgenieExchange& exchange) {
  std::vector<Heartbeat> all;
  rooms.api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    for (const auto& [id, heartbeat] : responder.state().heartbeats) {
      if (!heartbeat.removed) all.push_back(heartbeat);
    }
  });
  const std::string list =
      absl::StrJoin(all, ",", [](std::string* out, const Heartbeat& each) { *out += OpsgenieJson(each); });
  return OpsgenieData(exchange.asked(), JsonMembers().Raw("heartbeats", absl::StrCat("[", list, "]")).Object());
}

HttpResponse NoSuchHeartbeat(const OpsgenieExchange& exchange, std::string_view name) {
  return OpsgenieProblem(exchange.asked(), 404,
                         absl::StrCat("Heartbeat with name [", ToAbsl(TruncateUtf8(name, 100)), "] does not exist"));
}

// Executes and shows what has become of the heartbeat.
HttpResponse Change(const OpsgenieRooms& rooms,
                    const OpsgenieExchange& exchange,
                    const std::string& name,
                    Command::Body body,
                    int status) {
  const CommandResult result = rooms.api.engine.ExecuteAndWait(CommandOf(exchange, std::move(body)));
  if (!result.status.ok()) return FailureOf(rooms, exchange, result.status);
  const std::optional<Heartbeat> heartbeat = FindHeartbeat(rooms, name);
  if (!heartbeat) return OpsgenieResult(exchange.asked(), 200, "Deleted");
  return OpsgenieData(exchange.asked(), OpsgenieJson(*heartbeat), status);
}

// `was`: what PATCH begins with.
PutHeartbeat Put(const OpsgenieHeartbeatCall& call, const std::optional<Heartbeat>& was) {
  PutHeartbeat put;
  if (was) {
    put.rule = was->rule;
    put.tags = was->tags;
    put.priority = was->priority;
  } else {
    put.rule.id = HeartbeatName(call.name);
    put.rule.grace = kGrace;
    put.must_be_new = true;
  }
  if (call.description) put.rule.description = *call.description;
  if (call.interval) put.rule.interval = *call.interval;
  if (call.enabled) put.rule.enabled = *call.enabled;
  if (call.owner_team) put.rule.team = TeamId(*call.owner_team);
  if (call.message) put.rule.summary = *call.message;
  if (call.tags) put.tags = *call.tags;
  if (call.priority) put.priority = *call.priority;
  const std::string& priority = put.priority;
  const bool known = priority.size() == 2 && priority[0] == 'P' && priority[1] >= '1' && priority[1] <= '5';
  put.rule.severity = SeverityOfPriority(known ? static_cast<std::uint8_t>(priority[1] - '0') : std::uint8_t{3});
  return put;
}

HttpResponse Write(const OpsgenieRooms& rooms,
                   const OpsgenieExchange& exchange,
                   const std::string& name,
                   const std::string& verb) {
  const HttpRequest& request = exchange.request;
  if (verb == "enable" || verb == "disable")
    return Change(rooms, exchange, name, EnableHeartbeat{HeartbeatName(name), verb == "enable"}, 200);
  if (request.method == HttpMethod::kDelete)
    return Change(rooms, exchange, name, RemoveHeartbeat{HeartbeatName(name)}, 200);
  const bool is_new = name.empty();
  const OpsgenieHeartbeatCall call = ReadOpsgenieHeartbeat(request.body, /*must_be_whole=*/is_new);
  if (call.fault.any()) return OpsgenieRefusal(exchange.asked(), call.fault);
  if (is_new) return Change(rooms, exchange, call.name, Put(call, std::nullopt), 201);
  const std::optional<Heartbeat> was = FindHeartbeat(rooms, name);
  if (!was) return NoSuchHeartbeat(exchange, name);
  return Change(rooms, exchange, name, Put(call, was), 200);
}

HttpResponse Respond(const OpsgenieRooms& rooms,
                     const OpsgenieExchange& exchange,
                     const std::string& name,
                     const std::string& verb) {
  const HttpMethod method = exchange.request.method;
  const bool reads = method == HttpMethod::kGet || method == HttpMethod::kHead;
  if (reads && name.empty()) return List(rooms, exchange);
  if (reads && verb.empty()) {
    const std::optional<Heartbeat> heartbeat = FindHeartbeat(rooms, name);
    return heartbeat ? OpsgenieData(exchange.asked(), OpsgenieJson(*heartbeat)) : NoSuchHeartbeat(exchange, name);
  }
  const bool is_switch = verb == "enable" || verb == "disable";
  const bool can = is_switch      ? method != HttpMethod::kDelete
                   : name.empty() ? method == HttpMethod::kPost
                                  : verb.empty() && method != HttpMethod::kPost;
  if (can) return Write(rooms, exchange, name, verb);
  return OpsgenieProblem(exchange.asked(), 405, "that can not be done to a heartbeat");
}

}  // namespace

void AnswerOpsgenieHeartbeats(const OpsgenieRooms& rooms, const OpsgenieExchangePtr& exchange) {
  std::string name = exchange->request.rest;
  std::string verb;
  for (const std::string_view known : {"ping", "enable", "disable"}) {
    if (!absl::EndsWith(name, absl::StrCat("/", ToAbsl(known)))) continue;
    verb = known;
    name.resize(name.size() - known.size() - 1);
    break;
  }
  if (verb == "ping" && exchange->request.method != HttpMethod::kDelete) return Ping(rooms, exchange, name);
  const bool reads = exchange->request.method == HttpMethod::kGet && verb.empty();
  const bool taken = rooms.workers.Post(
      reads ? Workers::Lane::kAsking : Workers::Lane::kDoing,
      [rooms = &rooms, exchange, name, verb] { exchange->Send(Respond(*rooms, *exchange, name, verb)); });
  if (!taken) exchange->Send(OpsgenieThrottled(exchange->asked(), absl::Seconds(1)));
}

}  // namespace tocsin
