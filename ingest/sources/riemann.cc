// Riemann's events, one or a list of them, as its HTTP clients post them.
// https://riemann.io/concepts.html
//
// Identity: host and service. State: what streams put there by convention (ok, warning, critical); any word that does not say that all
// is well fires, `expired` too: a service that is silent.
// Members of an event's own are what people route by: labels. ttl is Riemann's to watch, not ours.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

constexpr std::string_view kOwnMembers[] = {"host",    "service", "state",         "description", "metric",
                                            "metricf", "metricd", "metricsint64",  "time",        "timemicros",
                                            "ttl",     "tags",    "previousstate", "url",         "link"};

Reading ReadOne(const Fields& fields) {
  const std::string_view host = fields.Get({"host"});
  const std::string_view service = fields.Get({"service"});
  const std::string_view state = fields.Get({"state"});
  const std::string_view metric = fields.Get({"metric", "metricf", "metricd", "metricsint64"});
  if (state.empty()) return Reading::Rejected("state: missing; streams that alert set it to ok, warning or critical");
  EventBuilder event;
  event.Key({host, service});
  event.Kind(ParseStatusWord(state).value_or(EventKind::kTrigger)).Severity(ParseSeverity(state));
  event.StartsAt(fields.Get({"time", "timemicros"}));
  event.Label("alertname", service.empty() ? "Riemann" : service).Label("host", host).Label("service", service);
  AddTags(event, fields.Get({"tags"}));
  for (const Field& field : fields.all()) {
    if (std::ranges::find(kOwnMembers, std::string_view(field.name)) == std::end(kOwnMembers))
      event.Label(field.path, field.text);
  }
  event.Summary(absl::StrCat(ToAbsl(service), host.empty() || service.empty() ? "" : " on ", ToAbsl(host), " is ",
                             ToAbsl(state), metric.empty() ? "" : absl::StrCat(" (", ToAbsl(metric), ")")));
  event.Description(fields.Get({"description"})).Annotation("value", metric).Annotation("status", state);
  event.Link(fields.Get({"url", "link"}));
  return std::move(event).Finish("neither host nor service has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kRiemannSource = {
    .name = "riemann",
    .product = "Riemann",
    .parse = Parse,
    .example = R"({"host":"db1","service":"disk","state":"critical","description":"97% used","metric":0.97})",
    .setup = R"clj(In riemann.config, for what changes its state:

(require '[clj-http.client :as http] '[cheshire.core :as json])
(defn tocsin [event] (http/post "{url}" {:body (json/generate-string event) :content-type :json}))

(streams (changed-state {:init "ok"} (async-queue! :tocsin {:queue-size 1000} tocsin))))clj",
};

}  // namespace tocsin
