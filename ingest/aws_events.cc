#include "ingest/aws_events.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

std::string_view PartOfArn(std::string_view arn, int part) {
  if (!arn.starts_with("arn:")) return {};
  for (int i = 0; i < part; ++i) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return arn.substr(0, arn.find(':'));
}

// Where the alarm is shown. China and the government have consoles of their own.
std::string ConsoleLink(std::string_view region, std::string_view alarm) {
  if (region.empty() || alarm.empty() ||
      region.find_first_not_of("abcdefghijklmnopqrstuvwxyz-0123456789") < region.size())
    return "";
  const std::string_view domain = region.starts_with("cn-")       ? "console.amazonaws.cn"
                                  : region.starts_with("us-gov-") ? "console.amazonaws-us-gov.com"
                                                                  : "console.aws.amazon.com";
  return absl::StrFormat("https://%s.%s/cloudwatch/home?region=%s#alarmsV2:alarm/%s", region, domain, region,
                         PercentEncode(alarm));
}

// One alarm, whichever way it came.
struct Alarm {
  std::string arn;
  std::string account;
  std::string region;
  std::string name;
  std::string contributor;  // of an alarm over many series: which of them
  std::string state;
  std::string reason;
};

// INSUFFICIENT_DATA is neither: an alarm that fires goes on doing so.
Reading FinishAlarm(const Alarm& alarm, EventBuilder event) {
  const std::string state = ToLower(alarm.state);
  if (state == "insufficient_data") {
    return Reading::Ignored("INSUFFICIENT_DATA says neither that the alarm fires nor that it is over");
  }
  const bool resolved = state == "ok";
  event.Kind(resolved ? EventKind::kResolve : EventKind::kTrigger);
  if (!resolved && state != "alarm") event.Annotation("status", alarm.state);
  if (alarm.arn.empty()) {
    event.Key({alarm.account, alarm.region, alarm.name});
    if (alarm.name.empty()) event.Key({});
  } else if (alarm.contributor.empty()) {
    event.Key({alarm.arn});
  } else {
    event.Key({alarm.arn, alarm.contributor});
  }
  event.Summary(alarm.reason.empty() ? alarm.name : absl::StrCat(alarm.name, ": ", alarm.reason));
  event.Annotation("state", alarm.state);
  return std::move(event).Finish("neither AlarmArn nor AlarmName has a value");
}

// Dimensions are a list of names and values, or an object.
void AddMetric(EventBuilder& event, const Payload& metric) {
  event.Label("namespace", metric.Text({"namespace"})).Label("metric", metric.Text({"metricname", "name"}));
  AddTags(event, metric.Find("dimensions"));
}

// The first of several, which a formula or a band is about.
void AddFirstMetric(EventBuilder& event, const std::vector<dom::element>& metrics) {
  for (const dom::element& metric : metrics) {
    if (!metric.is_object()) continue;
    const auto found = Payload(dom::object(metric)).Object("metricstat.metric");
    if (found) return AddMetric(event, *found);
  }
}

void AddTrigger(EventBuilder& event, const Payload& trigger) {
  AddMetric(event, trigger);
  AddFirstMetric(event, trigger.List("metrics"));
  const std::string threshold = trigger.Text({"threshold"});
  if (!threshold.empty()) {
    event.Annotation("condition", absl::StrCat(trigger.Text({"statistic"}), " ", trigger.Text({"comparisonoperator"}),
                                               " ", threshold));
  }
}

// ---- EventBridge ----

Reading ReadAlarmEvent(const Payload& event, const Payload& detail) {
  const std::string by = detail.Text({"state.actionssuppressedby", "actionssuppressedby"});
  Alarm alarm;
  alarm.arn = event.Text({"resources.0", "alarmarn"});
  alarm.account = event.Text({"account", "accountid"});
  alarm.region = event.Text({"region"});
  alarm.name = detail.Text({"alarmname"});
  alarm.contributor = detail.Text({"alarmcontributor.id", "alarmcontributor.contributorid"});
  alarm.state = detail.Text({"state.value"});
  alarm.reason = detail.Text({"state.reason"});
  if (!by.empty() && ToLower(alarm.state) == "alarm") {
    return Reading::Ignored(absl::StrCat("the alarm's actions are suppressed by ", by));
  }
  EventBuilder built;
  built.Label("alertname", alarm.name).Label("account", alarm.account).Label("region", alarm.region);
  AddFirstMetric(built, detail.List("configuration.metrics"));
  AddLabels(built, detail.Find("alarmcontributor.attributes"));
  built.Description(detail.Text({"configuration.description"}));
  built.Annotation("rule", detail.Text({"configuration.alarmrule"}));
  built.StartsAt(detail.Text({"state.timestamp"}));
  if (!built.event().starts_at) built.StartsAt(event.Text({"time"}));
  built.Link(ConsoleLink(alarm.region, alarm.name));
  return FinishAlarm(alarm, std::move(built));
}

Reading ReadConfigurationChange(const Payload& event, const Payload& detail) {
  if (ToLower(detail.Text({"operation"})) != "delete") {
    return Reading::Ignored("the alarm's configuration has changed, not its state");
  }
  EventBuilder built;
  const std::string name = detail.Text({"alarmname"});
  const std::string arn = event.Text({"resources.0"});
  built.Label("alertname", name).Summary(absl::StrCat(name, " was deleted"));
  built.Label("account", event.Text({"account"})).Label("region", event.Text({"region"}));
  arn.empty() ? built.Key({event.Text({"account"}), event.Text({"region"}), name}) : built.Key({arn});
  built.Kind(EventKind::kResolve).Annotation("state", "deleted");
  return std::move(built).Finish("resources: missing");
}

