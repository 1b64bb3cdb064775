// Graylog's HTTP notification: events of version 3 and later, and stream alerts of version 2.
// https://go2docs.graylog.org/current/interacting_with_your_log_data/notifications.html
//
// Identity: the event's definition and its key, or what it is grouped by; the event's id is new each time. Version 2: stream and condition.
// State: Graylog says when something happens and never that it is over: somebody resolves it here, or the integration's lease or its
// route's auto_close does. Only version 2 may say `triggered` false.
// Severity: priority 1 low, 2 normal, 3 high, 4 critical.
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr int kMostMessages = 5;  // of a backlog that are told

Severity SeverityOf(std::string_view priority) {
  if (priority.starts_with('1')) return Severity::kLow;
  if (priority.starts_with('2')) return Severity::kWarning;
  if (priority.starts_with('3')) return Severity::kHigh;
  if (priority.starts_with('4')) return Severity::kCritical;
  return ParseSeverity(priority);
}

std::optional<dom::object> ObjectMember(dom::object body, std::string_view name) {
  const std::optional<dom::element> value = Member(body, name);
  if (!value || !value->is_object()) return std::nullopt;
  return dom::object(*value);
}

// The first messages of a list of them, one a line.
std::string MessagesText(dom::object body, std::string_view name) {
  std::string text;
  const std::optional<dom::element> list = Member(body, name);
  if (!list || !list->is_array()) return text;
  int told = 0;
  for (const dom::element& value : dom::array(*list)) {
    if (!value.is_object() || ++told > kMostMessages) continue;
    const dom::object message(value);
    const std::string from = MemberText(message, "source");
    absl::StrAppend(&text, text.empty() ? "" : "\n", from, from.empty() ? "" : ": ", MemberText(message, "message"));
  }
  return text;
}

// group_by_fields, sorted, as they are part of the identity: {"host": "a"} -> host=a
std::string GroupText(dom::object event) {
  std::map<std::string, std::string> sorted;
  for (const Label& label : MemberTexts(event, "group_by_fields"))
    sorted[label.name] = label.value;
  std::string text;
  for (const auto& [name, value] : sorted)
    absl::StrAppend(&text, text.empty() ? "" : ",", name, "=", value);
  return text;
}

Reading ReadEvent(dom::object body, dom::object inner) {
  const Fields fields = Fields::FromJson(body);
  const std::string_view definition = fields.Get({"eventdefinitionid", "event.eventdefinitionid"});
  const std::string_view title = fields.Get({"eventdefinitiontitle", "event.message", "event.eventdefinitiontitle"});
  std::string key(fields.Get({"event.key"}));
  if (const std::string group = GroupText(inner); !group.empty()) key = group;
  EventBuilder event;
  if (const std::string_view id = definition.empty() ? title : definition; !id.empty()) event.Key({id, key});
  event.Severity(SeverityOf(fields.Get({"event.priority"})));
  event.StartsAt(fields.Get({"event.timestamp", "event.timestampprocessing"}));
  event.Label("alertname", title.empty() ? "Graylog event" : title);
  for (const std::string_view member : {"group_by_fields", "fields"}) {
    for (const Label& label : MemberTexts(inner, member))
      event.Label(label.name, label.value);
  }
  event.Label("source", fields.Get({"event.source"})).Label("key", fields.Get({"event.key"}));
  event.Summary(fields.Get({"event.message", "eventdefinitiontitle"}));
  event.Description(fields.Get({"eventdefinitiondescription"}));
  event.Annotation("messages", MessagesText(body, "backlog"))
      .Annotation("query", fields.Get({"event.replayinfo.query"}));
  event.Annotation("event_id", fields.Get({"event.id"}))
      .Annotation("runbook_url", fields.Get({"event.remediationsteps"}));
  event.Link(fields.Get({"eventurl", "url", "link", "event.replayinfo.url"}));
  return std::move(event).Finish("neither event_definition_id nor event_definition_title has a value");
}

Reading ReadStreamAlert(dom::object body, dom::object check) {
  const Fields fields = Fields::FromJson(body);
  const std::string_view stream = fields.Get({"stream.id", "stream.title"});
  const std::string_view title = fields.Get({"stream.title"});
  EventBuilder event;
  event.Key({stream, fields.Get({"checkresult.triggeredcondition.id", "checkresult.triggeredcondition.type"})});
  event.Kind(fields.Get({"checkresult.triggered"}) == "false" ? EventKind::kResolve : EventKind::kTrigger);
  event.StartsAt(fields.Get({"checkresult.triggeredat"}));
  const std::string_view condition =
      fields.Get({"checkresult.triggeredcondition.title", "checkresult.triggeredcondition.type"});
  event.Label("alertname", !condition.empty() ? condition : !title.empty() ? title : "Graylog stream alert");
  event.Label("stream", title);
  event.Summary(
      absl::StrCat(ToAbsl(title), title.empty() ? "" : ": ", ToAbsl(fields.Get({"checkresult.resultdescription"}))));
  event.Description(MessagesText(check, "matching_messages"));
  event.Annotation("condition", fields.Get({"checkresult.triggeredcondition.description"}));
  event.Link(fields.Get({"streamurl", "url", "link"}));
  return std::move(event).Finish("neither stream.id nor check_result.triggered_condition.id has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  if (Trim(request.body).empty()) return Invalid("the body is empty");
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  const dom::object body(document);
  if (const auto check = ObjectMember(body, "check_result")) return Readings{ReadStreamAlert(body, *check)};
  if (const auto event = ObjectMember(body, "event")) return Readings{ReadEvent(body, *event)};
  return Invalid("neither event (Graylog 3 and later) nor check_result (Graylog 2) is there");
}

}  // namespace

const Source kGraylogSource = {
    .name = "graylog",
    .product = "Graylog",
    .parse = Parse,
    .example =
        R"({"event_definition_id":"671a28a0","event_definition_title":"Too many errors","event":{"priority":3,"message":"Too many errors","timestamp":"2024-10-24T10:22:04.556Z"}})",
    .setup =
        R"(Alerts > Notifications > Create: type HTTP Notification, this URL (allow it under System > Configurations > URL Whitelist), then add it to
your event definitions.

URL  {url}

Graylog does not say when an event is over: give the integration a `lease`, or its route `auto_close`, that fits your events.)",
};

}  // namespace tocsin
