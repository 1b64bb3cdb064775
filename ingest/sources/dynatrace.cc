// Dynatrace's problem notifications by a custom integration: a template whose {ProblemDetailsJSON} and {ImpactedEntities} are JSON, or
// JSON in a text; also wrapped as a CloudEvent.
// https://docs.dynatrace.com/docs/analyze-explore-automate/notifications-and-alerting/problem-notifications/webhook-integration
//
// Identity: {PID}; {ProblemID} (P-2409121) is only unique in its environment, and what there is without the former.
// State: OPEN, RESOLVED; MERGED, because the other problem goes on under its own id.
// Severity: {ProblemSeverity} is a category: of availability and errors high, of performance and resources warning.
#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

Severity SeverityOf(std::string_view text) {
  const std::string category = ToLower(text);
  if (category == "availability" || category == "error") return Severity::kHigh;
  if (category == "performance" || category == "slowdown" || category == "resource_contention" ||
      category == "resource" || category == "monitoring_unavailable") {
    return Severity::kWarning;
  }
  return ParseSeverity(text);
}

void SetState(EventBuilder& event, const Payload& body, const Payload& details) {
  std::string state = body.Text({"state"});
  if (state.empty()) state = details.Text({"status"});
  SetKind(event, state);
  if (ToLower(state) == "merged") event.Kind(EventKind::kResolve);
}

void AddEntities(EventBuilder& event, const Payload& body) {
  for (const std::string_view path : {"impactedentities.0", "problemdetails.rankedimpacts.0", "impactedentity.0"}) {
    const std::optional<Payload> entity = body.Object(path);
    if (!entity) continue;
    event.Label("entity", entity->Text({"name", "entityname"}));
    event.Label("entity_type", entity->Text({"type", "impactlevel"}));
  }
  event.Annotation("impacted_entities", body.Text({"impactedentitynames", "impactedentity"}));
}

Reading ReadOne(const Payload& outer) {
  const bool is_cloud_event = outer.Has({"specversion"});
  const Payload body = is_cloud_event ? outer.Object("data").value_or(outer) : outer;
  JsonReader reader;
  std::optional<dom::element> raw = body.Find("problemdetailsjson");
  for (const std::string_view path : {"problemdetailsjsonv2", "problemdetails"}) {
    if (!raw) raw = body.Find(path);
  }
  const Payload details = OpenObject(reader, raw).value_or(body);
  EventBuilder event;
  event.Key({body.Text({"pid"})});
  if (!event.HasKey()) event.Key({details.Text({"problemid", "id"})});
  if (!event.HasKey()) event.Key({body.Text({"problemid"})});
  SetState(event, body, details);
  std::string category = body.Text({"problemseverity"});
  if (category.empty()) category = details.Text({"severitylevel"});
  event.Severity(SeverityOf(category));
  const std::string title = body.Text({"problemtitle", "title"});
  event.Label("alertname", title);
  AddEntities(event, body);
  event.Label("impact", body.Text({"problemimpact"})).Label("impact", details.Text({"impactlevel"}));
  AddTags(event, body.Find("tags"));
  const std::string impacted = body.Text({"impactedentity"});
  event.Summary(impacted.empty() ? title : impacted);
  event.Description(body.Text({"problemdetailstext", "problemdetailsmarkdown"}));
  event.Annotation("problem_id", body.Text({"problemid"})).Annotation("category", category);
  event.StartsAt(details.Text({"starttime"}));
  if (!event.event().starts_at && is_cloud_event) event.StartsAt(outer.Text({"time"}));
  if (event.event().kind == EventKind::kResolve) event.EndsAt(ParseAnyTime(details.Text({"endtime"})));
  event.Link(body.Text({"problemurl"}));
  return std::move(event).Finish("neither PID nor ProblemID has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kDynatraceSource = {
    .name = "dynatrace",
    .product = "Dynatrace",
    .parse = Parse,
    .example =
        R"({"PID":"-5484987430915361232_1726142400000V2","ProblemID":"P-2409121","ProblemTitle":"Response time degradation","ProblemSeverity":"PERFORMANCE","State":"OPEN"})",
    .setup =
        R"(Settings > Integration > Problem notifications > Add: type Custom integration, this URL, this payload, "Call webhook if problem is
closed" on.

URL      {url}
Payload  {"PID": "{PID}", "ProblemID": "{ProblemID}", "ProblemTitle": "{ProblemTitle}", "State": "{State}",
          "ProblemSeverity": "{ProblemSeverity}", "ProblemImpact": "{ProblemImpact}", "ProblemURL": "{ProblemURL}",
          "ImpactedEntity": "{ImpactedEntity}", "ImpactedEntities": {ImpactedEntities}, "Tags": "{Tags}",
          "ProblemDetailsText": "{ProblemDetailsText}", "ProblemDetailsJSON": {ProblemDetailsJSON}})",
};

}  // namespace tocsin
