// Alertmanager's webhook, version 4 (and 3). One POST a group; each alert has its own status, the group's says nothing about its
// members. Identity: the fingerprint, else the label set. Alerts cut off by max_alerts are absent, which is not a recovery; the
// others of the group say that something is missing.
//
// A body of the user's own (webhook_config.payload, since 0.29) has no `alerts`. Where there is a list of what has labels under
// another name, these are its alerts; else a status and a title make one alert, as the generic source reads them.
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
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
  for (const std::string_view name : {"startsAt", "since", "starts_at"}) {
    if (!event.starts_at) event.starts_at = ParseAnyTime(MemberText(alert, name));
  }
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

// The members that are lists of objects with labels; nullopt when there is none.
std::optional<dom::array> ListOfLabelled(dom::object body) {
  for (const dom::key_value_pair& member : body) {
    if (!member.value.is_array() || dom::array(member.value).size() == 0) continue;
    const dom::element first = *dom::array(member.value).begin();
    if (!first.is_object()) continue;
    const std::optional<dom::element> labels = Member(dom::object(first), "labels");
    if (labels && labels->is_object()) return dom::array(member.value);
  }
  return std::nullopt;
}

Readings ReadAlerts(dom::object body, dom::array alerts) {
  Group group{
      .status = ToLower(MemberText(body, "status")), .external_url = MemberText(body, "externalURL"), .truncated = {}};
  if (const std::string truncated = MemberText(body, "truncatedAlerts"); !truncated.empty() && truncated[0] > '0') {
    group.truncated = truncated;
  }
  Readings readings;
  for (const dom::element& alert : alerts) {
    if (readings.size() > limits::kEventsPerBatch) break;  // WithStandIns says so
    readings.push_back(ReadAlert(alert, group));
  }
  return readings;
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  if (Trim(request.body).empty()) return Invalid("the body is empty");
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
  if (document.is_array()) {
    return Invalid(
        "expected an object, found an array: what Prometheus itself sends goes to an integration of source prometheus");
  }
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  const dom::object body(document);
  const std::optional<dom::element> alerts = Member(body, "alerts");
  if (alerts && !alerts->is_array()) return Invalid("alerts: expected an array, found %s", JsonTypeName(*alerts));
  if (alerts) return ReadAlerts(body, dom::array(*alerts));
  if (const std::optional<dom::array> labelled = ListOfLabelled(body)) return ReadAlerts(body, *labelled);
  if (ParseStatusWord(MemberText(body, "status"))) return kGenericSource.parse(request, received);
  return Invalid("alerts: missing; a webhook with its own `payload` goes to an integration of source generic");
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
