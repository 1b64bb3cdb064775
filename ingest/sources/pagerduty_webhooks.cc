// PagerDuty's webhooks about its incidents: v3 subscriptions, v2 extensions, and v1. For teams that move over service by service.
// https://developer.pagerduty.com/docs/webhooks-overview
//
// Identity: the incident, by the same id in all three; `event.id` and `messages[].id` are one delivery's. State: the event's type. What
// people do beside that (assign, annotate, escalate) says nothing new. Severity: the priority when the account has them, else the
// urgency.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct Word {
  std::string_view word;
  EventKind kind;
};

// v3 says incident.triggered, the others incident.trigger.
constexpr Word kWords[] = {
    {"trigger",        EventKind::kTrigger    },
    {"triggered",      EventKind::kTrigger    },
    {"reopened",       EventKind::kTrigger    },
    {"unacknowledge",  EventKind::kTrigger    },
    {"unacknowledged", EventKind::kTrigger    },
    {"acknowledge",    EventKind::kAcknowledge},
    {"acknowledged",   EventKind::kAcknowledge},
    {"resolve",        EventKind::kResolve    },
    {"resolved",       EventKind::kResolve    },
};

std::optional<EventKind> KindOf(std::string_view type) {
  constexpr std::string_view kPrefix = "incident.";
  if (!type.starts_with(kPrefix)) return std::nullopt;
  const auto* found = std::ranges::find(kWords, type.substr(kPrefix.size()), &Word::word);
  return found == std::end(kWords) ? std::nullopt : std::optional(found->kind);
}

Reading ReadIncident(const std::string& raw_type, const JsonView& incident, const std::string& at) {
  const std::string type = ToLower(raw_type);
  const std::optional<EventKind> kind = KindOf(type);
  if (!kind && type.empty()) return Reading::Rejected("event_type: missing");
  if (!kind) return Reading::Ignored(absl::StrCat(raw_type, " says nothing about an incident's state"));
  EventBuilder builder;
  if (const std::string id = incident.Text("id"); !id.empty()) builder.Key({"incident", id});
  const std::string urgency = incident.Text("urgency");
  const Severity priority = ParseSeverity(incident.First({"priority.summary", "priority.name", "priority"}));
  builder.Kind(*kind).Severity(priority == Severity::kUnknown ? ParseSeverity(urgency) : priority);
  const std::string title = incident.First(
      {"title", "trigger_summary_data.subject", "trigger_summary_data.description", "description", "summary"});
  builder.Label("alertname", title)
      .Label("service", incident.First({"service.name", "service.summary"}))
      .Label("team", incident.Joined("teams", "summary"))
      .Label("urgency", urgency)
      .Label("priority", incident.First({"priority.summary", "priority.name"}))
      .Label("escalation_policy", incident.First({"escalation_policy.summary", "escalation_policy.name"}));
  builder.Summary(title)
      .Annotation("status", incident.Text("status"))
      .Annotation("number", incident.First({"number", "incident_number"}))
      .Annotation("incident_key", incident.Text("incident_key"))
      .Annotation("assignees", incident.Joined("assignees", "summary"))
      .Annotation("resolve_reason", incident.First({"resolve_reason.type", "resolve_reason"}));
  builder.Link(incident.Text("html_url")).StartsAt(incident.First({"created_at", "created_on"}));
  if (*kind == EventKind::kTrigger)
    builder.StartsAt(builder.event().starts_at ? builder.event().starts_at : ParseAnyTime(at));
  if (*kind == EventKind::kResolve) builder.EndsAt(ParseAnyTime(at));
  return std::move(builder).Finish("the incident has no id");
}

// v2: {"event": "incident.trigger", "incident": {...}}; v1: {"type": "incident.trigger", "data": {"incident": {...}}}.
Reading ReadMessage(const JsonView& message) {
  const JsonView incident = message.At("incident") ? message.At("incident") : message.At("data.incident");
  if (!incident) return Reading::Rejected("messages: neither incident nor data.incident is there");
  std::string at = incident.First({"last_status_change_at", "last_status_change_on"});
  if (at.empty()) at = message.Text("created_on");
  return ReadIncident(message.First({"event", "type"}), incident, at);
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  absl::StatusOr<JsonView> document = ReadDocument(request);
  if (!document.ok()) return document.status();
  Readings readings;
  for (const JsonView& message : document->At("messages").Items())
    readings.push_back(ReadMessage(message));
  if (const JsonView event = document->At("event"); event.IsObject()) {
    if (event.Text("event_type") == "pagey.ping")
      return Readings{Reading::Ignored("PagerDuty's test of the connection")};
    readings.push_back(ReadIncident(event.Text("event_type"), event.At("data"), event.Text("occurred_at")));
  }
  if (readings.empty()) readings.push_back(Reading::Rejected("neither event (v3) nor messages (v2, v1) is there"));
  return readings;
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckHmac(request, {.name = "X-PagerDuty-Signature", .prefix = "v1=", .is_list = true}, secret);
}

}  // namespace

const Source kPagerdutyWebhooksSource = {
    .name = "pagerduty_webhooks",
    .product = "PagerDuty's webhooks",
    .parse = Parse,
    .verify = Verify,
    .example =
        R"({"event":{"event_type":"incident.triggered","occurred_at":"2026-11-21T10:00:00Z","data":{"id":"PFQZPSY","type":"incident","title":"Shop is down","urgency":"high"}}})",
    .setup =
        R"(Integrations > Generic Webhooks (v3) > New Webhook:

Webhook URL         {url}
Event Subscription  incident.triggered, incident.acknowledged, incident.unacknowledged, incident.reopened, incident.resolved

PagerDuty shows the webhook's secret once: it is the integration's secret here. Senders that speak PagerDuty's Events API go to a door
of the source "pagerduty" instead.)",
};

}  // namespace tocsin
