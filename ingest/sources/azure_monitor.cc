// Azure Monitor's action groups: the common alert schema, and the older ones of metric alerts (v2), activity logs, log searches and
// classic alerts.
// https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema
//
// Identity: essentials.alertId, the same for Fired and Resolved; of older schemas the rule and the resource. Service Health and Resource
// Health make an alert of each of their messages: there it is the tracking id, and the resource. Resource ids do not distinguish case.
// State: monitorCondition Fired, Resolved; status Activated, Deactivated; stage and health where the condition stays Fired. Alerts of
// activity logs and stateless ones of log searches are never resolved.
// Severity: Sev0 is the worst.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

Severity SeverityOf(std::string_view text) {
  std::string word = ToLower(text);
  if (word.starts_with("sev")) word.erase(0, 3);
  if (word == "0") return Severity::kCritical;
  if (word == "1") return Severity::kHigh;
  if (word == "2") return Severity::kWarning;
  if (word == "3" || word == "4" || word == "verbose") return Severity::kInfo;
  return ParseSeverity(word);
}

// The part of a resource id that follows `name`: resourceGroups, virtualMachines. Ids are spelt in any case.
std::string PartAfter(std::string_view id, std::string_view name) {
  const std::string lower = ToLower(id);
  const std::size_t at = lower.find(absl::StrCat("/", ToAbsl(ToLower(name)), "/"));
  if (at == std::string::npos) return "";
  const std::string_view rest = id.substr(at + name.size() + 2);
  return std::string(rest.substr(0, rest.find('/')));
}

void AddResource(EventBuilder& event, std::string_view id) {
  if (!id.starts_with('/')) return;
  event.Label("subscription", PartAfter(id, "subscriptions"));
  event.Label("resource_group", PartAfter(id, "resourceGroups"));
  if (absl::StrContains(ToAbsl(ToLower(id)), "/providers/")) event.Label("resource", AfterLast(id, '/'));
  event.Annotation("resource_id", id);
}

// The first criterion says what was measured; all of them have dimensions.
void AddCondition(EventBuilder& event, const Payload& condition) {
  for (const dom::element& element : condition.List("allof")) {
    if (!element.is_object()) continue;
    const Payload criterion{dom::object(element)};
    event.Label("metric", criterion.Text({"metricname"}));
    AddTags(event, criterion.Find("dimensions"));
    const std::string what = criterion.Text({"metricname", "searchquery", "webtestname"});
    const std::string value = criterion.Text({"metricvalue"});
    if (!what.empty()) {
      event.Annotation("condition",
                       absl::StrCat(what, " ", criterion.Text({"operator"}), " ", criterion.Text({"threshold"})));
    }
    event.Annotation("value", value);
    event.Annotation("search_results_url", criterion.Text({"linktofilteredsearchresultsui", "linktosearchresultsui"}));
  }
  event.Label("metric", condition.Text({"metricname"}));
  event.Annotation("value", condition.Text({"metricvalue"}));
}

// What people attach to a rule: labels, and the address of a runbook.
void AddProperties(EventBuilder& event, const Payload& data) {
  for (const std::string_view path : {"customproperties", "alertcontext.properties", "properties"}) {
    const std::optional<Payload> properties = data.Object(path);
    if (!properties) continue;
    event.Annotation("runbook_url", properties->Text({"runbookurl", "runbook"}));
    AddLabels(event, data.Find(path));
  }
}

// Service Health and Resource Health, in either schema: what they say of the state is in their own words.
bool ReadHealth(EventBuilder& event, const Payload& context, std::string_view resource) {
  const std::string tracking = context.Text({"properties.trackingid"});
  const std::string health = ToLower(context.Text({"properties.currenthealthstatus"}));
  if (!tracking.empty()) {
    const std::string stage = ToLower(context.Text({"properties.stage", "status"}));
    const bool over = stage == "resolved" || stage == "complete" || stage == "rca";
    event.Key({"servicehealth", tracking}).Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  } else if (!health.empty()) {
    event.Key({"resourcehealth", ToLower(resource)});
    event.Kind(health == "available" ? EventKind::kResolve : EventKind::kTrigger);
  } else {
    return false;
  }
  event.Summary(context.Text({"properties.title"}));
  event.Description(context.Text({"properties.communication", "properties.defaultlanguagecontent"}));
  event.Annotation("status", health);
  return true;
}

Reading ReadCommon(const Payload& data) {
  const std::optional<Payload> essentials = data.Object("essentials");
  if (!essentials) return Reading::Rejected("data.essentials: missing or not an object");
  const std::string id = essentials->Text({"alertid"});
  const std::string condition = ToLower(essentials->Text({"monitorcondition"}));
  const std::string resource = essentials->Text({"alerttargetids.0", "alerttargetids"});
  EventBuilder event;
  event.Key({ToLower(id.empty() ? essentials->Text({"originalertid"}) : id)});
  event.Kind(condition == "resolved" ? EventKind::kResolve : EventKind::kTrigger);
  if (condition != "fired" && condition != "resolved") event.Annotation("status", condition);
  event.Severity(SeverityOf(essentials->Text({"severity"})));
  event.Label("alertname", essentials->Text({"alertrule"}));
  const std::optional<Payload> context = data.Object("alertcontext");
  if (context) ReadHealth(event, *context, resource);
  event.Label("host", essentials->Text({"configurationitems.0"}));
  event.Label("signal_type", essentials->Text({"signaltype"}));
  event.Label("monitoring_service", essentials->Text({"monitoringservice"}));
  AddResource(event, resource);
  AddProperties(event, data);
  if (const auto criteria = data.Object("alertcontext.condition")) AddCondition(event, *criteria);
  const std::string what(Find(event.event().annotations, "condition"));
  const std::string name = essentials->Text({"alertrule"});
  event.Summary(what.empty() ? name : absl::StrCat(name, ": ", what));
  event.Description(essentials->Text({"description"}));
  event.StartsAt(essentials->Text({"fireddatetime"}));
  if (condition == "resolved") event.EndsAt(ParseAnyTime(essentials->Text({"resolveddatetime"})));
  if (id.starts_with('/')) {
    event.Link(
        absl::StrCat("https://portal.azure.com/#blade/Microsoft_Azure_Monitoring/AlertDetailsTemplateBlade/alertId/",
                     PercentEncode(id)));
  }
  return std::move(event).Finish("data.essentials.alertId: missing");
}

