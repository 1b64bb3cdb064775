// Sensu's events, as a handler passes them on: Sensu Go (check and entity with metadata), and Sensu Core before it (client, check, action).
// https://docs.sensu.io/sensu-go/latest/observability-pipeline/observe-events/events/
//
// Identity: namespace, entity and check; the event's id is new each time. State: the check's status, as with Nagios: 0 is well, 1 a warning,
// 2 critical, anything else unknown; Core's action `resolve`. Flapping says nothing about the state. Events with metrics and no check
// are no alerts.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// 0, 1, 2, 3; nullopt when it is no number.
std::optional<int> StatusOf(std::string_view text) {
  double number = 0;
  if (!absl::SimpleAtod(ToAbsl(text), &number) || !(number >= 0)) return std::nullopt;
  return number > 3 ? 3 : static_cast<int>(number);
}

std::optional<dom::object> ObjectMember(dom::object body, std::string_view name) {
  const std::optional<dom::element> value = Member(body, name);
  if (!value || !value->is_object()) return std::nullopt;
  return dom::object(*value);
}

// The labels of {"metadata": {"labels": {...}}}; the check's before its entity's.
void AddLabels(dom::object body, EventBuilder& event) {
  for (const std::string_view owner : {"check", "entity"}) {
    const std::optional<dom::object> object = ObjectMember(body, owner);
    const std::optional<dom::object> metadata = object ? ObjectMember(*object, "metadata") : std::nullopt;
    if (!metadata) continue;
    for (const Label& label : MemberTexts(*metadata, "labels"))
      event.Label(label.name, label.value);
    for (const Label& annotation : MemberTexts(*metadata, "annotations"))
      event.Annotation(annotation.name, annotation.value);
  }
}

Reading ReadOne(dom::object body) {
  if (!ObjectMember(body, "check")) {
    if (ObjectMember(body, "metrics")) return Reading::Ignored("metrics without a check, no alert");
    return Reading::Rejected("check: missing");
  }
  const Fields fields = Fields::FromJson(body);
  const std::string_view check = fields.Get({"check.metadata.name", "check.name"});
  const std::string_view entity =
      fields.Get({"entity.metadata.name", "client.name", "check.proxyentityname", "entity.name"});
  const std::string_view space =
      fields.Get({"check.metadata.namespace", "entity.metadata.namespace", "metadata.namespace"});
  const std::string action = ToLower(fields.Get({"action"}));
  if (action == "flapping") return Reading::Ignored("flapping says nothing about the state");
  const std::optional<int> status = StatusOf(fields.Get({"check.status"}));
  if (!status && action.empty()) return Reading::Rejected("check.status: missing");
  const bool is_well = action == "resolve" || (action.empty() && status == 0);
  constexpr std::string_view kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  const std::string_view word = status ? kWords[*status] : std::string_view("CRITICAL");
  EventBuilder event;
  if (!check.empty()) event.Key({space, entity, check});
  event.Kind(is_well ? EventKind::kResolve : EventKind::kTrigger).Severity(ParseSeverity(word));
  event.StartsAt(fields.Get({"timestamp", "check.executed", "check.issued"}));
  event.Label("alertname", check).Label("host", entity).Label("namespace", space);
  event.Label("environment", fields.Get({"client.environment"}));
  AddLabels(body, event);
  const std::string_view output = fields.Get({"check.output"});
  event.Summary(absl::StrCat(ToAbsl(check), entity.empty() ? "" : " on ", ToAbsl(entity), " is ", ToAbsl(word),
                             output.empty() ? "" : ": ", ToAbsl(output.substr(0, output.find('\n')))));
  event.Description(output.find('\n') == std::string_view::npos ? std::string_view() : output);
  event.Annotation("state", word).Annotation("occurrences", fields.Get({"check.occurrences", "occurrences"}));
  event.Annotation("address", fields.Get({"client.address"})).Annotation("runbook_url", fields.Get({"check.runbook"}));
  event.Annotation("silenced", fields.Get({"check.silenced"}));
  event.Link(fields.Get({"check.metadata.annotations.url", "url", "link"}));
  return std::move(event).Finish("check: it has no name");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, [](const Payload& body) { return ReadOne(body.object()); });
}

}  // namespace

const Source kSensuSource = {
    .name = "sensu",
    .product = "Sensu",
    .parse = Parse,
    .example =
        R"({"timestamp":1726142400,"entity":{"metadata":{"name":"db1","namespace":"default"}},"check":{"metadata":{"name":"disk","namespace":"default"},"status":2,"output":"97% used"}})",
    .setup = R"(A handler, for checks whose `handlers` name it; is_incident lets resolutions through, too:

type: Handler
api_version: core/v2
metadata: {name: tocsin}
spec:
  type: pipe
  filters: [is_incident, not_silenced]
  command: curl -fsS --max-time 20 -H 'Content-Type: application/json' --data-binary @- {url})",
};

}  // namespace tocsin
