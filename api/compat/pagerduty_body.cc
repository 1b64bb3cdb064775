#include "api/compat/pagerduty_body.h"

#include "ingest/json.h"
#include "ingest/pagerduty_event.h"

namespace tocsin {

const std::string_view kPagerDutyV2Example =
    R"({"routing_key":"<the integration's key>","event_action":"trigger","dedup_key":"web-3/disk","payload":)"
    R"({"summary":"disk is full","source":"web-3","severity":"critical"}})";
const std::string_view kPagerDutyV1Example =
    R"({"service_key":"<the integration's key>","event_type":"trigger","incident_key":"web-3/disk",)"
    R"("description":"disk is full"})";
const std::string_view kPagerDutyChangeExample =
    R"({"routing_key":"<the integration's key>","payload":{"summary":"web 1.2 is live","source":"ci"}})";

namespace {

JsonView ReadObject(std::string_view body) {
  const absl::StatusOr<simdjson::dom::element> document = ThreadJsonReader().Read(body, JsonReader::Manner::kLenient);
  return document.ok() && document->is_object() ? JsonView(*document) : JsonView();
}

std::optional<pagerduty::Verdict> Judge(std::string_view body, pagerduty::Api api, PagerDutyFault& fault) {
  const JsonView object = ReadObject(body);
  fault.recognised = static_cast<bool>(object);
  if (!object) return std::nullopt;
  pagerduty::Verdict verdict = pagerduty::Read(object, api);
  fault.errors = std::move(verdict.errors);
  fault.key = pagerduty::KeyError(verdict.event.key, api);
  return verdict;
}

PagerDutyEvent ReadEvent(std::string_view body, std::string_view fresh_key, pagerduty::Api api) {
  PagerDutyEvent read;
  std::optional<pagerduty::Verdict> verdict = Judge(body, api, read.fault);
  if (!verdict) return read;
  pagerduty::Event& event = verdict->event;
  read.routing_key = std::move(event.key);
  read.dedup_key = std::move(event.dedup_key);
  if (read.dedup_key.empty() && event.action == EventKind::kTrigger) read.dedup_key = fresh_key;
  if (read.fault.any()) return read;
  read.event = std::move(event.alert);
  if (read.event.dedup_key.empty()) read.event.dedup_key = read.dedup_key;
  return read;
}

}  // namespace

PagerDutyEvent ReadPagerDutyV2(std::string_view body, std::string_view fresh_key) {
  return ReadEvent(body, fresh_key, pagerduty::Api::kEventsV2);
}

PagerDutyEvent ReadPagerDutyV1(std::string_view body, std::string_view fresh_key) {
  return ReadEvent(body, fresh_key, pagerduty::Api::kEventsV1);
}

PagerDutyChange ReadPagerDutyChange(std::string_view body) {
  PagerDutyChange read;
  std::optional<pagerduty::Verdict> verdict = Judge(body, pagerduty::Api::kChangeEvents, read.fault);
  if (!verdict) return read;
  pagerduty::Event& event = verdict->event;
  read.routing_key = std::move(event.key);
  ChangeEvent& change = read.change;
  change.summary = std::move(event.summary);
  change.source = std::move(event.source);
  change.at = event.timestamp.value_or(absl::Time());
  change.service = ServiceId(std::move(event.service));
  change.details = std::move(event.details);
  for (pagerduty::Link& link : event.links)
    change.links.push_back({std::move(link.href), std::move(link.text)});
  Bound(change);
  return read;
}

}  // namespace tocsin
