// Elastic: Kibana's rules by a webhook connector (a Mustache template, so members are found by several names, also in JSON within texts),
// their summaries (alerts.new, ongoing, recovered), security alerts (kibana.alert.*, nested or with dots), and Watcher.
// https://www.elastic.co/guide/en/kibana/current/rule-action-variables.html
//
// Identity: alert.uuid, which is new for each time that it fires; else rule and alert id. Of a watch, watch_id.
// State: actionGroup `recovered` (a second action of the rule must send it), kibana.alert.status; a watch never recovers.
// Severity: kibana.alert.severity, the context's, metadata's.
#include <array>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

void SetState(EventBuilder& event, const std::string& group) {
  const std::string word = ToLower(group);
  const bool over = word == "recovered" || word.ends_with(".recovered") || word == "closed" || word == "resolved" ||
                    word == "untracked" || word == "ok";
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  event.Annotation("action_group", group);
}

// ---- documents of .alerts-*, as security and summaries have them ----

bool IsAlertDocument(const Payload& body) {
  return body.Has({"kibana.alert.uuid", "kibana.alert.rule.uuid", "kibana.alert.rule.name"});
}

Reading ReadAlertDocument(const Payload& body, std::string_view state) {
  const Payload alert = body.Object("kibana.alert").value_or(body);
  const auto text = [&](std::string_view nested, std::string_view dotted) {
    const std::string value = alert.Text({nested});
    return value.empty() ? body.Text({dotted}) : value;
  };
  const std::string name = text("rule.name", "kibana.alert.rule.name");
  EventBuilder event;
  event.Key({text("uuid", "kibana.alert.uuid")});
  if (!event.HasKey()) {
    event.Key({text("rule.uuid", "kibana.alert.rule.uuid"), text("instance.id", "kibana.alert.instance.id")});
  }
  const std::string status = text("status", "kibana.alert.status");
  const std::string workflow = ToLower(text("workflowstatus", "kibana.alert.workflowstatus"));
  SetState(event, state.empty() ? (workflow == "closed" ? workflow : status) : std::string(state));
  if (workflow == "acknowledged") event.Kind(EventKind::kAcknowledge);
  event.Severity(ParseSeverity(text("severity", "kibana.alert.severity")));
  event.Label("alertname", name).Label("category", text("rule.category", "kibana.alert.rule.category"));
  event.Label("instance", text("instance.id", "kibana.alert.instance.id"));
  event.Label("host", body.Text({"host.name", "host.hostname"})).Label("service", body.Text({"service.name"}));
  event.Label("user", body.Text({"user.name"}));
  AddTags(event, alert.Find("rule.tags"));
  AddTags(event, body.Find("kibana.alert.rule.tags"));
  const std::string reason = text("reason", "kibana.alert.reason");
  event.Summary(reason.empty() ? name : reason).Description(text("rule.description", "kibana.alert.rule.description"));
  event.Annotation("risk_score", text("riskscore", "kibana.alert.riskscore"));
  event.StartsAt(text("start", "kibana.alert.start"));
  if (!event.event().starts_at) event.StartsAt(body.Text({"@timestamp"}));
  if (event.event().kind == EventKind::kResolve) event.EndsAt(ParseAnyTime(text("end", "kibana.alert.end")));
  event.Link(text("url", "kibana.alert.url"));
  return std::move(event).Finish("kibana.alert.uuid: missing");
}

void ReadSummary(const Payload& alerts, Readings& readings) {
  struct Part {
    std::string_view path;
    std::string_view state;
  };
  constexpr Part kParts[] = {
      {"new.data",       "active"   },
      {"ongoing.data",   "active"   },
      {"recovered.data", "recovered"}
  };
  for (const Part& part : kParts) {
    for (const dom::element& element : alerts.List(part.path)) {
      readings.push_back(element.is_object() ? ReadAlertDocument(Payload(dom::object(element)), part.state)
                                             : Reading::Rejected(absl::StrCat("alerts.", ToAbsl(part.path),
                                                                              ": expected a list of objects")));
    }
  }
}

// ---- rules ----

// What a template says of the rule, the alert and the context: an object, JSON in a text, or flat names.
class RuleAction {
 public:
  explicit RuleAction(const Payload& body) : body_(body) {
    for (std::size_t i = 0; i < kParts.size(); ++i) {
      for (const std::string_view path : kParts[i]) {
        if (!parts_[i]) parts_[i] = OpenObject(readers_[i], body.Find(path));
      }
    }
  }
  std::string Rule(std::string_view own, std::string_view flat) const { return Text(0, own, flat); }
  std::string Alert(std::string_view own, std::string_view flat) const { return Text(1, own, flat); }
  std::string Context(std::string_view own) const { return Text(2, own, own); }
  std::optional<dom::element> Tags() const { return parts_[0] ? parts_[0]->Find("tags") : body_.Find("tags"); }

 private:
  static constexpr std::array<std::array<std::string_view, 3>, 3> kParts = {
      {
       {"rule", "ruleinfo", "webhookbody.ruleinfo"},
       {"alert", "alertinfo", "webhookbody.alertinfo"},
       {"context", "contextinfo", "webhookbody.contextinfo"},
       }
  };
  std::string Text(std::size_t part, std::string_view own, std::string_view flat) const {
    const std::string text = parts_[part] ? parts_[part]->Text({own}) : "";
    return text.empty() ? body_.Text({flat}) : text;
  }

