// Dash0's webhook notification channel: an issue of a check rule. Labels are OpenTelemetry's lists of keys and values.
// https://www.dash0.com/documentation/dash0/alerting/notification-channels
//
// Identity: data.issue.id. State: data.issue.status, else the end of `type` (alert.resolved). Severity: degraded is a warning, critical and failed
// are critical; else the label `severity`.
#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

Severity SeverityOf(std::string_view word) {
  const std::string lower = ToLower(word);
  if (lower == "degraded") return Severity::kWarning;
  if (lower == "failed") return Severity::kCritical;
  return ParseSeverity(word);
}

Reading ReadOne(const Payload& body) {
  const std::string type = body.Text({"type"});
  const std::optional<Payload> issue = body.Object("data.issue");
  if (!issue) {
    if (ToLower(type).find("test") != std::string::npos) return Reading::Ignored("a test of the connection");
    return Reading::Rejected("data.issue: missing");
  }
  const std::string status = issue->Text({"status", "state"});
  const std::string ending(AfterLast(type, '.'));
  EventBuilder event;
  event.Key({issue->Text({"id", "issueidentifier"})});
  const bool over = ToLower(status) == "resolved" || ToLower(status) == "closed" || ToLower(ending) == "resolved";
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  event.Severity(SeverityOf(issue->Text({"severity"})));
  if (event.event().severity == Severity::kUnknown) event.Severity(SeverityOf(status));
  if (!over) event.Annotation("status", status);
  const std::string rule = issue->Text({"checkrules.0.name"});
  const std::string summary = issue->Text({"summary", "checkrules.0.summary"});
  event.Label("alertname", rule.empty() ? summary : rule).Label("dataset", issue->Text({"dataset"}));
  AddTags(event, issue->Find("labels"));
  AddTags(event, issue->Find("checkrules.0.labels"));
  event.Label("service", Find(event.event().labels, "service.name"));
  event.Summary(summary.empty() ? rule : summary);
  event.Description(issue->Text({"description", "checkrules.0.description"}));
  event.Annotation("expression", issue->Text({"checkrules.0.expression"}));
  for (const std::string_view list : {"annotations", "checkrules.0.annotations"}) {
    EventBuilder annotations;
    AddTags(annotations, issue->Find(list));
    for (const Label& annotation : annotations.event().labels)
      event.Annotation(annotation.name, annotation.value);
  }
  event.StartsAt(issue->Text({"start", "startedat"}));
  if (over) event.EndsAt(ParseAnyTime(issue->Text({"end", "endedat"})));
  event.Link(issue->Text({"url"})).Link(issue->Text({"checkrules.0.url"}));
  return std::move(event).Finish("data.issue.id: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kDash0Source = {
    .name = "dash0",
    .product = "Dash0",
    .parse = Parse,
    .example =
        R"({"type":"alert.ongoing","data":{"issue":{"id":"b9a9da0b","status":"critical","summary":"errors in checkout","start":"2025-02-03T07:17:17Z","labels":[{"key":"service.name","value":{"stringValue":"checkout"}}]}}})",
    .setup =
        R"(Settings > Notification channels > Add: type Webhook, this URL; then choose the channel in your check rules or in their rules of routing.

URL  {url})",
};

}  // namespace tocsin
