#include "api/compat/opsgenie_wire.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/compat/event_door.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kReadVerbs[] = {"recipients", "logs", "notes", "attachments"};
constexpr std::string_view kDeleteVerbs[] = {"tags", "details"};

bool IsVerb(HttpMethod method, std::string_view word) {
  if (method == HttpMethod::kGet || method == HttpMethod::kHead)
    return std::ranges::find(kReadVerbs, word) != std::end(kReadVerbs);
  if (method == HttpMethod::kDelete) return std::ranges::find(kDeleteVerbs, word) != std::end(kDeleteVerbs);
  return IsOpsgenieVerb(word);
}

std::string Decode(std::string_view text) {
  return PercentDecode(text, /*plus_is_space=*/false);
}

template <typename List, typename Write>
std::string JsonList(const List& list, Write write) {
  return absl::StrCat("[", absl::StrJoin(list, ",", [&](std::string* out, const auto& each) { *out += write(each); }),
                      "]");
}

std::string TextList(const std::vector<std::string>& texts) {
  return JsonList(texts, [](const std::string& text) { return JsonQuote(text); });
}

std::string ToJson(const OpsgenieResponder& responder) {
  JsonMembers json;
  json.Text("type", responder.type);
  if (!responder.id.empty()) json.Text("id", responder.id);
  if (!responder.name.empty()) json.Text(responder.type == "user" ? "username" : "name", responder.name);
  return json.Object();
}

std::string ReportOf(const OpsgenieAlert& alert) {
  JsonMembers json;
  if (alert.acknowledged_at != absl::Time()) {
    json.Number("ackTime", absl::ToInt64Milliseconds(alert.acknowledged_at - alert.created_at));
    json.Text("acknowledgedBy", alert.acknowledged_by);
  }
  if (alert.closed) {
    json.Number("closeTime", absl::ToInt64Milliseconds(alert.closed_at - alert.created_at));
    json.Text("closedBy", alert.closed_by);
  }
  return json.Object();
}

}  // namespace

OpsgeniePath SplitOpsgeniePath(HttpMethod method, std::string_view rest) {
  while (rest.starts_with('/'))
    rest.remove_prefix(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) return {.identifier = Decode(rest), .verb = {}, .action = {}};
  const std::string_view last = rest.substr(slash + 1);
  const std::string_view before = rest.substr(0, slash);
  if (IsVerb(method, last)) return {.identifier = Decode(before), .verb = std::string(last), .action = {}};
  constexpr std::string_view kActions = "/actions";
  if (method == HttpMethod::kPost && before.ends_with(kActions) && before.size() > kActions.size()) {
    return {.identifier = Decode(before.substr(0, before.size() - kActions.size())),
            .verb = "actions",
            .action = Decode(last)};
  }
  return {.identifier = Decode(rest), .verb = {}, .action = {}};
}

OpsgenieIdentifier::Kind KindOfIdentifier(std::string_view query, std::string_view parameter) {
  const std::string type = ToLower(QueryValue(query, parameter).value_or("id"));
  if (type == "alias") return OpsgenieIdentifier::Kind::kAlias;
  return type == "tiny" ? OpsgenieIdentifier::Kind::kTiny : OpsgenieIdentifier::Kind::kId;
}

HttpResponse OpsgenieAnswer(const OpsgenieAsked& asked, int status, std::string_view members) {
  const double seconds = absl::ToDoubleSeconds(asked.took);
  HttpResponse response = JsonResponse(
      status, absl::StrFormat(R"({%s,"took":%.3f,"requestId":%s})", members, seconds, JsonQuote(asked.request_id)));
  response.headers.push_back({"X-Request-Id", asked.request_id});
  response.headers.push_back({"X-Response-Time", absl::StrFormat("%.3f", seconds)});
  return response;
}

HttpResponse OpsgenieData(const OpsgenieAsked& asked, std::string_view data, int status) {
  return OpsgenieAnswer(asked, status, absl::StrCat("\"data\":", ToAbsl(data)));
}

HttpResponse OpsgenieResult(const OpsgenieAsked& asked, int status, std::string_view result) {
  return OpsgenieAnswer(asked, status, absl::StrCat("\"result\":", JsonQuote(result)));
}

HttpResponse OpsgenieProblem(const OpsgenieAsked& asked, int status, std::string_view message) {
  return OpsgenieAnswer(asked, status, absl::StrCat("\"message\":", JsonQuote(message)));
}

HttpResponse OpsgenieRefusal(const OpsgenieAsked& asked, const OpsgenieFault& fault) {
  JsonMembers json;
  json.Text("message", fault.status == 400 ? "Could not parse request body as JSON. Please check the errors."
                                           : "Request body is not processable. Please check the errors.");
  json.Raw("errors", JsonMembers().Text(fault.field, fault.text).Object());
  if (!fault.example.empty()) json.Text("example", fault.example);
  return OpsgenieAnswer(asked, fault.status, json.members());
}

HttpResponse OpsgenieThrottled(const OpsgenieAsked& asked, absl::Duration retry_after) {
  HttpResponse response = OpsgenieProblem(asked, 429, "You are making too many requests!");
  response.headers.push_back({"X-RateLimit-State", "THROTTLED"});
  response.headers.push_back({"X-RateLimit-Reason", "ACCOUNT"});
  response.headers.push_back({"Retry-After", RetryAfterSeconds(retry_after)});
  return response;
}

