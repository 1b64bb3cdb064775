// Our own webhook, for whatever can send a JSON object (or an array of them, or a form):
//
//   {"status": "firing",                 or "resolved", "acknowledged"; firing when absent or unknown
//    "dedup_key": "db1/disk",            identity; absent: the labels, and without labels the title and the well-known members
//    "title": "disk full on db1", "description": "...", "severity": "critical", "link": "https://...",
//    "starts_at": "2026-11-21T10:00:00Z", "ends_at": "...",
//    "labels": {"team": "db"}, "annotations": {"runbook_url": "..."}}
//
// Forgiving: the usual other names are understood, well-known members (host, service, env ...) become labels, all others annotations.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

// Members that say what an alert is about.
constexpr std::string_view kLabelMembers[] = {"host",        "hostname",  "instance", "service", "check",      "job",
                                              "environment", "env",       "cluster",  "region",  "team",       "zone",
                                              "component",   "namespace", "product",  "app",     "application"};
// Members that are told by other means.
constexpr std::string_view kSpokenFor[] = {
    "status",   "state",   "eventaction", "action",      "title",       "name",      "alertname", "summary",
    "subject",  "message", "text",        "description", "details",     "body",      "severity",  "level",
    "priority", "urgency", "dedupkey",    "incidentkey", "alias",       "alertkey",  "key",       "link",
    "url",      "href",    "startsat",    "endsat",      "fingerprint", "timestamp", "time",      "startedat"};

bool IsOneOf(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

EventKind KindOf(const Fields& fields, Labels& annotations) {
  const std::string_view raw = fields.Get({"status", "state", "eventaction", "action"});
  if (const std::optional<EventKind> kind = ParseStatusWord(raw)) return *kind;
  if (!raw.empty()) annotations.push_back({"status", std::string(raw)});
  return EventKind::kTrigger;
}

// labels.* of JSON; other members by their names.
void Distribute(const Fields& fields, AlertEvent& event) {
  for (const Field& field : fields.all()) {
    if (field.text.empty()) continue;
    if (field.path.starts_with("labels.") || field.path.starts_with("annotations.")) {
      const bool is_label = field.path.starts_with("labels.");
      Labels& to = is_label ? event.labels : event.annotations;
      to.push_back({field.path.substr(field.path.find('.') + 1), field.text});
    } else if (IsOneOf(field.name, kLabelMembers)) {
      event.labels.push_back({field.path, field.text});
    } else if (!IsOneOf(field.name, kSpokenFor)) {
      event.annotations.push_back({field.path, field.text});
    }
  }
}

Reading ReadOne(const Fields& fields) {
  AlertEvent event;
  std::string_view title =
      fields.Get({"title", "alertname", "name", "summary", "subject", "message", "text", "labels.alertname"});
  const std::string_view description = fields.Get({"description", "details", "message", "text", "body"});
  event.dedup_key = fields.Get({"dedupkey", "alertkey", "incidentkey", "alias", "key", "fingerprint"});
  Distribute(fields, event);
  if (title.empty()) title = description;
  if (title.empty() && event.dedup_key.empty() && event.labels.empty()) {
    return Reading::Rejected("there is no title, no dedup_key and no labels in it");
  }
  event.kind = KindOf(fields, event.annotations);
  event.severity = ParseSeverity(fields.Get({"severity", "level", "priority", "urgency"}));
  if (!title.empty()) {
    if (Find(event.annotations, "summary").empty()) event.annotations.push_back({"summary", std::string(title)});
    // Text decides which alert it is only where there is nothing better.
    const bool has_labels =
        std::ranges::any_of(fields.all(), [](const Field& f) { return f.path.starts_with("labels."); });
    if (Find(event.labels, "alertname").empty() && (!event.dedup_key.empty() || !has_labels)) {
      event.labels.push_back({"alertname", std::string(TruncateUtf8(title, 256))});
    }
  }
  if (!description.empty() && description != title && Find(event.annotations, "description").empty())
    event.annotations.push_back({"description", std::string(description)});
  event.starts_at = ParseAnyTime(fields.Get({"startsat", "startedat", "timestamp", "time"}));
  event.ends_at = ParseAnyTime(fields.Get({"endsat"}));
  event.link = fields.Get({"link", "url", "href"});
  return Reading::Of(std::move(event));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kGenericSource = {
    .name = "generic",
    .product = "a JSON object",
    .parse = Parse,
    .example = R"({"status":"firing","dedup_key":"db1/disk","title":"disk full on db1","severity":"critical"})",
    .setup = R"(Whatever can post JSON or a form:

curl -H 'Content-Type: application/json' {url} \
  -d '{"status": "firing", "dedup_key": "db1/disk", "title": "disk full on db1", "severity": "critical"}'

The same dedup_key with "status": "resolved" ends it. docs/webhooks.md has all members.)",
};

}  // namespace tocsin
