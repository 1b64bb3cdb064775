// Honeycomb's webhooks: triggers and burn alerts of SLOs, in its own payload or in a template of people's.
// https://docs.honeycomb.io/notify/webhooks/
//
// Identity: .Alert.InstanceID where a template has it, else `id`, the trigger's: a trigger is one alert, which is over when none of its groups is
// above the threshold.
// State: status TRIGGERED, OK. Severity: a variable of people's own.
// Signature: X-Honeycomb-Webhook-Token holds the shared secret.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/signature.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// {"Group": {"host": "a"}, "Result": 5} ... as "host:a (5), host:b (7)"; of one group also what it is.
void AddGroups(EventBuilder& event, const std::vector<dom::element>& groups) {
  std::string text;
  for (const dom::element& element : groups) {
    if (!element.is_object()) continue;
    const Payload group{dom::object(element)};
    std::string name;
    if (const auto fields = group.Object("group")) {
      for (const dom::key_value_pair& field : fields->object()) {
        absl::StrAppend(&name, name.empty() ? "" : ",", ToAbsl(field.key), ":", PayloadText(field.value));
      }
    }
    absl::StrAppend(&text, text.empty() ? "" : ", ", name.empty() ? "all" : name, " (", group.Text({"result"}), ")");
  }
  event.Annotation("groups", text);
}

Reading ReadOne(const Payload& body) {
  EventBuilder event;
  event.Key({body.Text({"alert.instanceid", "instanceid"})});
  if (!event.HasKey()) event.Key({body.Text({"id", "alert.id", "triggerid", "burnalertid"})});
  SetKind(event, body.Text({"status", "alert.status"}));
  event.Severity(ParseSeverity(body.Text({"severity", "vars.severity", "alert.severity"})));
  const std::string name = body.Text({"name", "alert.name"});
  event.Label("alertname", name).Label("dataset", body.Text({"dataset", "alert.dataset"}));
  event.Label("environment", body.Text({"environment", "alert.environment"}));
  event.Label("slo", body.Text({"slo.name", "sloname"}));
  AddTags(event, body.Find("tags"));
  event.Summary(body.Text({"summary", "alert.summary"})).Summary(name);
  event.Description(body.Text({"description", "alert.description"}));
  event.Annotation("trigger_description", body.Text({"triggerdescription"}));
  event.Annotation("threshold", absl::StrCat(body.Text({"operator"}), " ", body.Text({"threshold"})));
  event.Annotation("exhaustion_time", body.Text({"exhaustiontime"}));
  event.Annotation("budget_rate", body.Text({"budgetrate"}));
  AddGroups(event, body.List("resultgroupstriggered"));
  event.StartsAt(body.Text({"timestamp", "alert.timestamp", "triggeredat"}));
  event.Link(body.Text({"resulturl", "alert.resulturl"})).Link(body.Text({"triggerurl", "url", "alert.url", "slourl"}));
  return std::move(event).Finish("id: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckSharedSecret(request, "X-Honeycomb-Webhook-Token", secret);
}

}  // namespace

const Source kHoneycombSource = {
    .name = "honeycomb",
    .product = "Honeycomb",
    .parse = Parse,
    .verify = Verify,
    .example = R"({"id":"abdcefg","name":"slow checkouts","status":"TRIGGERED","summary":"Triggered: slow checkouts"})",
    .setup =
        R"(Team Settings > Integrations > Add Integration: type Webhook, this URL, a shared secret of your choice (which the integration here may
know, too); then add it as a recipient to your triggers and burn alerts.

URL  {url})",
};

}  // namespace tocsin
