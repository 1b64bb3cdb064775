// Rackspace Cloud Monitoring's webhook notifications.
// https://docs.rackspace.com/docs/cloud-monitoring/v1/technology/webhook-notifications
//
// Identity: entity and alarm, from their objects or from event_id ("ENTITY:ALARM:..."). State: details.state OK is well; WARNING and CRITICAL
// fire. Empty values come as "null", numbers as texts.
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

Reading ReadOne(const Fields& fields) {
  const auto get = [&](std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      const std::string_view text = fields.Get({name});
      if (!text.empty() && text != "null" && text != "None") return text;
    }
    return std::string_view();
  };
  const std::string_view state = get({"details.state", "state"});
  if (state.empty()) return Reading::Rejected("details.state: missing");
  std::string entity(get({"entity.id", "entityid"}));
  std::string alarm(get({"alarm.id", "alarmid"}));
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(get({"eventid"})), ':');
  if (entity.empty() && alarm.empty() && parts.size() >= 2) {
    entity = parts[0];
    alarm = parts[1];
  }
  EventBuilder event;
  event.Key({entity, alarm});
  const bool is_well = absl::EqualsIgnoreCase(ToAbsl(state), "ok");
  event.Kind(is_well ? EventKind::kResolve : EventKind::kTrigger).Severity(ParseSeverity(state));
  event.StartsAt(get({"details.timestamp", "timestamp"}));
  const std::string_view label = get({"alarm.label", "check.label"});
  const std::string_view host = get({"entity.label", "details.target"});
  event.Label("alertname", label.empty() ? "Rackspace alarm" : label).Label("host", host);
  event.Label("check", get({"check.label"}))
      .Label("check_type", get({"check.type"}))
      .Label("tenant", get({"tenantid"}));
  const std::string_view status = get({"details.status", "status"});
  event.Summary(absl::StrCat(ToAbsl(label), host.empty() ? "" : " on ", ToAbsl(host), " is ", ToAbsl(state),
                             status.empty() ? "" : ": ", ToAbsl(status)));
  event.Annotation("state", state).Annotation("target", get({"details.target"}));
  event.Annotation("criteria", get({"alarm.criteria"}))
      .Annotation("address", get({"entity.managed_ip", "details.collectoraddressv4"}));
  event.Link(get({"dashboardlink", "link", "url"}));
  return std::move(event).Finish("neither entity.id and alarm.id nor event_id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kRackspaceSource = {
    .name = "rackspace",
    .product = "Rackspace Monitoring",
    .parse = Parse,
    .example =
        R"({"event_id":"enTuWQ:alHTxB:chTkdp","details":{"state":"CRITICAL","status":"HTTP server responding with 500","timestamp":1726142400000},"entity":{"id":"enTuWQ","label":"web-1"},"alarm":{"id":"alHTxB","label":"http"}})",
    .setup =
        R"(A notification of type webhook with this URL, in a notification plan for all of CRITICAL, WARNING and OK:

{"label": "tocsin", "type": "webhook", "details": {"url": "{url}"}})",
};

}  // namespace tocsin