HttpResponse OpsgenieTrouble(const OpsgenieAsked& asked, std::string_view why, absl::Duration retry_after) {
  HttpResponse response = OpsgenieProblem(asked, 503, why);
  response.headers.push_back({"Retry-After", RetryAfterSeconds(retry_after)});
  return response;
}

void FinishOpsgenie(HttpResponse& response) {
  const auto add = [&](std::string_view name, std::string value) {
    if (FindHeader(response.headers, name).empty()) response.headers.push_back({std::string(name), std::move(value)});
  };
  if (FindHeader(response.headers, "X-Request-Id").empty()) add("X-Request-Id", RandomUuid());
  add("X-Response-Time", "0.000");
  add("X-RateLimit-State", "OK");
  add("X-RateLimit-Period-In-Sec", "60");
}

std::string OpsgenieTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

std::string OpsgenieJson(const OpsgenieAlert& alert, bool whole) {
  JsonMembers json;
  json.Text("id", alert.uuid).Text("tinyId", absl::StrCat(alert.id.value())).Text("alias", alert.alias);
  json.Text("message", alert.message).Text("status", alert.closed ? "closed" : "open");
  json.Flag("acknowledged", alert.acknowledged).Flag("isSeen", alert.seen).Raw("tags", TextList(alert.tags));
  json.Flag("snoozed", alert.snoozed);
  if (alert.snoozed) json.Text("snoozedUntil", OpsgenieTime(alert.snoozed_until));
  json.Number("count", static_cast<std::int64_t>(alert.count));
  json.Text("lastOccurredAt", OpsgenieTime(alert.last_occurred_at)).Text("createdAt", OpsgenieTime(alert.created_at));
  json.Text("updatedAt", OpsgenieTime(alert.updated_at)).Text("source", alert.source).Text("owner", alert.owner);
  json.Text("priority", absl::StrCat("P", static_cast<int>(alert.priority)));
  json.Raw("responders", JsonList(alert.responders, ToJson));
  std::vector<OpsgenieResponder> teams;
  std::ranges::copy_if(alert.responders, std::back_inserter(teams),
                       [](const auto& each) { return each.type == "team"; });
  json.Raw("teams", JsonList(teams, ToJson));
  json.Raw("integration", JsonMembers()
                              .Text("id", alert.integration.value())
                              .Text("name", alert.integration.value())
                              .Text("type", "API")
                              .Object());
  json.Raw("report", ReportOf(alert)).Text("ownerTeamId", alert.owner_team);
  if (!whole) return json.Object();
  json.Raw("actions", TextList(alert.actions)).Text("entity", alert.entity).Text("description", alert.description);
  JsonMembers details;
  for (const Label& detail : alert.details)
    details.Text(detail.name, detail.value);
  return json.Raw("details", details.Object()).Object();
}

std::string OpsgenieJson(const OpsgenieRequest& request) {
  JsonMembers json;
  json.Flag("success", request.success).Flag("isSuccess", request.success).Text("action", request.action);
  json.Text("processedAt", OpsgenieTime(request.at)).Text("integrationId", request.integration.value());
  json.Text("status", request.status).Text("alertId", request.alert).Text("alias", request.alias);
  return json.Object();
}

std::string OpsgenieJson(const Heartbeat& heartbeat) {
  const HeartbeatRule& rule = heartbeat.rule;
  JsonMembers json;
  json.Text("name", rule.id.value()).Text("description", rule.description);
  const std::int64_t minutes = absl::ToInt64Minutes(rule.interval);
  const bool days = minutes % (24 * 60) == 0;
  const bool hours = minutes % 60 == 0;
  json.Number("interval", days ? minutes / (24 * 60) : hours ? minutes / 60 : minutes);
  json.Text("intervalUnit", days ? "days" : hours ? "hours" : "minutes");
  json.Flag("enabled", rule.enabled).Flag("expired", IsExpired(heartbeat));
  if (heartbeat.last_ping != absl::Time()) json.Text("lastPingTime", OpsgenieTime(heartbeat.last_ping));
  if (rule.team.set())
    json.Raw("ownerTeam", JsonMembers().Text("id", rule.team.value()).Text("name", rule.team.value()).Object());
  json.Text("alertMessage", rule.summary).Raw("alertTags", TextList(heartbeat.tags));
  json.Text("alertPriority", heartbeat.priority.empty() ? "P3" : heartbeat.priority);
  return json.Object();
}

JsonMembers& JsonMembers::Text(std::string_view name, std::string_view value) {
  return Raw(name, JsonQuote(value));
}

JsonMembers& JsonMembers::Raw(std::string_view name, std::string_view json) {
  absl::StrAppend(&text_, text_.empty() ? "" : ",", JsonQuote(name), ":", ToAbsl(json));
  return *this;
}

JsonMembers& JsonMembers::Number(std::string_view name, std::int64_t value) {
  return Raw(name, absl::StrCat(value));
}

}  // namespace tocsin
