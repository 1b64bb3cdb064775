// Librato's and AppOptics' webhook: JSON, or a form whose member `payload` holds it. Also the version before (one measurement).
// https://docs.appoptics.com/kb/alerts/webhook/ (the page of "payload")
//
// Identity: incident_key, else the alert's id: a clear does not name the sources that its alert named.
// State: resolved when `clear` says anything (normal, manual, auto). A snapshot of a chart is no alert.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr int kMostViolations = 20;  // that are told one by one

// What a condition's id stands for: "above 9".
std::string ConditionText(dom::object body, const std::string& id) {
  const std::optional<dom::element> conditions = Member(body, "conditions");
  if (id.empty() || !conditions || !conditions->is_array()) return "";
  for (const dom::element& value : dom::array(*conditions)) {
    if (!value.is_object() || MemberText(dom::object(value), "id") != id) continue;
    const std::string threshold = MemberText(dom::object(value), "threshold");
    return absl::StrCat(MemberText(dom::object(value), "type"), threshold.empty() ? "" : " ", threshold);
  }
  return "";
}

// {"web-1": [{"metric": "load", "value": 2.25, "condition_violated": 7}]}
void AddViolations(dom::object body, EventBuilder& event) {
  const std::optional<dom::element> violations = Member(body, "violations");
  if (!violations || !violations->is_object()) return;
  std::string text;
  int told = 0;
  std::size_t sources = 0;
  std::string_view source;
  for (const dom::key_value_pair& one : dom::object(*violations)) {
    source = one.key;
    ++sources;
    if (!one.value.is_array()) continue;
    for (const dom::element& value : dom::array(one.value)) {
      if (!value.is_object() || ++told > kMostViolations) continue;
      const dom::object violation(value);
      const std::string condition = ConditionText(body, MemberText(violation, "condition_violated"));
      absl::StrAppendFormat(&text, "%s%s: %s = %s%s%s%s", text.empty() ? "" : "\n", source,
                            MemberText(violation, "metric"), MemberText(violation, "value"),
                            condition.empty() ? "" : " (", condition, condition.empty() ? "" : ")");
    }
  }
  if (sources == 1) event.Label("source", source);
  event.Annotation("value", text);
}

// Version 1: {"measurement": {"value": 7, "source": "web-1"}, "metric": {"name": "load"}, "alert": {...}}
void AddMeasurement(const Fields& fields, EventBuilder& event) {
  event.Label("source", fields.Get({"measurement.source"})).Label("metric", fields.Get({"metric.name"}));
  event.Annotation("value", fields.Get({"measurement.value"}));
}

Reading ReadOne(dom::object body) {
  const Fields fields = Fields::FromJson(body);
  if (fields.Get({"alert.id", "alert.name", "incidentkey"}).empty() && Member(body, "snapshot"))
    return Reading::Ignored("a snapshot of a chart, no alert");
  EventBuilder event;
  if (const std::string_view key = fields.Get({"incidentkey"}); !key.empty()) {
    event.WholeKey(key);
  } else {
    event.Key({"alert", fields.Get({"alert.id", "alert.name"})});
    if (fields.Get({"alert.id", "alert.name"}).empty()) event.WholeKey("");
  }
  const std::string_view clear = fields.Get({"clear"});
  const bool is_clear = !clear.empty() && clear != "false";
  event.Kind(is_clear ? EventKind::kResolve : EventKind::kTrigger).StartsAt(fields.Get({"triggertime"}));
  event.Severity(ParseSeverity(fields.Get({"alert.severity", "severity"})));
  const std::string_view name = fields.Get({"alert.name"});
  event.Label("alertname", name.empty() ? "Librato" : name).Label("account", fields.Get({"account"}));
  AddMeasurement(fields, event);
  AddViolations(body, event);
  event.Summary(is_clear ? absl::StrCat(ToAbsl(name), " has cleared (", ToAbsl(clear), ")") : std::string(name));
  event.Description(fields.Get({"alert.description"})).Annotation("runbook_url", fields.Get({"alert.runbookurl"}));
  if (fields.Get({"triggeredbyusertest"}) == "true")
    event.Annotation("test", "somebody has pressed the alert's test button");
  event.Link(fields.Get({"alert.url", "url"}));
  return std::move(event).Finish("neither incident_key nor alert.id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  TOCSIN_ASSIGN(const dom::object object, OpenWrappedObject(request));
  return Readings{ReadOne(object)};
}

}  // namespace

const Source kLibratoSource = {
    .name = "librato",
    .also = "appoptics",
    .product = "Librato",
    .parse = Parse,
    .example =
        R"({"alert":{"id":6309313,"name":"load"},"trigger_time":1726142400,"violations":{"web-1":[{"metric":"load","value":2.25}]}})",
    .setup =
        R"(Settings > Notification Services > Webhook: this URL; then choose it in the alerts' notification services, with
"Notify when clear" on.

URL  {url})",
};

}  // namespace tocsin
