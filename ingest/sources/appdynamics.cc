// AppDynamics' HTTP request actions: a Velocity template, in which texts are rarely escaped (control characters and HTML in messages), so
// members are found by several names and what can be mended is. With "One Request Per Event" off a body is a list of events.
// https://docs.appdynamics.com/appd/24.x/latest/en/appdynamics-essentials/alert-and-respond/actions/http-request-actions-and-templates
//
// Identity: the incident; else application, health rule and what it affects. event_id and event_guid are new each time.
// State: event_type, POLICY_CLOSE_... and POLICY_CANCELED_... are the end, all other of its words fire.
// Severity: the end of event_type; `severity` says INFO when it is over.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

void SetState(EventBuilder& event, const Payload& body) {
  const std::string type = body.Text({"eventtype", "latestevent.eventtype", "type"});
  const std::string name = ToLower(body.Text({"eventname", "latestevent.displayname"}));
  const std::string lower = ToLower(type);
  bool over = lower.starts_with("policy_close") || lower.starts_with("policy_cancel");
  if (type.empty()) {
    const std::optional<EventKind> kind = ParseStatusWord(body.Text({"status", "state"}));
    over = kind ? *kind == EventKind::kResolve
                : name.ends_with("closed") || name.ends_with("ended") || name.ends_with("canceled");
  }
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  event.Annotation("event_type", type);
  if (lower.ends_with("critical") || lower == "policy_upgraded") {
    event.Severity(Severity::kCritical);
  } else if (lower.ends_with("warning") || lower == "policy_downgraded") {
    event.Severity(Severity::kWarning);
  } else {
    event.Severity(ParseSeverity(body.Text({"severity", "latestevent.severity"})));
  }
}

Reading ReadOne(const Payload& body) {
  const std::string rule = body.Text({"healthrulename", "healthrule.name", "latestevent.healthrule.name"});
  const std::string incident = body.Text({"incidentid", "incident.id", "latestevent.incident.id"});
  const std::string application = body.Text({"appid", "application.id", "latestevent.application.id", "appname"});
  const std::string affected =
      body.Text({"affectedentity", "affectedentityname", "nodeid", "nodename", "tierid", "tiername", "tier.name"});
  EventBuilder event;
  if (!incident.empty()) {
    event.Key({incident});
  } else {
    const std::string rule_id = body.Text({"healthruleid", "healthrule.id"});
    event.Key({application, rule_id.empty() ? rule : rule_id, affected});
    if (rule_id.empty() && rule.empty()) event.Key({});
  }
  SetState(event, body);
  event.Label("alertname", rule.empty() ? body.Text({"incidentname", "incident.name", "policy"}) : rule);
  event.Label("application", body.Text({"appname", "application.name", "latestevent.application.name"}));
  event.Label("tier", body.Text({"tiername", "tier.name", "latestevent.tier.name"}));
  event.Label("node", body.Text({"nodename", "node.name", "latestevent.node.name"}));
  event.Label("policy", body.Text({"policy", "policyname", "policy.name"}));
  event.Label("account", body.Text({"accountname", "account.name"}));
  event.Summary(body.Text({"summary", "summarymessage", "latestevent.summarymessage", "eventname"}));
  event.Description(body.Text({"eventmessage", "latestevent.eventmessage", "message", "description"}));
  event.Annotation("event_name", body.Text({"eventname"}));
  event.StartsAt(body.Text({"eventtime", "latestevent.eventtime", "eventtimestamp"}));
  event.Link(body.Text({"eventdeeplink", "latestevent.deeplink", "deeplink", "url"}));
  event.Link(body.Text({"controllerurl"}));
  return std::move(event).Finish("neither incident_id nor health_rule_id has a value");
}

absl::StatusOr<Readings> ReadBody(const Payload& body) {
  for (const std::string_view path : {"events", "fulleventlist"}) {
    const std::vector<dom::element> events = body.List(path);
    if (events.empty()) continue;
    Readings readings;
    for (const dom::element& event : events) {
      readings.push_back(event.is_object() ? ReadOne(Payload(dom::object(event)))
                                           : Reading::Rejected(absl::StrCat(ToAbsl(path), ": not a list of objects")));
    }
    return readings;
  }
  return Readings{ReadOne(body)};
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachOfMany(request, ReadBody);
}

}  // namespace

const Source kAppdynamicsSource = {
    .name = "appdynamics",
    .also = "appd",
    .product = "AppDynamics",
    .parse = Parse,
    .example =
        R"({"event_type":"POLICY_OPEN_CRITICAL","incident_id":"70646","health_rule_name":"Business Transaction Health","app_name":"shop"})",
    .setup =
        R"(Alert & Respond > HTTP Request Templates > New: method POST, this URL, MIME type application/json, this payload, "One Request Per
Event" on; then an action with it in your policies, for all events of a violation, also those that close it.

URL      {url}
Payload  {"event_type": "${latestEvent.eventType}", "incident_id": "${latestEvent.incident.id}",
          "incident_name": "${latestEvent.incident.name}", "health_rule_id": "${latestEvent.healthRule.id}",
          "health_rule_name": "${latestEvent.healthRule.name}", "app_id": "${latestEvent.application.id}",
          "app_name": "${latestEvent.application.name}", "tier_name": "${latestEvent.tier.name}",
          "node_name": "${latestEvent.node.name}", "policy": "${policy.name}", "severity": "${latestEvent.severity}",
          "event_time": "${latestEvent.eventTime}", "summary": "${latestEvent.summaryMessage}",
          "event_message": "${latestEvent.eventMessage}", "event_deep_link": "${latestEvent.deepLink}"})",
};

}  // namespace tocsin
