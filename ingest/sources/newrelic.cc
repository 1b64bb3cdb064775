// New Relic: workflows (Handlebars templates, so members are found by several names) and the notification channels before them, in JSON
// or as a form.
// https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook
//
// Identity: the issue (id, issueId); before, account and incident_id. In tests it is 0, or missing.
// State: state CREATED, ACTIVATED, ACKNOWLEDGED, CLOSED; current_state open, acknowledged, closed; in any case.
// Severity: priority LOW to CRITICAL; severity INFO, WARN, CRITICAL.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

void SetState(EventBuilder& event, const Payload& body) {
  const std::string state = body.Text({"state", "currentstate", "issuestate", "status"});
  const std::string lower = ToLower(state);
  if (lower == "created" || lower == "activated") {
    event.Kind(EventKind::kTrigger);
  } else {
    SetKind(event, state);
  }
}

void SetKeyOf(EventBuilder& event, const Payload& body) {
  const std::string incident = body.Text({"incidentid"});
  if (const std::string issue = body.Text({"issueid", "id"}); !issue.empty()) {
    event.Key({issue});
  } else if (!incident.empty()) {
    event.Key({body.Text({"accountid"}), incident});
  } else {
    event.Key({body.Text({"issueurl", "incidenturl", "alerturl"})});
  }
}

Reading ReadOne(const Payload& body) {
  if (body.Has({"deploymentid", "deployedby"})) return Reading::Ignored("a deployment says nothing about an alert");
  EventBuilder event;
  SetKeyOf(event, body);
  SetState(event, body);
  event.Severity(ParseSeverity(body.Text({"priority", "severity"})));
  const std::string title = body.Text({"title.0", "title", "annotations.title.0"});
  const std::string condition = body.Text({"conditionname", "alertconditionnames", "accumulations.conditionname"});
  event.Label("alertname", condition.empty() ? title : condition);
  event.Label("policy", body.Text({"policyname", "alertpolicynames", "accumulations.policyname"}));
  event.Label("entity", body.Text({"impactedentities", "entitiesdata.names", "targets.0.name", "applicationname"}));
  event.Label("account", body.Text({"accountname", "accountid", "nraccountid"}));
  event.Label("workflow", body.Text({"workflowname"}));
  AddLabels(event, body.Find("targets.0.labels"));
  AddTags(event, body.Find("labels"));
  const std::string details = body.Text({"details", "shortdescription", "annotations.description.0"});
  event.Summary(title.empty() ? details : title);
  if (!title.empty()) event.Description(details);
  event.Description(body.Text({"longdescription", "description"}));
  event.Annotation("owner", body.Text({"owner"}));
  event.Annotation("trigger", body.Text({"trigger", "triggerevent"}));
  event.Annotation("total_incidents", body.Text({"totalincidents"}));
  event.Annotation("runbook_url", body.Text({"runbookurl", "accumulations.runbookurl.0"}));
  event.Annotation("image_url", body.Text({"violationcharturl", "violationcallbackurl"}));
  event.StartsAt(body.Text({"activatedat"}));
  if (!event.event().starts_at) event.StartsAt(body.Text({"createdat", "timestamp"}));
  if (event.event().kind == EventKind::kResolve) {
    event.EndsAt(ParseAnyTime(body.Text({"closedat", "updatedat", "timestamp"})));
  }
  event.Link(body.Text({"issueurl"})).Link(body.Text({"issuepageurl", "incidenturl", "alerturl"}));
  return std::move(event).Finish("neither id nor incident_id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kNewrelicSource = {
    .name = "newrelic",
    .also = "new_relic",
    .product = "New Relic",
    .parse = Parse,
    .example =
        R"({"id":"d1b1f3fd-995a-4066-88ab-8ce4f6960654","state":"ACTIVATED","priority":"CRITICAL","title":"Memory is above 90%","alertConditionNames":["memory"]})",
    .setup =
        R"(Alerts > Destinations > Webhook: this URL. Then Alerts > Workflows > Add, channel Webhook, with this template:

URL      {url}
Payload  {"id": {{ json issueId }}, "issueUrl": {{ json issuePageUrl }}, "title": {{ json annotations.title.[0] }},
          "priority": {{ json priority }}, "state": {{ json state }}, "impactedEntities": {{ json entitiesData.names }},
          "totalIncidents": {{ json totalIncidents }}, "createdAt": {{ createdAt }}, "updatedAt": {{ updatedAt }},
          "alertPolicyNames": {{ json accumulations.policyName }}, "alertConditionNames": {{ json accumulations.conditionName }},
          "workflowName": {{ json workflowName }}}

Leave "Close issue" among the notifications of the workflow on: without it nothing ever recovers.)",
};

}  // namespace tocsin
