#include "ingest/pagerduty_event.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/timestamps.h"

namespace tocsin::pagerduty {
namespace {

constexpr std::size_t kAlertnameBytes = 256;

std::string_view KeyName(Api api) {
  return api == Api::kEventsV1 ? "service_key" : "routing_key";
}

std::optional<EventKind> KindOf(std::string_view action) {
  if (action == "trigger") return EventKind::kTrigger;
  if (action == "acknowledge") return EventKind::kAcknowledge;
  if (action == "resolve") return EventKind::kResolve;
  return std::nullopt;
}

std::string Trimmed(const JsonView& object, std::string_view path) {
  return std::string(Trim(object.Text(path)));
}

std::vector<Link> LinksOf(const JsonView& list) {
  std::vector<Link> links;
  for (const JsonView& item : list.Items()) {
    if (links.size() == kMostLinks) break;
    Link link{.href = item.Text("href"), .text = item.First({"text", "alt"}), .src = item.Text("src")};
    if (!link.href.empty() || !link.src.empty()) links.push_back(std::move(link));
  }
  return links;
}

// v1 has links and images in one list, with a type.
void AddContexts(Event& event, const JsonView& contexts) {
  for (Link& link : LinksOf(contexts))
    (link.src.empty() ? event.links : event.images).push_back(std::move(link));
}

void ReadSummary(Event& event, std::string text) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < kSummaryCharacters && end < text.size(); ++i)
    end += FirstCodePoint(std::string_view(text).substr(end)).bytes;
  event.summary = text.substr(0, end);
  if (end < text.size()) event.whole_summary = std::move(text);
}

void ReadV1(Event& event, const JsonView& body) {
  event.key = Trimmed(body, "service_key");
  event.action = KindOf(Trimmed(body, "event_type"));
  event.dedup_key = Trimmed(body, "incident_key");
  ReadSummary(event, body.Text("description"));
  for (const std::string_view word : {"severity", "status"}) {
    if (!event.severity.empty()) break;
    const std::string severity = ToLower(body.At("details").Text(word));
    if (ParseSeverity(severity) != Severity::kUnknown) event.severity = severity;
  }
  AddContexts(event, body.At("contexts"));
}

void ReadV2(Event& event, const JsonView& body) {
  const JsonView payload = body.At("payload");
  event.key = Trimmed(body, "routing_key");
  event.action = KindOf(Trimmed(body, "event_action"));
  event.dedup_key = Trimmed(body, "dedup_key");
  ReadSummary(event, payload.Text("summary"));
  event.source = payload.Text("source");
  event.severity = ToLower(Trimmed(payload, "severity"));
  event.component = payload.Text("component");
  event.group = payload.Text("group");
  event.type = payload.Text("class");
  event.timestamp = ParseAnyTime(payload.Text("timestamp"));
  event.links = LinksOf(body.At("links"));
  event.images = LinksOf(body.At("images"));
}

// ---- what it is to us ----

void AddLinks(EventBuilder& builder, const Event& event) {
  std::string list;
  for (const Link& link : event.links) {
    absl::StrAppend(&list, list.empty() ? "" : "\n", link.text, link.text.empty() ? "" : ": ", link.href);
    if (absl::StrContains(ToLower(link.text), "runbook")) builder.Annotation("runbook_url", link.href);
  }
  builder.Link(event.client_url);
  for (const Link& link : event.links)
    builder.Link(link.href);
  builder.Annotation("links", list);
  if (!event.images.empty()) builder.Annotation("image_url", event.images.front().src);
}

// Netdata's script says the host in `source` of v2 and only within the description of v1: "WARNING disk_space = 85% - nd1, var", before
// the family, which the details name too.
std::string NetdataHost(const Event& event, const JsonView& details) {
  if (!event.source.empty()) return event.source;
  std::string_view description = event.summary;
  const std::string end = absl::StrCat(", ", details.Text("family"));
  if (!description.ends_with(end)) return "";
  description.remove_suffix(end.size());
  const std::size_t dash = description.rfind(" - ");
  return dash == std::string_view::npos ? "" : std::string(description.substr(dash + 3));
}

std::string Identity(const Event& event, const JsonView& details) {
  const std::string alarm = details.Text("alarm_id");
  const bool is_netdata = !alarm.empty() && details.At("chart") && details.At("value_w_units");
  const std::string host = is_netdata ? NetdataHost(event, details) : "";
  return host.empty() ? event.dedup_key : absl::StrCat("netdata:", host, "/", alarm);
}

