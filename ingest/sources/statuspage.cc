// Statuspage's webhook notifications, as any subscriber of a page gets them.
// https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/
//
// Two kinds come to one address. An incident: investigating, identified and monitoring fire, resolved and postmortem end it. A
// component: anything but operational fires. Maintenance that was planned is no alert.
// Severity: the incident's impact, which stays as it was when it is resolved; a component's is how much of it is out.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

constexpr std::string_view kMaintenance[] = {"scheduled", "in_progress", "verifying", "completed"};

Severity SeverityOf(std::string_view impact) {
  if (impact == "none" || impact == "maintenance") return Severity::kInfo;
  if (impact == "degraded_performance") return Severity::kWarning;
  if (impact == "partial_outage") return Severity::kHigh;
  if (impact == "major_outage") return Severity::kCritical;
  return ParseSeverity(impact);
}

Reading ReadIncident(const JsonView& body, const JsonView& incident) {
  const std::string status = ToLower(incident.Text("status"));
  const bool is_maintenance = std::ranges::find(kMaintenance, std::string_view(status)) != std::end(kMaintenance) ||
                              !incident.Text("scheduled_for").empty() || incident.Text("impact") == "maintenance";
  if (is_maintenance) return Reading::Ignored(absl::StrCat("maintenance that was planned (", status, ")"));
  const bool is_over = status == "resolved" || status == "postmortem";
  EventBuilder builder;
  if (const std::string id = incident.Text("id"); !id.empty()) builder.Key({"incident", id});
  builder.Kind(is_over ? EventKind::kResolve : EventKind::kTrigger).Severity(SeverityOf(incident.Text("impact")));
  builder.Link(incident.First({"shortlink", "url"})).Link(body.Text("page.url"));
  const std::vector<JsonView> updates = incident.At("incident_updates").Items();
  builder.Label("alertname", incident.Text("name"))
      .Label("page", incident.Text("page_id"))
      .Label("page", body.Text("page.id"))
      .Label("page", incident.Text("organization_id"))
      .Label("components", incident.Joined("components", "name"));
  builder.Summary(incident.Text("name"))
      .Description(updates.empty() ? "" : updates.front().Text("body"))
      .Annotation("status", status)
      .Annotation("impact", incident.Text("impact"));
  builder.StartsAt(incident.First({"started_at", "created_at"}));
  if (is_over) builder.EndsAt(ParseAnyTime(incident.First({"resolved_at", "updated_at"})));
  return std::move(builder).Finish("incident.id: missing");
}

Reading ReadComponent(const JsonView& body, const JsonView& component, const JsonView& update) {
  std::string status = ToLower(update.Text("new_status"));
  if (status.empty()) status = ToLower(component.Text("status"));
  const std::string name = component.Text("name");
  if (status == "under_maintenance") return Reading::Ignored("under_maintenance says nothing about an outage");
  if (status.empty()) return Reading::Rejected("component_update.new_status: missing");
  const bool is_over = status == "operational";
  EventBuilder builder;
  std::string id = component.Text("id");
  if (id.empty()) id = update.Text("component_id");
  if (!id.empty()) builder.Key({"component", id});
  builder.Kind(is_over ? EventKind::kResolve : EventKind::kTrigger).Severity(SeverityOf(is_over ? "" : status));
  builder.Label("alertname", name)
      .Label("component", name)
      .Label("page", component.Text("page_id"))
      .Label("page", body.Text("page.id"));
  builder.Summary(absl::StrCat(name, ": ", status))
      .Description(component.Text("description"))
      .Annotation("status", status)
      .Annotation("old_status", update.Text("old_status"))
      .Annotation("page_status", body.Text("page.status_description"));
  const std::string changed = update.Text("created_at");
  if (is_over) {
    builder.EndsAt(ParseAnyTime(changed));
  } else {
    builder.StartsAt(changed);
  }
  builder.Link(body.Text("page.url"));
  return std::move(builder).Finish("component.id: missing");
}

Reading ReadOne(const JsonView& body) {
  if (const JsonView incident = body.At("incident")) return ReadIncident(body, incident);
  const JsonView component = body.At("component");
  const JsonView update = body.At("component_update");
  if (component || update) return ReadComponent(body, component, update);
  return Reading::Rejected("neither incident nor component is there");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kStatuspageSource = {
    .name = "statuspage",
    .product = "Statuspage",
    .parse = Parse,
    .example =
        R"({"page":{"id":"j2mfxwj97wnj"},"incident":{"id":"lbkhbwn21v5q","name":"Virginia is down","status":"investigating","impact":"critical"}})",
    .setup =
        R"(On the status page: Subscribe to updates > webhook: this URL, with an address for mail about deliveries that failed.

URL  {url})",
};

}  // namespace tocsin
