// Coralogix' outbound webhooks: a template of $PLACEHOLDERS, whose default has these names and a list `fields` of keys and values.
// https://coralogix.com/docs/user-guides/alerting/outbound-webhooks/generic-outbound-webhooks-alert-webhooks/
//
// Identity: the alert's unique identifier, else its id, and the values by which it is grouped. State: alert_action trigger or resolve.
// Placeholders that do not apply stay as they are, and count as nothing.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/payload.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// [{"key": "team", "value": "db"}] as lines of NAME=value.
Fields ListedFields(dom::object body) {
  std::string lines;
  const std::optional<dom::element> list = Member(body, "fields");
  if (!list || !list->is_array()) return Fields::FromLines("");
  for (const dom::element& value : dom::array(*list)) {
    if (!value.is_object()) continue;
    std::string text = MemberText(dom::object(value), "value");
    for (char& c : text) {
      if (c == '\n') c = ' ';
    }
    absl::StrAppend(&lines, MemberText(dom::object(value), "key"), "=", text, "\n");
  }
  return Fields::FromLines(lines);
}

// Of those listed, what people route by.
constexpr std::string_view kLabelNames[] = {"team",      "application", "subsystem",   "priority",
                                            "computer",  "ipaddress",   "category",    "severity",
                                            "namespace", "cluster",     "environment", "service"};

Reading ReadOne(dom::object body) {
  const Fields fields = Fields::FromJson(body);
  const Fields listed = ListedFields(body);
  const auto get = [&](std::initializer_list<std::string_view> names) {
    const std::string_view text = fields.Get(names);
    return text.empty() ? listed.Get(names) : text;
  };
  const std::string_view action = get({"alertaction", "action", "status"});
  const std::string_view name = get({"alertname", "name", "title"});
  const std::string_view unique = get({"alertuniqueidentifier", "uniqueidentifier", "alertid"});
  EventBuilder event;
  if (const std::string_view id = unique.empty() ? name : unique; !id.empty())
    event.Key({id, get({"alertgroupbyvalues", "groupbyvalues", "groupbyvalue", "alertgroupby"})});
  const std::optional<EventKind> kind = ParseStatusWord(action);
  event.Kind(kind.value_or(EventKind::kTrigger));
  event.Severity(ParseSeverity(get({"alertseverity", "eventseverity", "severity", "priority", "eventpriority"})));
  event.StartsAt(get({"timestampms", "eventtimestampms", "timestamp", "timestampiso"}));
  event.Label("alertname", name.empty() ? "Coralogix alert" : name);
  for (const Field& field : listed.all()) {
    for (const std::string_view label : kLabelNames) {
      if (field.name == label) event.Label(label, field.text);
    }
  }
  for (const std::string_view label : kLabelNames)
    event.Label(label, label == "severity" ? std::string_view() : fields.Get({label}));
  event.Summary(name).Description(get({"alertdescription", "description"}));
  event.Annotation("value", get({"hitcount", "metricvalue", "value"}))
      .Annotation("threshold", get({"threshold", "alertthreshold"}));
  event.Annotation("query", get({"query", "querytext", "metriccriteria"})).Annotation("log", get({"text", "logtext"}));
  if (!kind) event.Annotation("status", action);
  event.Link(get({"alerturl", "url", "link"})).Link(get({"logurl"}));
  return std::move(event).Finish("neither alert_id nor name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, [](const Payload& body) { return ReadOne(body.object()); });
}

}  // namespace

const Source kCoralogixSource = {
    .name = "coralogix",
    .product = "Coralogix",
    .parse = Parse,
    .example =
        R"({"alert_id":"b1f2","name":"Too many errors","description":"5xx","alert_action":"trigger","alert_severity":"critical","alert_url":"https://x.coralogix.com/#/insights?id=1","fields":[{"key":"team","value":"db"},{"key":"timestamp","value":"1726142400000"}]})",
    .setup =
        R"(Data flow > Outbound Webhooks > Generic webhook: method POST, this URL, the default body with these members in it; then choose it in your
alerts' notifications, with "Notify when resolved" on.

URL   {url}
Body  {"alert_id": "$ALERT_ID", "alert_unique_identifier": "$ALERT_UNIQUE_IDENTIFIER", "name": "$ALERT_NAME",
       "alert_action": "$ALERT_ACTION", "alert_severity": "$EVENT_SEVERITY", "alert_group_by_values": "$ALERT_GROUP_BY_VALUES",
       "description": "$ALERT_DESCRIPTION", "timestamp_ms": "$EVENT_TIMESTAMP_MS", "alert_url": "$ALERT_URL",
       "team": "$TEAM_NAME", "application": "$APPLICATION_NAME", "subsystem": "$SUBSYSTEM_NAME"})",
};

}  // namespace tocsin
