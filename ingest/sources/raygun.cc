// Raygun's webhooks. https://raygun.com/documentation/product-guides/integrations/webhooks/
//
// Identity: the error's address (Raygun sends no id), else application and message. State: new, repeated and follow-up notices fire;
// of what people do to an error only its status counts: Resolved and Ignored end it, Active fires again. There is no severity.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

std::string WithoutQuery(std::string_view url) {
  return std::string(url.substr(0, url.find_first_of("?#")));
}

// nullopt: nothing about a state.
std::optional<EventKind> KindOf(const std::string& type, const std::string& status) {
  if (type == "assignedtouser" || type == "commentadded") return std::nullopt;
  if (type != "statuschanged") return EventKind::kTrigger;
  const bool is_over = status == "resolved" || absl::EndsWith(status, "ignored");
  return is_over ? EventKind::kResolve : EventKind::kTrigger;
}

Reading ReadOne(const JsonView& body) {
  const JsonView error = body.At("error");
  const std::string type = body.Text("eventType");
  if (!error) return Reading::Rejected("error: missing");
  const std::string status = error.Text("status");
  const std::optional<EventKind> kind = KindOf(ToLower(type), ToLower(status));
  if (!kind) return Reading::Ignored(absl::StrCat(type, " does not change an error's state"));
  const std::string application = body.Text("application.name");
  const std::string message = error.First({"message", "className"});
  EventBuilder builder;
  if (const std::string url = error.First({"url", "id"}); !url.empty()) {
    builder.Key({WithoutQuery(url)});
  } else {
    builder.Key({application, message});
  }
  builder.Kind(*kind).Link(error.Text("url")).Link(body.Text("application.url"));
  builder.Label("alertname", message.empty() ? "Raygun error" : message).Label("application", application);
  AddTags(builder, error.Joined("instance.tags"));
  builder.Summary(message)
      .Summary(error.Text("description"))
      .Summary(absl::StrCat("an error in ", application))
      .Description(error.Text("description"))
      .Annotation("event", type)
      .Annotation("status", status)
      .Annotation("user", error.Text("user"))
      .Annotation("users_affected", error.Text("usersAffected"))
      .Annotation("total_occurrences", error.Text("totalOccurrences"));
  builder.StartsAt(error.Text("firstOccurredOn"));
  if (*kind == EventKind::kResolve) builder.EndsAt(ParseAnyTime(error.Text("activityDate")));
  return std::move(builder).Finish("neither error.url nor error.message has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kRaygunSource = {
    .name = "raygun",
    .product = "Raygun",
    .parse = Parse,
    .example =
        R"({"event":"error_notification","eventType":"NewErrorOccurred","error":{"url":"https://app.raygun.com/error/1","message":"Script Error"},"application":{"name":"Shop"}})",
    .setup = R"(Integrations > Webhook: this URL, for error notifications and error activity.

URL  {url})",
};

}  // namespace tocsin
