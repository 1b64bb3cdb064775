#include "ingest/answers.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrJoin(
      texts, ",", [](std::string* out, const std::string& text) { *out += text.empty() ? "null" : JsonQuote(text); });
}

std::string ToJson(const TakenAlert& alert) {
  const std::string key = ToHex(alert.key);
  if (!alert.kept) return absl::StrFormat(R"({"key":"%s","text":%s})", key, JsonQuote(alert.text));
  return absl::StrFormat(
      R"({"key":"%s","firing":%s,"severity":"%s","rules_version":%d,"routes":[%s],"groups":[%s],"held_by":%s,"text":%s})",
      key, alert.firing ? "true" : "false", alert.severity, alert.rules_version, QuotedList(alert.routes),
      QuotedList(alert.groups), JsonQuote(alert.held_by), JsonQuote(alert.text));
}

}  // namespace

HttpResponse Problem(int status, std::string_view message) {
  return JsonResponse(status, absl::StrFormat(R"({"code":%d,"message":%s})", status, JsonQuote(message)));
}

HttpResponse CodedProblem(const PrometheusRefusal& refusal) {
  return JsonResponse(refusal.status,
                      absl::StrFormat(R"({"code":%d,"message":%s})", refusal.code, JsonQuote(refusal.message)));
}

// Alertmanager's other kind of error: a bare JSON string.
HttpResponse ErrorString(int status, std::string_view message) {
  return JsonResponse(status, JsonQuote(message) + "\n");
}

HttpResponse BadData(std::string_view message) {
  return JsonResponse(400,
                      absl::StrFormat(R"({"status":"error","errorType":"bad_data","error":%s})", JsonQuote(message)));
}

HttpResponse WithRetryAfter(HttpResponse response, absl::Duration after) {
  const std::int64_t seconds = std::max<std::int64_t>(1, absl::ToInt64Seconds(absl::Ceil(after, absl::Seconds(1))));
  response.headers.push_back({"Retry-After", absl::StrFormat("%d", seconds)});
  return response;
}

std::string_view RefusalText(Admission admission) {
  switch (admission) {
    case Admission::kAccepted: return "accepted";
    case Admission::kOverloaded: return "overloaded: nothing of this was taken, send it again later";
    case Admission::kDiskLow: return "the disk is nearly full: nothing of this was taken, send it again later";
    case Admission::kTooLarge: return "too large: nothing of this was taken, send fewer alerts at a time";
    case Admission::kStopping: return "stopping: nothing of this was taken, send it again later";
  }
  return "refused";
}

HttpResponse NotReady() {
  constexpr std::string_view kText =
      "no organisation is loaded yet: nothing of this was taken, send it again later (`tocsin apply FILE...` declares "
      "one)";
  return WithRetryAfter(Problem(503, kText), absl::Seconds(1));
}

HttpResponse Lost() {
  return Problem(503, "the engine went away: what of this was taken is not known, send it again");
}

HttpResponse Unauthorised(std::string_view message) {
  HttpResponse response = Problem(401, message);
  response.headers.push_back({"WWW-Authenticate", R"(Basic realm="tocsin")"});
  return response;
}

std::string RefusedList(const std::vector<Refused>& refused, Refused::Kind kind) {
  std::string list;
  for (const Refused& one : refused) {
    if (one.kind != kind) continue;
    absl::StrAppendFormat(&list, R"(%s{"index":%d,"reason":%s})", list.empty() ? "" : ",", one.index,
                          JsonQuote(one.reason));
  }
  return list;
}

std::string WebhookAnswer(const Summary& summary,
                          const Receipt& receipt,
                          const std::vector<Outcome>& outcomes,
                          const std::vector<TakenAlert>& explained) {
  std::string body = absl::StrFormat(R"({"accepted":%d,"rejected":[%s])", summary.accepted, summary.rejected_list);
  if (!summary.ignored_list.empty()) absl::StrAppendFormat(&body, R"(,"ignored":[%s])", summary.ignored_list);
  if (!summary.warning_list.empty()) absl::StrAppendFormat(&body, R"(,"warnings":[%s])", summary.warning_list);
  if (!summary.example.empty()) absl::StrAppendFormat(&body, R"(,"example":%s)", JsonQuote(summary.example));
  if (!outcomes.empty()) {
    const std::string names = absl::StrJoin(outcomes, R"(",")", [](std::string* out, Outcome o) { *out += Name(o); });
    absl::StrAppendFormat(&body, R"(,"outcomes":["%s"])", names);
  }
  if (!explained.empty()) {
    const auto json = [](std::string* out, const TakenAlert& alert) { *out += ToJson(alert); };
    absl::StrAppendFormat(&body, R"(,"explained":[%s])", absl::StrJoin(explained, ",", json));
  }
  absl::StrAppendFormat(&body, R"(,"sequence":%d})", receipt.sequence);
  return body + "\n";
}

}  // namespace tocsin
