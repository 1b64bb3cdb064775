// Opsgenie's outgoing webhooks, for teams that move over bit by bit.
// https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/
//
// Identity: alertId, the one thing that every action carries. State: the action. Notes, owners, tags, escalations and actions of
// people's own say nothing about it. createdAt is in milliseconds, updatedAt in nanoseconds; the priority is P3 or 3.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

struct Word {
  std::string_view word;
  EventKind kind;
};

constexpr Word kActions[] = {
    {"create",        EventKind::kTrigger    },
    {"unacknowledge", EventKind::kTrigger    },
    {"acknowledge",   EventKind::kAcknowledge},
    {"close",         EventKind::kResolve    },
    {"delete",        EventKind::kResolve    },
};

Severity SeverityOf(const std::string& priority) {
  const bool is_number = priority.size() == 1 && priority[0] >= '1' && priority[0] <= '5';
  return ParseSeverity(is_number ? "P" + priority : priority);
}

Reading ReadOne(const JsonView& body) {
  const std::string action = body.Text("action");
  const JsonView alert = body.At("alert");
  const std::string lower = ToLower(action);
  const auto* known = std::ranges::find(kActions, std::string_view(lower), &Word::word);
  if (action.empty()) return Reading::Rejected("action: missing");
  if (known == std::end(kActions))
    return Reading::Ignored(absl::StrCat(action, " says nothing about an alert's state"));
  const std::string id = alert.First({"alertId", "id"});
  EventBuilder builder;
  if (!id.empty()) {
    builder.Key({"alert", id});
  } else if (const std::string alias = alert.Text("alias"); !alias.empty()) {
    builder.Key({"alias", alias});
  }
  builder.Kind(known->kind).Severity(SeverityOf(alert.Text("priority")));
  builder.Label("alertname", alert.Text("message"))
      .Label("entity", alert.Text("entity"))
      .Label("alias", alert.Text("alias"))
      .Label("team", alert.Joined("teams", "name"));
  AddTags(builder, alert.Joined("tags"));
  AddDetails(builder, alert.At("details"));
  builder.Summary(alert.Text("message"))
      .Description(alert.Text("description"))
      .Annotation("source", alert.Text("source"))
      .Annotation("tiny_id", alert.Text("tinyId"))
      .Annotation("owner", alert.Text("owner"))
      .Annotation("user", alert.Text("username"));
  if (!id.empty()) builder.Link(absl::StrCat("https://app.opsgenie.com/alert/detail/", id, "/details"));
  builder.StartsAt(alert.Text("createdAt"));
  if (known->kind == EventKind::kResolve) builder.EndsAt(ParseAnyTime(alert.Text("updatedAt")));
  return std::move(builder).Finish("neither alert.alertId nor alert.alias has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kOpsgenieWebhooksSource = {
    .name = "opsgenie_webhooks",
    .product = "Opsgenie's webhooks",
    .parse = Parse,
    .example =
        R"({"action":"Create","alert":{"alertId":"052652ac-5d1c-464a-812a-7dd18bbfba8c","message":"Shop is down","priority":"P1"}})",
    .setup =
        R"(Settings > Integrations > Webhook: this URL, for the actions Create, Acknowledge, UnAcknowledge, Close and Delete.

Webhook URL  {url}

Senders that speak Opsgenie's Alert API go to a door of the source "opsgenie" instead.)",
};

}  // namespace tocsin
