// Sumo Logic's webhook connections. Monitors have a payload for alerts and one for recoveries, both templates in which every value is a
// text; scheduled searches (SearchName) have no state and never recover.
// https://help.sumologic.com/docs/alerts/webhook-connections/set-up-webhook-connections/
//
// Identity: {{Id}} is the monitor's, which all alerts of a grouped monitor share: with it {{AlertGroup}}, else {{AlertResponseUrl}}.
// State and severity, both in {{TriggerType}}: Critical, Warning, Missing Data, Normal; ResolvedCritical and so on.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// "Resolved Critical", "ResolvedMissingData" -> critical, missingdata.
void SetState(EventBuilder& event, std::string_view trigger_type) {
  std::string word = ToLower(trigger_type);
  std::erase_if(word, [](char c) { return c == ' ' || c == '_'; });
  bool over = word == "normal";
  if (word.starts_with("resolved")) {
    over = true;
    word.erase(0, 8);
  }
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  if (word == "missingdata") {
    event.Severity(Severity::kWarning);
  } else {
    event.Severity(ParseSeverity(word));
  }
  event.Annotation("trigger_type", trigger_type);
}

// A group is one row of the results; its fields say which, those that begin with '_' are what was counted.
void AddGroup(EventBuilder& event, const Payload& body) {
  JsonReader reader;
  const std::string results = body.Text({"resultsjson", "aggregateresultsjson"});
  event.Annotation("results", results);
  const absl::StatusOr<dom::element> rows = reader.Read(results, JsonReader::Manner::kLenient);
  if (!rows.ok() || !rows->is_array() || dom::array(*rows).size() != 1) return;
  const dom::element row = *dom::array(*rows).begin();
  if (!row.is_object()) return;
  for (const dom::key_value_pair& field : dom::object(row)) {
    if (!field.key.starts_with('_')) event.Label(field.key, PayloadText(field.value));
  }
}

Reading ReadScheduledSearch(const Payload& body, const std::string& name) {
  EventBuilder event;
  event.Key({"search", name});
  event.Label("alertname", name);
  event.Severity(ParseSeverity(body.Text({"severity", "priority"})));
  AddGroup(event, body);
  event.Summary(absl::StrCat(name, ": ", body.Text({"numrawresults", "numqueryresults"}), " results"));
  event.Description(body.Text({"searchdescription", "description"}));
  event.Annotation("query", body.Text({"searchquery", "query"}));
  event.StartsAt(body.Text({"firetime"}));
  event.Link(body.Text({"searchqueryurl", "queryurl"}));
  return std::move(event).Finish("SearchName: missing");
}

Reading ReadOne(const Payload& body) {
  const std::string name = body.Text({"name", "monitorname", "alertname"});
  const std::string search = body.Text({"searchname"});
  const std::string type = body.Text({"triggertype", "alertstatus", "status"});
  if (type.empty() && !search.empty()) return ReadScheduledSearch(body, search);
  const std::string id = body.Text({"id", "monitorid", "alertid"});
  EventBuilder event;
  event.Key({id.empty() ? name : id, body.Text({"alertgroup", "alertresponseurl"})});
  if (id.empty() && name.empty()) event.Key({});
  SetState(event, type);
  event.Label("alertname", name).Label("monitor_type", body.Text({"monitortype"}));
  AddTags(event, body.Find("alertgroup"));
  AddGroup(event, body);
  const std::string condition = body.Text({"triggercondition"});
  event.Summary(condition.empty() ? name : absl::StrCat(name, ": ", condition));
  event.Description(body.Text({"description"}));
  event.Annotation("value", body.Text({"triggervalue"})).Annotation("query", body.Text({"query"}));
  event.Annotation("runbook_url", body.Text({"playbookurl", "playbook"}));
  event.StartsAt(body.Text({"triggertimestart"}));
  if (!event.event().starts_at) event.StartsAt(body.Text({"triggertime"}));
  event.Link(body.Text({"alertresponseurl"})).Link(body.Text({"sourceurl"})).Link(body.Text({"queryurl"}));
  return std::move(event).Finish("neither id nor name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kSumologicSource = {
    .name = "sumologic",
    .also = "sumo",
    .product = "Sumo Logic",
    .parse = Parse,
    .example =
        R"({"id":"00000000000468D5","name":"Checkout 5xx","triggerType":"Critical","alertResponseUrl":"https://service.sumologic.com/ui/#/alert/1A2B"})",
    .setup =
        R"(Manage Data > Monitoring > Connections > Webhook: this URL, this text as alert payload and as recovery payload; then choose the
connection in your monitors, with "Recovery" on.

URL      {url}
Payload  {"id": "{{Id}}", "name": "{{Name}}", "description": "{{Description}}", "monitorType": "{{MonitorType}}",
          "triggerType": "{{TriggerType}}", "alertGroup": "{{AlertGroup}}", "triggerCondition": "{{TriggerCondition}}",
          "triggerValue": "{{TriggerValue}}", "triggerTimeStart": "{{TriggerTimeStart}}", "query": "{{Query}}",
          "resultsJson": "{{ResultsJson}}", "sourceUrl": "{{SourceURL}}", "alertResponseUrl": "{{AlertResponseUrl}}"})",
};

}  // namespace tocsin
