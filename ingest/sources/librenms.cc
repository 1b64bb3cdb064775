// LibreNMS' API transport: a JSON object, a form or a query of the alert's template variables, all of them texts.
// https://docs.librenms.org/Alerting/Transports/API/
//
// Identity: alert_id, which is one for a device and a rule (`id` and `uid` are entries of its log); else device and rule.
// State: `state` 0 recovered, 1 alert, 2 acknowledged, 3 worse, 4 better, 5 changed; without it the title. `status` is the device's.
// Time: in the server's own zone, so it is told as text. An empty object has been seen: it becomes an alert that says so.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

EventKind KindOf(std::string_view state, std::string_view title) {
  if (state.ends_with(".0")) state.remove_suffix(2);
  if (state == "0") return EventKind::kResolve;
  if (state == "2") return EventKind::kAcknowledge;
  if (state.empty()) {
    if (absl::StrContains(ToLower(title), " recovered from ")) return EventKind::kResolve;
    if (absl::StrContains(ToLower(title), " acknowledged")) return EventKind::kAcknowledge;
    return EventKind::kTrigger;
  }
  return ParseStatusWord(state).value_or(EventKind::kTrigger);
}

Reading ReadOne(const Fields& fields) {
  const std::string_view host = fields.Get({"hostname", "display", "sysname", "host"});
  const std::string_view rule = fields.Get({"name", "rulename", "alertrule"});
  const std::string_view title = fields.Get({"title", "text", "msg", "message"});
  const std::string_view state = fields.Get({"state", "alertstate"});
  EventBuilder event;
  if (const std::string_view id = fields.Get({"alertid"}); !id.empty()) {
    event.Key({"alert", id});
  } else if (const std::string_view device = fields.Get({"deviceid"}), number = fields.Get({"ruleid"});
             !device.empty() && !number.empty()) {
    event.Key({"device", device, "rule", number});
  } else if (!rule.empty() || !title.empty()) {
    event.Key({host, rule.empty() ? title : rule});
  }
  event.Kind(KindOf(state, title)).Severity(ParseSeverity(fields.Get({"severity"})));
  event.Label("alertname", rule.empty() ? "LibreNMS" : rule).Label("host", host);
  for (const std::string_view name : {"os", "type", "location", "hardware"})
    event.Label(name == "type" ? "device_type" : name, fields.Get({name}));
  event.Summary(title).Description(fields.Get({"msg", "message"}));
  event.Annotation("faults", fields.Get({"faults", "string"})).Annotation("address", fields.Get({"ip"}));
  event.Annotation("local_time", fields.Get({"timestamp"})).Annotation("elapsed", fields.Get({"elapsed"}));
  event.Annotation("runbook_url", fields.Get({"proc"})).Annotation("notes", fields.Get({"alertnotes", "notes"}));
  event.Annotation("status", state == "3" ? "worse" : state == "4" ? "better" : state == "5" ? "changed" : "");
  event.Link(fields.Get({"url", "link", "deviceurl"}));
  return std::move(event).Finish("none of alert_id, device_id with rule_id, and name or title has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/true, ReadOne);
}

}  // namespace

const Source kLibrenmsSource = {
    .name = "librenms",
    .product = "LibreNMS",
    .parse = Parse,
    .example =
        R"({"alert_id":"26","state":"1","severity":"critical","hostname":"sw1","name":"Devices up/down","title":"Alert for device sw1"})",
    .setup =
        R"(Alerts > Alert Transports > Create: type API, method POST, this URL, this body (send as JSON); then attach it to your rules, with
"Recovery alerts" and "Acknowledgement alerts" on.

URL   {url}
Body  {"alert_id": "{{ $alert->alert_id }}", "state": "{{ $alert->state }}", "severity": "{{ $alert->severity }}",
       "hostname": "{{ $alert->hostname }}", "device_id": "{{ $alert->device_id }}", "rule_id": "{{ $alert->rule_id }}",
       "name": "{{ $alert->name }}", "title": "{{ $alert->title }}", "timestamp": "{{ $alert->timestamp }}"})",
};

}  // namespace tocsin
