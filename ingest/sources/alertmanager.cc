// Alertmanager's webhook, version 4 (and 3). One POST a group; each alert has its own status, the group's says nothing about its
// members. Identity: the fingerprint, else the label set. Alerts cut off by max_alerts are absent, which is not a recovery; the
// others of the group say that something is missing.
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/json.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// What all alerts of a group have in common.
struct Group {
  std::string status;
  std::string external_url;
  std::string truncated;  // how many alerts were cut off; empty: none
};

Reading ReadAlert(dom::element value, const Group& group) {
  if (!value.is_object())
    return Reading::Rejected(absl::StrFormat("expected an object, found %s", JsonTypeName(value)));
  const dom::object alert(value);
  AlertEvent event;
  event.labels = MemberTexts(alert, "labels");
  event.annotations = MemberTexts(alert, "annotations");
  event.dedup_key = MemberText(alert, "fingerprint");
  if (event.labels.empty() && event.dedup_key.empty()) return Reading::Rejected("labels: missing or empty");
  std::string status = ToLower(MemberText(alert, "status"));
  if (status.empty()) status = group.status;
  event.kind = status == "resolved" ? EventKind::kResolve : EventKind::kTrigger;
  if (status != "resolved" && status != "firing" && !status.empty()) event.annotations.push_back({"status", status});
  event.starts_at = ParseAnyTime(MemberText(alert, "startsAt"));
  // Of a firing alert it says nothing: Alertmanager does not send it again before its repeat interval.
  if (event.kind == EventKind::kResolve) event.ends_at = ParseAnyTime(MemberText(alert, "endsAt"));
  event.link = MemberText(alert, "generatorURL");
  if (event.link.empty()) event.link = group.external_url;
  if (!group.truncated.empty()) {
    event.annotations.push_back(
        {"truncated_alerts",
         absl::StrFormat("%s more alerts of this group were cut off by max_alerts", group.truncated)});
  }
  return Reading::Of(std::move(event));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  if (Trim(request.body).empty()) return Invalid("the body is empty");
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
  if (document.is_array()) {
    return Invalid(
        "expected an object, found an array: what Prometheus itself sends goes to an integration of source prometheus");
  }
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  const dom::object body(document);
  const std::optional<dom::element> alerts = Member(body, "alerts");
  if (!alerts)
    return Invalid("alerts: missing; a webhook with its own `payload` goes to an integration of source generic");
  if (!alerts->is_array()) return Invalid("alerts: expected an array, found %s", JsonTypeName(*alerts));
  Group group{
      .status = ToLower(MemberText(body, "status")), .external_url = MemberText(body, "externalURL"), .truncated = {}};
  if (const std::string truncated = MemberText(body, "truncatedAlerts"); !truncated.empty() && truncated[0] > '0') {
    group.truncated = truncated;
  }
  Readings readings;
  for (const dom::element& alert : dom::array(*alerts))
    readings.push_back(ReadAlert(alert, group));
  return readings;
}

}  // namespace

const Source kAlertmanagerSource = {
    .name = "alertmanager",
    .product = "Alertmanager",
    .parse = Parse,
    .example = R"({"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull"}}]})",
    .setup = R"(In alertmanager.yml, then reload it:

receivers:
  - name: tocsin
    webhook_configs:
      - url: {url}
        send_resolved: true
        max_alerts: 0)",
};

}  // namespace tocsin
