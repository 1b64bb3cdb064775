// The bodies of PagerDuty's Events API, v2 and v1, at an integration's own address: for senders whose URL can be set, but not much more. What
// wants PagerDuty's answers as well posts to /v2/enqueue. Fields: ingest/pagerduty_event.h.
//
// Identity: dedup_key or incident_key; the door's key stands in the URL, the one in the body is not looked at. A trigger without one is
// an alert of its own, which only people can end: as at PagerDuty. Severities and actions that PagerDuty refuses are taken.
// A change event is no alert.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "ingest/pagerduty_event.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

Reading ReadOne(const JsonView& body, absl::Time received) {
  const pagerduty::Api api = pagerduty::ApiOf(body);
  if (api == pagerduty::Api::kChangeEvents)
    return Reading::Ignored("a change event is no alert; post it to /v2/change/enqueue");
  pagerduty::Verdict verdict = pagerduty::Read(body, api);
  AlertEvent& alert = verdict.event.alert;
  const bool is_trigger = alert.kind == EventKind::kTrigger;
  if (alert.dedup_key.empty() && (!is_trigger || (verdict.event.summary.empty() && verdict.event.source.empty())))
    return Reading::Rejected(absl::StrJoin(verdict.errors, "; "));
  if (alert.dedup_key.empty()) alert.dedup_key = KeyOfItsOwn(body.Json(), received);
  Reading reading = Reading::Of(std::move(alert));
  reading.reason = absl::StrJoin(verdict.errors, "; ");
  return reading;
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  return ReadEach(request, [&](const JsonView& body) { return ReadOne(body, received.wall); });
}

}  // namespace

const Source kPagerdutySource = {
    .name = "pagerduty",
    .also = "pagerduty_events_v2 pagerduty_events_v1",
    .product = "PagerDuty's Events API",
    .parse = Parse,
    .example =
        R"({"event_action":"trigger","dedup_key":"db1/disk","payload":{"summary":"disk full on db1","source":"db1","severity":"critical"}})",
    .setup =
        R"(Senders that have PagerDuty built in: let their address point here, and give them this key where they ask for an integration or
routing key.

Events API v2  {base}/v2/enqueue
Events API v1  {base}/generic/2010-04-15/create_event.json
Key            {key}

Senders that only have a URL to set:

URL            {url})",
};

}  // namespace tocsin
