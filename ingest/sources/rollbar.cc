// Rollbar's webhooks. https://docs.rollbar.com/docs/webhooks
//
// Identity: the item's id (else its counter within its project). Each occurrence has a uuid of its own, which is none.
// State: a new, repeated (10^nth), reactivated or reopened item fires, a resolved one ends. Single occurrences, their rate, tests and
// deploys say nothing about the state of an item. Levels are numbers (10 debug to 50 critical) or words.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

Severity SeverityOf(const std::string& level) {
  constexpr std::pair<std::string_view, Severity> kLevels[] = {
      {"10", Severity::kInfo    },
      {"20", Severity::kInfo    },
      {"30", Severity::kWarning },
      {"40", Severity::kHigh    },
      {"50", Severity::kCritical},
  };
  for (const auto& [number, severity] : kLevels) {
    if (level == number) return severity;
  }
  return ParseSeverity(level);
}

// nullopt: nothing about an item's state. Events that we have never heard of are told to people.
std::optional<EventKind> KindOf(const std::string& event) {
  if (event == "resolved_item") return EventKind::kResolve;
  for (const std::string_view stateless : {"occurrence", "item_velocity", "test", "deploy", "comment", "assigned"}) {
    if (event == stateless) return std::nullopt;
  }
  return EventKind::kTrigger;
}

std::string TextOf(const JsonView& occurrence) {
  return occurrence.First({"body.message.body", "body.trace.exception.message", "body.trace.exception.description",
                           "body.crash_report.raw"});
}

Reading ReadOne(const JsonView& body) {
  const std::string event = ToLower(body.Text("event_name"));
  const JsonView data = body.At("data");
  if (event.empty() && !data) return Reading::Rejected("event_name: missing");
  const std::optional<EventKind> kind = KindOf(event);
  if (!kind) return Reading::Ignored(absl::StrCat(event, " says nothing about an item's state"));
  const JsonView item = data.At("item");
  const JsonView occurrence = item.At("last_occurrence") ? item.At("last_occurrence") : data.At("occurrence");
  EventBuilder builder;
  if (const std::string id = item.Text("id"); !id.empty()) {
    builder.Key({"item", id});
  } else if (const std::string counter = item.Text("counter"); !counter.empty()) {
    builder.Key({"project", item.Text("project_id"), counter});
  }
  const std::string level = item.First({"level", "last_occurrence.level"});
  const std::string title = item.First({"title", "last_occurrence.title"});
  builder.Kind(*kind).Severity(SeverityOf(level.empty() ? occurrence.Text("level") : level));
  builder.Label("alertname", title.empty() ? TextOf(occurrence) : title)
      .Label("environment", item.Text("environment"))
      .Label("environment", occurrence.Text("environment"))
      .Label("project", item.First({"project.name", "project_id"}))
      .Label("host", occurrence.First({"server.host", "server.hostname"}))
      .Label("language", occurrence.Text("language"));
  builder.Summary(title)
      .Summary(TextOf(occurrence))
      .Description(TextOf(occurrence))
      .Annotation("event", event)
      .Annotation("total_occurrences", item.Text("total_occurrences"))
      .Annotation("item", item.Text("counter"));
  builder.Link(data.Text("url")).Link(item.First({"public_url", "url"}));
  if (const std::string uuid = occurrence.Text("uuid"); !uuid.empty())
    builder.Link("https://rollbar.com/item/uuid/?uuid=" + uuid);
  builder.StartsAt(item.First({"last_activated_timestamp", "first_occurrence_timestamp"}));
  return std::move(builder).Finish("data.item.id: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kRollbarSource = {
    .name = "rollbar",
    .product = "Rollbar",
    .parse = Parse,
    .example =
        R"({"event_name":"new_item","data":{"item":{"id":496445267,"title":"An Error","level":40,"environment":"production"}}})",
    .setup =
        R"(Project > Settings > Notifications > Webhook: this URL, then rules for New Item, Reactivated, Reopened and Resolved.

URL  {url})",
};

}  // namespace tocsin
