// Google Cloud Monitoring: webhooks (with basic authentication, or a token in the address), and the same wrapped by Pub/Sub. Nothing is
// sent when somebody acknowledges there.
// https://cloud.google.com/monitoring/support/notification-options#webhooks
//
// Identity: incident.incident_id.
// State: incident.state open, closed; ended_at may be null in either.
// Severity: incident.severity in newer versions, else the policy's label `severity`.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

void AddLabelsOf(EventBuilder& event, const Payload& incident) {
  event.Label("alertname", incident.Text({"policyname", "conditionname", "condition.displayname"}));
  event.Label("condition", incident.Text({"conditionname", "condition.displayname"}));
  event.Label("project", incident.Text({"scopingprojectid", "resource.labels.projectid"}));
  event.Label("resource_type", incident.Text({"resource.type"}));
  event.Label("metric", incident.Text({"metric.type"}));
  for (const std::string_view labels :
       {"policyuserlabels", "resource.labels", "metric.labels", "metadata.userlabels", "metadata.systemlabels"}) {
    AddLabels(event, incident.Find(labels));
  }
  // "... labels {host=web}" says it all again; v1.1 has the name of a machine.
  if (!incident.Find("resource")) event.Label("host", incident.Text({"resourcename"}));
}

Reading ReadIncident(const Payload& incident) {
  EventBuilder event;
  event.Key({incident.Text({"incidentid"})});
  SetKind(event, incident.Text({"state"}));
  event.Severity(ParseSeverity(incident.Text({"severity", "policyuserlabels.severity"})));
  AddLabelsOf(event, incident);
  event.Summary(incident.Text({"summary", "documentation.subject", "conditionname"}));
  event.Description(incident.Text({"documentation.content", "documentation"}));
  event.Annotation("value", incident.Text({"observedvalue"}));
  event.Annotation("threshold", incident.Text({"thresholdvalue"}));
  event.Annotation("resource", incident.Text({"resourcename", "resourcedisplayname"}));
  event.Annotation("runbook_url", incident.Text({"documentation.links.0.url"}));
  event.StartsAt(incident.Text({"startedat"}));
  if (event.event().kind == EventKind::kResolve) event.EndsAt(ParseAnyTime(incident.Text({"endedat"})));
  event.Link(incident.Text({"url"}));
  return std::move(event).Finish("incident.incident_id: missing");
}

// Pub/Sub pushes the notification in base64.
Reading ReadOne(const Payload& body) {
  if (const auto incident = body.Object("incident")) return ReadIncident(*incident);
  std::string data;
  if (!absl::Base64Unescape(body.Text({"message.data"}), &data) &&
      !absl::WebSafeBase64Unescape(body.Text({"message.data"}), &data)) {
    return Reading::Rejected("message.data: not base64");
  }
  JsonReader reader;
  const absl::StatusOr<dom::element> inside = reader.Read(data, JsonReader::Manner::kLenient);
  if (inside.ok() && inside->is_object()) {
    if (const auto incident = Payload(dom::object(*inside)).Object("incident")) return ReadIncident(*incident);
  }
  return Reading::Rejected("incident: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kGcpMonitoringSource = {
    .name = "gcp_monitoring",
    .also = "gcp stackdriver google_cloud",
    .product = "Google Cloud Monitoring",
    .parse = Parse,
    .example =
        R"({"incident":{"incident_id":"0.mtdi83m6w8ao","state":"open","policy_name":"cpu","summary":"CPU is above 50%","started_at":1675315787},"version":"1.2"})",
    .setup =
        R"(Monitoring > Alerting > Edit notification channels > Webhooks > Add new: endpoint URL as here, no authentication (the key is in the
address). Or with the gcloud command:

gcloud beta monitoring channels create --display-name=tocsin --type=webhook_tokenauth \
  --channel-labels=url={url})",
};

}  // namespace tocsin