AlertEvent ToAlert(const Event& event, const JsonView& details) {
  EventBuilder builder;
  const Severity severity = event.severity == "error" ? Severity::kHigh : ParseSeverity(event.severity);
  builder.Kind(event.action.value_or(EventKind::kTrigger)).Severity(severity);
  builder.Label("alertname", event.type.empty() ? TruncateUtf8(event.summary, kAlertnameBytes) : event.type)
      .Label("source", event.source)
      .Label("component", event.component)
      .Label("group", event.group)
      .Label("class", event.type);
  builder.Summary(event.summary)
      .Description(event.whole_summary)
      .Annotation("client", event.client)
      .StartsAt(event.timestamp);
  if (details.IsObject()) {
    AddDetails(builder, details);
  } else {
    builder.Annotation("details", event.details);
  }
  if (severity == Severity::kUnknown) builder.Annotation("severity", event.severity);
  AddLinks(builder, event);
  AlertEvent alert = builder.event();
  alert.dedup_key = Identity(event, details);  // as it is: people look for it
  return alert;
}

// ---- what PagerDuty says ----

std::string Quoted(std::string_view name, Api api) {
  return api == Api::kEventsV1 ? std::string(name) : absl::StrCat("'", ToAbsl(name), "'");
}

void Want(std::vector<std::string>& errors, std::string_view value, std::string_view name, Api api) {
  if (Trim(value).empty()) errors.push_back(Quoted(name, api) + " is missing or blank");
}

void CheckAction(std::vector<std::string>& errors, const Event& event, const JsonView& body, Api api) {
  if (event.action) return;
  if (api == Api::kEventsV1) {
    errors.emplace_back("event_type is invalid (must be one of: trigger acknowledge resolve)");
  } else if (Trim(body.Text("event_action")).empty()) {
    errors.emplace_back("'event_action' is missing or blank");
  } else {
    errors.emplace_back(
        "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')");
  }
}

void CheckSeverity(std::vector<std::string>& errors, const std::string& severity) {
  if (severity == "critical" || severity == "warning" || severity == "error" || severity == "info") return;
  if (Trim(severity).empty()) {
    errors.emplace_back("'payload.severity' is missing or blank");
    return;
  }
  errors.emplace_back(
      "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')");
}

std::vector<std::string> Check(const Event& event, const JsonView& body, Api api) {
  std::vector<std::string> errors;
  const bool is_change = api == Api::kChangeEvents;
  if (!is_change) CheckAction(errors, event, body, api);
  const bool needs_payload = is_change || event.action == EventKind::kTrigger;
  if (!is_change && !needs_payload && event.action)
    Want(errors, event.dedup_key, api == Api::kEventsV1 ? "incident_key" : "dedup_key", api);
  if (!needs_payload) return errors;
  if (api == Api::kEventsV1) {
    Want(errors, event.summary, "description", api);
    return errors;
  }
  if (!body.At("payload").IsObject()) {
    errors.emplace_back("'payload' is missing or blank");
    return errors;
  }
  Want(errors, event.summary, "payload.summary", api);
  if (is_change) return errors;
  Want(errors, event.source, "payload.source", api);
  CheckSeverity(errors, event.severity);
  return errors;
}

}  // namespace

Api ApiOf(const JsonView& body) {
  if (body.At("service_key") || body.At("event_type") || body.At("incident_key")) return Api::kEventsV1;
  const bool is_change =
      !body.At("event_action") && !body.At("dedup_key") && body.At("payload.summary") && !body.At("payload.severity");
  return is_change ? Api::kChangeEvents : Api::kEventsV2;
}

Verdict Read(const JsonView& body, Api api) {
  Verdict verdict;
  Event& event = verdict.event;
  if (api == Api::kEventsV1) {
    ReadV1(event, body);
  } else {
    ReadV2(event, body);
  }
  event.client = body.Text("client");
  event.client_url = body.Text("client_url");
  const JsonView details = body.At(api == Api::kEventsV1 ? "details" : "payload.custom_details");
  event.details = details.IsObject() || details.IsArray() ? details.Json() : details.Text();
  event.service = details.Text("service");
  event.alert = ToAlert(event, details);
  verdict.errors = Check(event, body, api);
  return verdict;
}

std::string KeyError(std::string_view key, Api api) {
  const std::string name = absl::StrCat("'", ToAbsl(KeyName(api)), "'");  // quoted by both versions
  if (key.size() != kKeyCharacters)
    return absl::StrCat("Length of ", name, " is incorrect (should be ", kKeyCharacters, " characters)");
  const bool is_plain =
      std::ranges::all_of(key, [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); });
  return is_plain ? "" : name + " cannot contain non-alphanumeric characters.";
}

}  // namespace tocsin::pagerduty