  const Payload& body_;
  JsonReader readers_[kParts.size()];
  std::optional<Payload> parts_[kParts.size()];
};

Reading ReadRule(const Payload& body) {
  const RuleAction action(body);
  const std::string name = action.Rule("name", "rulename");
  const std::string id = action.Alert("id", "alertid");
  EventBuilder event;
  event.Key({action.Alert("uuid", "alertuuid")});
  if (!event.HasKey()) {
    const std::string rule = action.Rule("id", "ruleid");
    event.Key({rule.empty() ? name : rule, id});
  }
  std::string group = action.Alert("actiongroup", "actiongroup");
  if (group.empty()) group = action.Alert("actiongroupname", "actiongroupname");
  if (group.empty()) group = body.Text({"status", "state", "alertactiongroup", "eventaction"});
  SetState(event, group);
  const std::string named = action.Context("severity");
  event.Severity(ParseSeverity(named.empty() ? body.Text({"severity", "level"}) : named));
  event.Label("alertname", name).Label("instance", id);
  event.Label("rule_type", action.Rule("type", "ruletype")).Label("space", action.Rule("spaceid", "spaceid"));
  event.Label("host", action.Context("host.name")).Label("service", action.Context("servicename"));
  AddTags(event, action.Tags());
  const std::string reason = action.Context("reason");
  event.Summary(reason).Summary(action.Context("title")).Summary(action.Context("message")).Summary(name);
  event.Description(action.Context("message"));
  event.Annotation("value", action.Context("value"))
      .Annotation("matching_documents", action.Context("matchingdocuments"));
  event.StartsAt(action.Context("timestamp"));
  if (!event.event().starts_at) event.StartsAt(body.Text({"date", "@timestamp"}));
  event.Link(action.Context("alertdetailsurl"))
      .Link(action.Context("viewinappurl"))
      .Link(action.Rule("url", "ruleurl"));
  event.Link(action.Context("link")).Link(body.Text({"kibanabaseurl"}));
  return std::move(event).Finish("neither alert.uuid nor rule.id has a value");
}

// ---- Watcher ----

Reading ReadWatch(const Payload& body) {
  const std::string id = body.Text({"watchid", "ctx.watchid"});
  const std::string name = body.Text({"metadata.name", "ctx.metadata.name"});
  EventBuilder event;
  event.Key({"watch", id});
  event.Severity(ParseSeverity(body.Text({"metadata.severity", "ctx.metadata.severity", "severity"})));
  event.Label("alertname", name.empty() ? id : name).Label("watch", id);
  const std::optional<Payload> first = body.Object("payload.hits.hits.0.source");
  if (first)
    event.Label("host", first->Text({"host.name", "host"})).Label("service", first->Text({"service.name", "service"}));
  const std::string total = body.Text({"payload.hits.total.value", "payload.hits.total"});
  event.Summary(total.empty() ? name : absl::StrCat(name.empty() ? id : name, ": ", total, " hits"));
  if (first) event.Description(first->Text({"message"}));
  event.Description(body.Text({"message", "text"}));
  event.Annotation("value", total).Annotation("status", body.Text({"status"}));
  event.StartsAt(body.Text({"executiontime", "ctx.executiontime", "triggertime"}));
  return std::move(event).Finish("watch_id: missing");
}

absl::StatusOr<Readings> ReadBody(const Payload& body) {
  if (const auto alerts = body.Object("alerts"); alerts && !body.Has({"alert.id", "alertid"})) {
    Readings readings;
    ReadSummary(*alerts, readings);
    if (!readings.empty()) return readings;
    return Readings{Reading::Ignored("a summary without alerts")};
  }
  if (IsAlertDocument(body)) return Readings{ReadAlertDocument(body, "")};
  if (body.Has({"watchid", "ctx.watchid"})) return Readings{ReadWatch(body)};
  return Readings{ReadRule(body)};
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachOfMany(request, ReadBody);
}

}  // namespace

const Source kElasticSource = {
    .name = "elastic",
    .also = "kibana elasticsearch watcher",
    .product = "Elastic",
    .parse = Parse,
    .example =
        R"({"rule":{"id":"1f8c2c30","name":"checkout errors"},"alert":{"id":"checkout","uuid":"6d2b0a3e","actionGroup":"logs.threshold.fired"},"context":{"reason":"391 entries"}})",
    .setup =
        R"(Stack Management > Connectors > Webhook: method POST, this URL, header Content-Type application/json. Then give each rule two actions with
it, one for when it fires and one for "Recovered", both with this body:

URL   {url}
Body  {"rule": {"id": "{{rule.id}}", "name": "{{rule.name}}", "type": "{{rule.type}}", "spaceId": "{{rule.spaceId}}",
                "url": "{{rule.url}}", "tags": "{{rule.tags}}"},
       "alert": {"id": "{{alert.id}}", "uuid": "{{alert.uuid}}", "actionGroup": "{{alert.actionGroup}}"},
       "context": {"reason": "{{context.reason}}", "alertDetailsUrl": "{{context.alertDetailsUrl}}",
                   "timestamp": "{{context.timestamp}}"},
       "date": "{{date}}", "kibanaBaseUrl": "{{kibanaBaseUrl}}"})",
};

}  // namespace tocsin
