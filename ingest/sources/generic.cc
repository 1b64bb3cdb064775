// Our own webhook, for whatever can send a JSON object (or an array of them, or a form):
//
//   {"status": "firing",                 or "resolved", "acknowledged"; firing when absent or unknown
//    "dedup_key": "db1/disk",            identity; absent: the labels, and without labels the title and the well-known members
//    "title": "disk full on db1", "description": "...", "severity": "critical", "link": "https://...",
//    "starts_at": "2026-11-21T10:00:00Z", "ends_at": "...",
//    "labels": {"team": "db"}, "annotations": {"runbook_url": "..."}}
//
// Forgiving: the usual other names are understood, well-known members (host, service, env ...) become labels, all others annotations.
// What cannot be understood becomes an alert that says so and shows what came: never silence.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kRawBytes = 4 * 1024;  // of a payload that we do not understand
constexpr std::size_t kHeadBytes = 80;       // of it in one line
constexpr std::size_t kMostLabels = 48;      // room for the integration's own

struct StatusWord {
  std::string_view word;
  EventKind kind;
};
constexpr StatusWord kStatusWords[] = {
    {"ack",          EventKind::kAcknowledge},
    {"acked",        EventKind::kAcknowledge},
    {"acknowledge",  EventKind::kAcknowledge},
    {"acknowledged", EventKind::kAcknowledge},
    {"clear",        EventKind::kResolve    },
    {"cleared",      EventKind::kResolve    },
    {"close",        EventKind::kResolve    },
    {"closed",       EventKind::kResolve    },
    {"inactive",     EventKind::kResolve    },
    {"normal",       EventKind::kResolve    },
    {"ok",           EventKind::kResolve    },
    {"recovered",    EventKind::kResolve    },
    {"recovery",     EventKind::kResolve    },
    {"resolve",      EventKind::kResolve    },
    {"resolved",     EventKind::kResolve    },
    {"success",      EventKind::kResolve    },
    {"up",           EventKind::kResolve    },
    {"active",       EventKind::kTrigger    },
    {"alert",        EventKind::kTrigger    },
    {"alerting",     EventKind::kTrigger    },
    {"down",         EventKind::kTrigger    },
    {"error",        EventKind::kTrigger    },
    {"firing",       EventKind::kTrigger    },
    {"open",         EventKind::kTrigger    },
    {"opened",       EventKind::kTrigger    },
    {"problem",      EventKind::kTrigger    },
    {"trigger",      EventKind::kTrigger    },
    {"triggered",    EventKind::kTrigger    },
};

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
  const std::string word = ToLower(raw);
  const auto* found = std::ranges::find(kStatusWords, std::string_view(word), &StatusWord::word);
  if (found != std::end(kStatusWords)) return found->kind;
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

// A label set that the batch will take; what does not fit is shown, not lost.
void BoundLabels(AlertEvent& event) {
  Labels kept;
  for (Label& label : event.labels) {
    const bool fits = kept.size() < kMostLabels && !label.name.empty() &&
                      label.name.size() <= limits::kLabelNameBytes && label.value.size() <= limits::kLabelValueBytes;
    (fits ? kept : event.annotations).push_back(std::move(label));
  }
  event.labels = std::move(kept);
}

constexpr std::string_view kUnreadable = "UnreadablePayload";

AlertEvent Unreadable(std::string_view body, std::string_view why) {
  AlertEvent event;
  event.dedup_key = "tocsin:unreadable";  // one alert a door, however many such payloads come
  event.labels = {
      {"alertname", std::string(kUnreadable)}
  };
  event.annotations = {
      {"summary",      absl::StrCat("something was sent that tocsin cannot read: ", ToAbsl(why), ": ",
       ToAbsl(TruncateUtf8(ReplaceInvalidUtf8(body.substr(0, kHeadBytes)), kHeadBytes)))},
      {"payload",          ReplaceInvalidUtf8(body.substr(0,                        kRawBytes))},
      {"description", "look at the payload, then change the sender or choose the integration's source to fit"                                                           }
  };
  return event;
}

// Its sender is told, too: somebody may be reading the answer.
Reading ReadingOf(AlertEvent event) {
  const bool is_unreadable = Find(event.labels, "alertname") == kUnreadable && event.dedup_key == "tocsin:unreadable";
  Reading reading = Reading::Of(std::move(event));
  if (is_unreadable) {
    reading.reason = absl::StrCat(ToAbsl(Find(reading.event->annotations, "summary")),
                                  "; it was taken as an alert with alertname=", ToAbsl(kUnreadable));
  }
  return reading;
}

AlertEvent ReadOne(const Fields& fields, std::string_view raw) {
  AlertEvent event;
  std::string_view title =
      fields.Get({"title", "alertname", "name", "summary", "subject", "message", "text", "labels.alertname"});
  const std::string_view description = fields.Get({"description", "details", "message", "text", "body"});
  event.dedup_key = fields.Get({"dedupkey", "alertkey", "incidentkey", "alias", "key", "fingerprint"});
  Distribute(fields, event);
  if (title.empty()) title = description;
  if (title.empty() && event.dedup_key.empty() && event.labels.empty()) {
    return Unreadable(raw, "there is no title, no dedup_key and no labels in it");
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
  BoundLabels(event);
  return event;
}

}  // namespace

absl::StatusOr<Readings> ParseGeneric(const SourceRequest& request, const Now&) {
  Readings readings;
  const absl::StatusOr<std::vector<Fields>> all = ReadFields(request, /*with_lines=*/false);
  if (!all.ok()) {
    readings.push_back(ReadingOf(Unreadable(request.body, Message(all.status()))));
    return readings;
  }
  for (const Fields& fields : *all)
    readings.push_back(ReadingOf(ReadOne(fields, request.body)));
  return readings;
}

}  // namespace tocsin
