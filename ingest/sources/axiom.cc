// Axiom's monitors by a webhook notifier.
// https://axiom.co/docs/monitor-data/notifiers-overview
//
// Identity: event.monitorID, with the group of a grouped monitor. State: action Open, Closed; a match monitor only ever opens. Times are as Go
// prints them.
#include "absl/strings/match.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// "Triggered: name", "Resolved: name"
std::string_view WithoutState(std::string_view title) {
  for (const std::string_view state : {"Triggered: ", "Resolved: ", "Alert: "}) {
    if (title.starts_with(state)) return title.substr(state.size());
  }
  return title;
}

void AddGroup(EventBuilder& event, const Payload& alert) {
  const std::vector<dom::element> keys = alert.List("groupkeys");
  const std::vector<dom::element> values = alert.List("groupvalues");
  for (std::size_t i = 0; i < std::min(keys.size(), values.size()); ++i)
    event.Label(PayloadText(keys[i]), PayloadText(values[i]));
}

Reading ReadOne(const Payload& body) {
  const Payload alert = body.Object("event").value_or(body);
  const std::string title = alert.Text({"title", "name"});
  EventBuilder event;
  const std::string group = alert.Text({"groupvalues"});
  const std::string monitor = alert.Text({"monitorid"});
  group.empty() || monitor.empty() ? event.Key({monitor}) : event.Key({monitor, group});
  SetKind(event, body.Text({"action"}));
  event.Severity(ParseSeverity(alert.Text({"severity"})));
  event.Label("alertname", WithoutState(title));
  AddGroup(event, alert);
  event.Summary(title).Description(alert.Text({"body"})).Description(alert.Text({"description"}));
  event.Annotation("value", alert.Text({"value"}));
  event.Annotation("matched_event", alert.Text({"matchedevent"}));
  event.StartsAt(alert.Text({"timestamp", "queryendtime"}));
  event.Link(alert.Text({"url", "monitorurl"}));
  return std::move(event).Finish("event.monitorID: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kAxiomSource = {
    .name = "axiom",
    .product = "Axiom",
    .parse = Parse,
    .example =
        R"({"action":"Open","event":{"monitorID":"Rxg89nIwu9WwrOsJKA","title":"Triggered: errors","timestamp":"2025-02-15 14:59:03 +0000 UTC","value":7}})",
    .setup = R"(Monitors > Notifiers > New notifier: type Webhook, this URL; then choose it in your monitors.

URL  {url})",
};

}  // namespace tocsin
