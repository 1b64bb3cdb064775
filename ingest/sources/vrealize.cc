// VMware Aria Operations (vRealize Operations), the REST notification plug-in: a POST when an alert begins, a PUT when it changes or ends; its
// id may also follow the address.
//
// Identity: alertId. State: ACTIVE, UPDATED; CANCELED. cancelDate is there while it is active, too.
// Severity: criticality, ALERT_CRITICALITY_LEVEL_ and INFO, WARNING, IMMEDIATE, CRITICAL.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

// ALERT_SUBTYPE_AVAILABILITY_PROBLEM -> availability problem
std::string Plain(std::string_view constant, std::string_view prefix) {
  if (constant.starts_with(prefix)) constant.remove_prefix(prefix.size());
  return absl::StrReplaceAll(ToLower(constant), {
                                                    {"_", " "}
  });
}

Reading ReadOne(const Payload& body, std::string_view id_in_path) {
  const std::string status = ToLower(body.Text({"status", "alertstatus"}));
  const bool over = status == "canceled" || status == "cancelled" || status == "inactive" || status == "closed";
  const std::string criticality = Plain(body.Text({"criticality", "alertlevel"}), "ALERT_CRITICALITY_LEVEL_");
  EventBuilder event;
  event.Key({body.Text({"alertid"})});
  if (!event.HasKey()) event.Key({id_in_path});
  event.Kind(over ? EventKind::kResolve : EventKind::kTrigger);
  if (!over && status != "active" && status != "updated" && status != "new") event.Annotation("status", status);
  event.Severity(criticality == "immediate" ? Severity::kHigh : ParseSeverity(criticality));
  const std::string type = Plain(body.Text({"type"}), "ALERT_TYPE_");
  const std::string subtype = Plain(body.Text({"subtype"}), "ALERT_SUBTYPE_");
  std::string name = body.Text({"alertname", "alertdefinitionname"});
  if (name.empty()) name = subtype;
  const std::string resource = body.Text({"resourcename"});
  event.Label("alertname", name).Label("resource", resource).Label("resource_kind", body.Text({"resourcekind"}));
  event.Label("adapter_kind", body.Text({"adapterkind"})).Label("type", type).Label("subtype", subtype);
  event.Summary(resource.empty() ? name : absl::StrCat(name, " on ", resource));
  event.Description(body.Text({"info", "description"}));
  event.Annotation("resource_id", body.Text({"resourceid"}));
  for (const std::string_view badge : {"health", "risk", "efficiency"})
    event.Annotation(badge, body.Text({badge}));
  event.StartsAt(body.Text({"startdate"}));
  if (over) event.EndsAt(ParseAnyTime(body.Text({"canceldate", "updatedate"})));
  event.Link(body.Text({"alerturl", "url"}));
  return std::move(event).Finish("alertId: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, [&](const Payload& body) { return ReadOne(body, AfterLast(request.path, '/')); });
}

}  // namespace

const Source kVrealizeSource = {
    .name = "vrealize",
    .also = "vrops aria",
    .product = "VMware Aria Operations (vRealize)",
    .parse = Parse,
    .takes_paths = true,
    .example =
        R"({"alertId":"a1b2","status":"ACTIVE","criticality":"ALERT_CRITICALITY_LEVEL_CRITICAL","resourceName":"vm-17","subType":"ALERT_SUBTYPE_AVAILABILITY_PROBLEM"})",
    .setup =
        R"(Alerts > Outbound settings > Add: plug-in type Rest Notification Plugin, this URL, content type application/json; then a notification
rule that uses it, for new, updated and canceled alerts.

URL  {url})",
};

}  // namespace tocsin
