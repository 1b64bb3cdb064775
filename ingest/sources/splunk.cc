// Splunk, in its three shapes: the webhook of a saved search, Splunk Observability (SignalFx), and what is sent to Splunk On-Call's
// (VictorOps') REST endpoint, with the routing key after ours in the address.
// https://docs.splunk.com/Documentation/Splunk/latest/Alert/Webhooks
// https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/
//
// Identity. Search: app and search_name (sid is new each time). Observability: incidentId. On-Call: entity_id.
// State. A search never recovers. Observability: statusExtended, status: anomalous; ok, stopped, manually resolved ... On-Call:
// message_type; INFO is a note for the timeline.
// Severity: the result's own field, severity, CRITICAL and WARNING of message_type.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// ---- a saved search ----

constexpr std::size_t kMostResultFields = 40;

// Only the first row comes. What Splunk knows of every event is for routing, the rest is what the search found.
void AddResult(EventBuilder& event, const Payload& result) {
  for (const std::string_view name : {"host", "source", "sourcetype", "index", "service"}) {
    event.Label(name, result.Text({name}));
  }
  event.Description(result.Text({"message", "description"}));
  event.Annotation("raw", result.Text({"raw"}));
  std::size_t fields = 0;
  for (const dom::key_value_pair& field : result.object()) {
    const bool is_internal = field.key.starts_with('_') || field.key.starts_with("date_") || field.key == "punct" ||
                             field.key == "timestartpos" || field.key == "timeendpos" || field.key == "linecount";
    if (is_internal || !Find(event.event().labels, field.key).empty()) continue;
    if (++fields > kMostResultFields) break;
    event.Annotation(field.key, PayloadText(field.value));
  }
}

Reading ReadSearch(const Payload& body) {
  const std::string name = body.Text({"searchname"});
  const std::string app = body.Text({"app"});
  EventBuilder event;
  event.Key({"search", app, name});
  if (name.empty()) event.Key({body.Text({"sid"})});
  event.Label("alertname", name.empty() ? "search" : name).Label("app", app).Label("owner", body.Text({"owner"}));
  event.Summary(name.empty() ? "a search found something" : name);
  if (const auto result = body.Object("result")) {
    event.Severity(ParseSeverity(result->Text({"severity", "urgency"})));
    event.StartsAt(result->Text({"time"}));
    AddResult(event, *result);
  }
  event.Link(body.Text({"resultslink"}));
  return std::move(event).Finish("neither search_name nor sid has a value");
}

// ---- Observability ----

void SetDetectorState(EventBuilder& event, const Payload& body) {
  const std::string raw = body.Text({"statusextended", "status"});
  const std::string status = ToLower(raw);
  const bool over = status == "ok" || status == "stopped" || absl::StrContains(status, "resolved") ||
                    absl::StrContains(status, "cleared");
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  if (!over && status != "anomalous") event.Annotation("status", raw);
}

Reading ReadDetector(const Payload& body) {
  const std::string detector = body.Text({"detector", "detectorname"});
  const std::string rule = body.Text({"rule"});
  EventBuilder event;
  event.Key({body.Text({"incidentid"})});
  SetDetectorState(event, body);
  event.Severity(ParseSeverity(body.Text({"severity"})));
  event.Label("alertname", detector.empty() ? rule : detector).Label("rule", rule);
  event.Label("metric", body.Text({"originatingmetric"}));
  AddLabels(event, body.Find("dimensions"));
  if (const auto inputs = body.Object("inputs")) {
    for (const dom::key_value_pair& input : inputs->object()) {
      if (!input.value.is_object()) continue;
      const Payload signal{dom::object(input.value)};
      AddLabels(event, signal.Find("key"));
      if (signal.Find("key")) event.Annotation("value", signal.Text({"value"}));
    }
  }
  event.Summary(body.Text({"messagetitle", "description"}));
  event.Description(body.Text({"messagebody", "description"}));
  event.Annotation("condition", body.Text({"detectoncondition"})).Annotation("tip", body.Text({"tip"}));
  event.Annotation("runbook_url", body.Text({"runbookurl"})).Annotation("image_url", body.Text({"imageurl"}));
  event.StartsAt(body.Text({"timestampiso8601", "timestamp"}));
  event.Link(body.Text({"detectorurl"}));
  return std::move(event).Finish("incidentId: missing");
}

// ---- On-Call ----

struct MessageType {
  std::string_view word;
  EventKind kind;
  Severity severity;
};
constexpr MessageType kMessageTypes[] = {
    {"critical",        EventKind::kTrigger,     Severity::kCritical},
    {"warning",         EventKind::kTrigger,     Severity::kWarning },
    {"acknowledgement", EventKind::kAcknowledge, Severity::kUnknown },
    {"acknowledgment",  EventKind::kAcknowledge, Severity::kUnknown },
    {"recovery",        EventKind::kResolve,     Severity::kUnknown },
};

Reading ReadOnCall(const Payload& body, std::string_view routing_key) {
  const std::string type = body.Text({"messagetype"});
  const std::string lower = ToLower(type);
  if (lower == "info") return Reading::Ignored("message_type INFO is a note for the timeline, no alert");
  const std::string name = body.Text({"entitydisplayname", "entityid", "servicedesc", "hostname"});
  EventBuilder event;
  event.Key({body.Text({"entityid"})});
  if (!event.HasKey()) event.Key({name});
  SetKind(event, type);
  for (const MessageType& known : kMessageTypes) {
    if (lower == known.word) event.Kind(known.kind).Severity(known.severity);
  }
  event.Label("alertname", name).Label("host", body.Text({"hostname", "host"}));
  event.Label("service", body.Text({"servicedesc", "service"}));
  event.Label("monitoring_tool", body.Text({"monitoringtool"}));
  event.Label("routing_key", routing_key);
  event.Summary(name).Description(body.Text({"statemessage"}));
  event.Annotation("author", body.Text({"ackauthor"}));
  event.Annotation("ack_message", body.Text({"ackmsg"}));
  event.Annotation("runbook_url", body.Text({"runbookurl", "voannotate.u.runbook"}));
  event.StartsAt(body.Text({"statestarttime", "timestamp"}));
  event.Link(body.Text({"alerturl", "url", "clienturl"}));
  return std::move(event).Finish("neither entity_id nor entity_display_name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, [&](const Payload& body) {
    if (body.Has({"messagetype"})) return ReadOnCall(body, AfterLast(request.path, '/'));
    if (body.Has({"incidentid", "detectorid", "detector"})) return ReadDetector(body);
    if (body.Has({"searchname", "sid"})) return ReadSearch(body);
    return Reading::Rejected(
        "neither search_name nor incidentId nor message_type has a value: nothing of Splunk's that we know");
  });
}

}  // namespace

const Source kSplunkSource = {
    .name = "splunk",
    .also = "signalfx victorops splunk_oncall splunk_observability",
    .product = "Splunk",
    .parse = Parse,
    .takes_paths = true,
    .example =
        R"({"search_name":"errors in checkout","app":"search","sid":"scheduler__1","results_link":"https://splunk.example.com/1","result":{"host":"web-03"}})",
    .setup =
        R"(Saved searches: Edit alert > Add actions > Webhook, URL {url}
Observability: Data management > Add integration > Webhook, URL {url}, default payload; then add it to your detectors' recipients
What posts to Splunk On-Call's REST endpoint: {url}/ROUTING_KEY in place of https://alert.victorops.com/integrations/...

curl -H 'Content-Type: application/json' {url}/database \
  -d '{"message_type": "CRITICAL", "entity_id": "db1/disk", "state_message": "disk full"}')",
};

}  // namespace tocsin