// Metric alerts of before the common schema, and classic alerts, whose `data` is the body itself.
Reading ReadMetricAlert(const Payload& data, const Payload& context) {
  if (ToLower(data.Text({"operation"})).starts_with("scale")) {
    return Reading::Ignored("autoscale has changed the number of instances, which is no alert");
  }
  const std::string status = ToLower(data.Text({"status"}));
  const bool over = status == "deactivated" || status == "resolved";
  const std::string resource = context.Text({"resourceid"});
  EventBuilder event;
  event.Key({ToLower(context.Text({"id"})), ToLower(resource)});
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  if (!over && status != "activated") event.Annotation("status", status);
  event.Severity(SeverityOf(context.Text({"severity"})));
  event.Label("alertname", context.Text({"name"}));
  event.Label("host", context.Text({"resourcename"}));
  event.Label("region", context.Text({"resourceregion"}));
  event.Label("resource_type", context.Text({"resourcetype"}));
  AddResource(event, resource);
  AddProperties(event, data);
  if (const auto criteria = context.Object("condition")) AddCondition(event, *criteria);
  event.Summary(absl::StrCat(context.Text({"name"}), " on ", context.Text({"resourcename"})));
  event.Description(context.Text({"description"}));
  event.StartsAt(context.Text({"timestamp"}));
  event.Link(context.Text({"portallink"}));
  return std::move(event).Finish("context.id and context.resourceId: missing");
}

Reading ReadActivityLog(const Payload& data, const Payload& log) {
  const std::string resource = log.Text({"resourceid"});
  const std::string operation = log.Text({"operationname"});
  EventBuilder event;
  event.Key({"activitylog", ToLower(operation), ToLower(resource)});
  if (operation.empty() && resource.empty()) event.Key({});
  ReadHealth(event, log, resource);
  event.Severity(SeverityOf(log.Text({"level"})));
  event.Label("alertname", log.Text({"properties.title"})).Label("alertname", operation);
  event.Label("event_source", log.Text({"eventsource"}));
  AddResource(event, resource);
  AddProperties(event, data);
  event.Summary(absl::StrCat(operation, " ", log.Text({"status"})));
  event.Description(log.Text({"description"}));
  event.Annotation("caller", log.Text({"caller"}));
  event.StartsAt(log.Text({"eventtimestamp", "submissiontimestamp"}));
  return std::move(event).Finish("activityLog.operationName and activityLog.resourceId: missing");
}

Reading ReadLogSearch(const Payload& data) {
  const std::string rule = data.Text({"alertrulename"});
  EventBuilder event;
  event.Key({"logsearch", data.Text({"subscriptionid"}), data.Text({"workspaceid"}), rule});
  event.Severity(SeverityOf(data.Text({"severity"})));
  event.Label("alertname", rule).Label("subscription", data.Text({"subscriptionid"}));
  event.Summary(absl::StrCat(rule, ": ", data.Text({"resultcount"}), " results"));
  event.Description(data.Text({"description"}));
  event.Annotation("query", data.Text({"searchquery"})).Annotation("value", data.Text({"resultcount"}));
  event.StartsAt(data.Text({"searchintervalendtimeutc"}));
  event.Link(data.Text({"linktofilteredsearchresultsui", "linktosearchresults"}));
  return std::move(event).Finish("data.AlertRuleName: missing");
}

Reading ReadOne(const Payload& body) {
  const Payload data = body.Object("data").value_or(body);
  if (data.Find("essentials")) return ReadCommon(data);
  if (const auto log = data.Object("context.activitylog")) return ReadActivityLog(data, *log);
  if (const auto context = data.Object("context")) return ReadMetricAlert(data, *context);
  if (data.Has({"alertrulename"})) return ReadLogSearch(data);
  return Reading::Rejected("neither data.essentials nor data.context: this is no alert of Azure Monitor");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kAzureMonitorSource = {
    .name = "azure_monitor",
    .also = "azure",
    .product = "Azure Monitor",
    .parse = Parse,
    .example =
        R"({"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":{"alertId":"/subscriptions/1/providers/Microsoft.AlertsManagement/alerts/2","alertRule":"cpu","severity":"Sev2","monitorCondition":"Fired"}}})",
    .setup =
        R"(Monitor > Alerts > Action groups > Create: action type Webhook, URI as here, "Enable the common alert schema" on; then give your alert
rules the action group. Or with the Azure CLI:

az monitor action-group create --resource-group GROUP --name tocsin \
  --action webhook tocsin {url} usecommonalertschema)",
};

}  // namespace tocsin
