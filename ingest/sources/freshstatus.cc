// Freshstatus' webhooks. https://support.freshstatus.io/en/support/solutions/articles/50000003230
//
// Identity: the incident. An incident has it in `id`; a note about one has its own there and the incident's in `incident_id`, as with
// its state (`incident_status` beside `status`). Maintenance is no alert. "None" stands for what is not there.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

std::string Said(const JsonView& body, std::initializer_list<std::string_view> names) {
  std::string text = body.First(names);
  return text == "None" ? "" : text;
}

Reading ReadOne(const JsonView& body) {
  const std::string event = body.First({"event_data.event_type", "event_type"});
  if (absl::StrContains(ToAbsl(ToLower(event)), "maintenance"))
    return Reading::Ignored(absl::StrCat(event, ": maintenance is no alert"));
  const std::string status = Said(body, {"incident_status", "status"});
  const std::optional<EventKind> kind = ParseStatusWord(status);
  EventBuilder builder;
  const std::string account = body.First({"event_data.account_id", "account_id"});
  if (const std::string incident = Said(body, {"incident_id", "id"}); !incident.empty())
    builder.Key({account, incident});
  const std::string services = body.Joined("affected_services", "name");
  builder.Kind(kind.value_or(EventKind::kTrigger))
      .Severity(ParseSeverity(Said(body, {"severity", "incident_severity"})));
  builder.Label("alertname", Said(body, {"title", "name"}))
      .Label("service", services == "None" ? "" : services)
      .Label("account", body.Text("event_data.account_name"))
      .Label("reported_by", Said(body, {"source"}));
  builder.Summary(body.Text("title"))
      .Description(Said(body, {"message", "description"}))
      .Annotation("status", status)
      .Annotation("event", event);
  builder.Link(body.First({"incident_url", "url"})).StartsAt(Said(body, {"start_time"}));
  if (kind == EventKind::kResolve)
    builder.EndsAt(ParseAnyTime(Said(body, {"end_time", "event_data.event_created_on"})));
  return std::move(builder).Finish("neither incident_id nor id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kFreshstatusSource = {
    .name = "freshstatus",
    .product = "Freshstatus",
    .parse = Parse,
    .example =
        R"({"id":"53481","title":"Degradation of Database Server","status":"Open","affected_services":"Database Server"})",
    .setup = R"(Settings > Webhooks > Add: this URL, for incidents and their notes.

URL  {url})",
};

}  // namespace tocsin
