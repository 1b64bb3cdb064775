// BigPanda's alerts API, which many monitoring tools have a template for. https://docs.bigpanda.io/reference/alerts
//
// Identity: incident_identifier, else the values of the primary and secondary property. primary_property names a member (else the
// first of host, service, application, device), secondary_property another (else check, sensor). State and severity are one word:
// ok, critical, warning, unknown, acknowledged.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

constexpr std::string_view kSpokenFor[] = {
    "app_key",     "status",   "timestamp",   "primary_property", "secondary_property", "incident_identifier",
    "description", "severity", "incident_url"};

// The value of the member that `pointer` names, else of the first of `usual`.
std::string Property(const JsonView& alert, std::string_view pointer, std::initializer_list<std::string_view> usual) {
  if (const std::string named = alert.Text(pointer); !named.empty()) {
    if (std::string value = alert.Text(named); !value.empty()) return value;
  }
  return alert.First(usual);
}

Reading ReadAlert(const JsonView& alert) {
  const std::string status = ToLower(alert.Text("status"));
  const std::string primary =
      Property(alert, "primary_property", {"host", "service", "application", "device", "object"});
  const std::string secondary = Property(alert, "secondary_property", {"check", "sensor"});
  EventBuilder builder;
  if (const std::string incident = alert.Text("incident_identifier"); !incident.empty()) {
    builder.Key({"incident", incident});
  } else {
    builder.Key({primary, secondary});
  }
  const std::optional<EventKind> kind = ParseStatusWord(status);
  builder.Kind(kind.value_or(EventKind::kTrigger));
  builder.Severity(
      ParseSeverity(alert.Text("severity").empty() && kind != EventKind::kResolve ? status : alert.Text("severity")));
  builder.Label("alertname", secondary.empty() ? primary : secondary);
  for (const auto& [name, value] : alert.Members()) {
    bool is_spoken_for = false;
    for (const std::string_view other : kSpokenFor)
      is_spoken_for = is_spoken_for || name == other;
    if (!is_spoken_for) AddDetail(builder, name, value.IsArray() || value.IsObject() ? value.Json() : value.Text());
  }
  const std::string description = alert.Text("description");
  builder.Summary(description)
      .Summary(absl::StrCat(primary, secondary.empty() ? "" : ": ", secondary))
      .Annotation("status", status);
  builder.Link(alert.First({"incident_url", "link", "url", "source_url"}));
  if (kind == EventKind::kResolve) {
    builder.EndsAt(ParseAnyTime(alert.Text("timestamp")));
  } else {
    builder.StartsAt(alert.Text("timestamp"));
  }
  return std::move(builder).Finish("neither incident_identifier nor host, service or check has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  const absl::StatusOr<JsonView> document = ReadDocument(request);
  if (!document.ok()) return document.status();
  if (!document->At("alerts").IsArray()) return ReadEach(request, ReadAlert);
  Readings readings;
  for (const JsonView& alert : document->At("alerts").Items())
    readings.push_back(alert.IsObject() ? ReadAlert(alert) : Reading::Rejected("alerts: expected objects"));
  if (readings.empty()) readings.push_back(Reading::Ignored("alerts is empty"));
  return readings;
}

}  // namespace

const Source kBigpandaSource = {
    .name = "bigpanda",
    .product = "BigPanda's alerts API",
    .parse = Parse,
    .example = R"({"app_key":"123","status":"critical","host":"db1","check":"disk","description":"disk full"})",
    .setup =
        R"(Give senders that speak BigPanda's alerts API this address instead of https://api.bigpanda.io/data/v2/alerts:

{url})",
};

}  // namespace tocsin
