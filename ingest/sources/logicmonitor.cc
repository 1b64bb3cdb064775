// LogicMonitor's custom HTTP delivery: a template of ##TOKENS## under names that its author chose, as JSON, a form or lines.
// https://www.logicmonitor.com/support/tokens-available-in-datasource-alert-messages
//
// Identity: ##ALERTID## (LMD4096), which all activities of one alert share; else ##INTERNALID##; else what it is about.
// State: ##ALERTSTATUS## active, ack, clear, update, escalate, test. The level stays what it was when an alert clears.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

std::optional<absl::Time> TimeOf(const Fields& fields) {
  if (const auto time = ParseAnyTime(fields.Get({"startepoch", "epoch", "timestamp"}))) return time;
  return ParseZonedTime(fields.Get({"start", "starttime"}));
}

Reading ReadOne(const Fields& fields, const Now& now) {
  const std::string status = ToLower(fields.Get({"alertstatus", "status", "state", "activity"}));
  const std::string_view host = fields.Get({"host", "hostname", "device", "devicename", "displayname"});
  const std::string_view source =
      fields.Get({"datasource", "eventsource", "logsource", "service", "batchjob", "dsname"});
  const std::string_view instance = fields.Get({"instance", "instancename"});
  const std::string_view point = fields.Get({"datapoint", "dpname"});
  const std::string_view message = fields.Get({"message", "alertmessage", "detail", "subject"});
  if (status == "test" && fields.Get({"alertid", "internalid"}).empty())
    return TestAlert(kLogicmonitorSource, message, now);
  EventBuilder event;
  if (const std::string_view id = fields.Get({"alertid", "internalid", "externalid", "externalticketid"});
      !id.empty()) {
    event.Key({id});
  } else {
    event.Key({host, source, instance, point});
  }
  const std::optional<EventKind> kind = ParseStatusWord(status);
  event.Kind(kind.value_or(EventKind::kTrigger)).StartsAt(TimeOf(fields));
  event.Severity(ParseSeverity(fields.Get({"errorlevel", "level", "severity", "alertlevel"})));
  if (status == "test") event.EndsAt(now.wall + absl::Minutes(10));  // nobody will clear it
  event.Label("alertname", !source.empty() ? source : !point.empty() ? point : "LogicMonitor");
  event.Label("host", host)
      .Label("datapoint", point)
      .Label("instance", instance == source ? std::string_view() : instance);
  event.Label("group", fields.Get({"hostgroups", "servicegroup", "group", "groups"}));
  event.Summary(message.empty() ? absl::StrCat(ToAbsl(source), " ", ToAbsl(point), " on ", ToAbsl(host))
                                : std::string(message));
  event.Description(fields.Get({"detail", "userdata", "dpdescription", "dsdescription"}));
  event.Annotation("value", fields.Get({"value"})).Annotation("threshold", fields.Get({"threshold"}));
  event.Annotation("address", fields.Get({"deviceips", "ips"}));
  event.Annotation("author", fields.Get({"adminname", "ackuser", "user"}));
  event.Annotation("comment", fields.Get({"usercomment", "ackcomment"}));
  if (!kind) event.Annotation("status", status);
  event.Link(fields.Get({"alertdetailurl", "alerturl", "detailurl", "url", "link"}));
  event.Link(fields.Get({"deviceurl", "serviceurl"}));
  return std::move(event).Finish("none of alert_id, internal_id, and host with datasource has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  return ReadEachFields(request, /*with_lines=*/true,
                        [&](Fields fields) { return ReadOne(std::move(fields), received); });
}

}  // namespace

const Source kLogicmonitorSource = {
    .name = "logicmonitor",
    .product = "LogicMonitor",
    .parse = Parse,
    .example =
        R"({"alert_id":"LMD4096","alert_status":"active","error_level":"critical","host":"db-04","datasource":"Volume Usage","datapoint":"PercentUsed"})",
    .setup =
        R"(Settings > Integrations > Add, "Custom HTTP Delivery": one request for all activities, POST to this URL, raw JSON, this body; then use it
in an escalation chain, and let the alert rule send clear notifications.

URL   {url}
Body  {"alert_id": "##ALERTID##", "alert_status": "##ALERTSTATUS##", "error_level": "##LEVEL##", "host": "##HOST##",
       "datasource": "##DATASOURCE##", "instance": "##INSTANCE##", "datapoint": "##DATAPOINT##", "value": "##VALUE##",
       "message": "##MESSAGE##", "startepoch": "##STARTEPOCH##", "alert_url": "##ALERTDETAILURL##"})",
};

}  // namespace tocsin