// https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html
Reading ReadHealthEvent(const Payload& event, const Payload& detail) {
  EventBuilder built;
  const std::string code = detail.Text({"eventtypecode"});
  built.Key({detail.Text({"eventarn"})});
  const bool closed = ToLower(detail.Text({"statuscode"})) == "closed";
  built.Kind(closed ? EventKind::kResolve : EventKind::kTrigger);
  built.Label("alertname", code).Label("service", detail.Text({"service"}));
  built.Label("category", detail.Text({"eventtypecategory"}));
  built.Label("account", detail.Text({"affectedaccount"})).Label("account", event.Text({"account"}));
  built.Label("region", detail.Text({"eventregion"})).Label("region", event.Text({"region"}));
  built.StartsAt(detail.Text({"starttime"}));
  if (!built.event().starts_at) built.StartsAt(event.Text({"time"}));
  built.Summary(absl::StrCat(detail.Text({"service"}), ": ", code));
  built.Description(detail.Text({"eventdescription.0.latestdescription"}));
  built.Annotation("resources", event.Text({"resources"}));
  return std::move(built).Finish("detail.eventArn: missing");
}

// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html: low is below 4, medium below 7.
Reading ReadGuardDutyFinding(const Payload& event, const Payload& detail) {
  double number = 0;
  const bool has_severity = absl::SimpleAtod(detail.Text({"severity"}), &number);
  EventBuilder built;
  built.Key({detail.Text({"arn", "id"})});
  built.Kind(detail.Text({"service.archived"}) == "true" ? EventKind::kResolve : EventKind::kTrigger);
  if (has_severity) {
    built.Severity(number >= 9   ? Severity::kCritical
                   : number >= 7 ? Severity::kHigh
                   : number >= 4 ? Severity::kWarning
                                 : Severity::kLow);
  }
  built.Label("alertname", detail.Text({"type"})).Label("account", event.Text({"account"}));
  built.Label("region", event.Text({"region"})).Label("resource_type", detail.Text({"resource.resourcetype"}));
  built.Summary(detail.Text({"title"})).Description(detail.Text({"description"}));
  built.StartsAt(detail.Text({"service.eventfirstseen", "createdat"}));
  return std::move(built).Finish("detail.id: missing");
}

}  // namespace

std::string_view RegionOfArn(std::string_view arn) {
  return PartOfArn(arn, 3);
}

bool IsCloudWatchMessage(const Payload& message) {
  return message.Has({"alarmname", "alarmarn"}) && message.Has({"newstatevalue"});
}

Reading ReadCloudWatchMessage(const Payload& message, std::string_view region) {
  Alarm alarm;
  alarm.arn = message.Text({"alarmarn"});
  alarm.account = message.Text({"awsaccountid"});
  alarm.region = message.Text({"region"});  // "EU (Ireland)"
  alarm.name = message.Text({"alarmname"});
  alarm.contributor = message.Text({"alarmcontributorid"});
  alarm.state = message.Text({"newstatevalue"});
  alarm.reason = message.Text({"newstatereason"});
  if (const std::string_view own = RegionOfArn(alarm.arn); !own.empty()) region = own;
  EventBuilder event;
  event.Label("alertname", alarm.name).Label("account", alarm.account);
  event.Label("region", region).Label("region", alarm.region);
  if (const auto trigger = message.Object("trigger")) AddTrigger(event, *trigger);
  AddLabels(event, message.Find("alarmcontributorattributes"));
  event.StartsAt(message.Text({"statechangetime"}));
  event.Description(message.Text({"alarmdescription"}));
  event.Annotation("rule", message.Text({"alarmrule"}));
  event.Annotation("triggering_children", message.Text({"triggeringchildren"}));
  event.Link(ConsoleLink(region, alarm.name));
  return FinishAlarm(alarm, std::move(event));
}

bool IsEventBridgeEvent(const Payload& event) {
  return event.Find("alarmdata") || (event.Has({"detailtype"}) && event.Find("detail")) ||
         (event.Has({"alarmname"}) && event.Find("state"));
}

Reading ReadEventBridgeEvent(const Payload& event) {
  if (const auto alarm = event.Object("alarmdata")) return ReadAlarmEvent(event, *alarm);
  const std::string type = ToLower(event.Text({"detailtype"}));
  if (type.empty()) return ReadAlarmEvent(event, event);  // a rule that sends only the detail
  const auto detail = event.Object("detail");
  if (!detail) return Reading::Rejected("detail: missing or not an object");
  if (type == "cloudwatch alarm configuration change") return ReadConfigurationChange(event, *detail);
  if (type == "aws health event") return ReadHealthEvent(event, *detail);
  if (type == "guardduty finding") return ReadGuardDutyFinding(event, *detail);
  if (detail->Has({"alarmname"}) && detail->Find("state")) return ReadAlarmEvent(event, *detail);
  return Reading::Ignored(
      absl::StrCat("detail-type ", JsonQuote(event.Text({"detailtype"})), " says nothing about an alarm"));
}

}  // namespace tocsin
