// Icinga 2, in the three forms in which it reaches others:
//
//   notification commands   macros under whatever names their author chose (HOSTNAME, host.name, host_name), as JSON, a form or lines
//   the event stream        what /v1/events gives, one JSON object a line, forwarded one by one or many at a time
//   Icinga Notifications    what Icinga DB posts to /process-event: tags, a kind of event, a severity word
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#event-streams
//
// Identity: host!service in all three. State: the notification's type; hard state changes of the stream; `severity` ok of a state
// event. A soft state, a comment, a downtime, flapping say nothing that anybody must know of. Of a stream's event, `state` counts
// and not check_result.state: a host that is down (1) may have had a check that was critical (2).
#include <algorithm>
#include <map>
#include <span>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/macro_notification.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

void Identify(EventBuilder& event, std::string_view host, std::string_view service) {
  event.WholeKey(service.empty() ? std::string(host) : absl::StrCat(ToAbsl(host), "!", ToAbsl(service)));
  event.Label("alertname", service.empty() ? "Host" : service).Label("host", host).Label("service", service);
}

// As Icinga's own mails write it.
std::string WebLink(std::string_view base, std::string_view host, std::string_view service) {
  if (base.empty()) return "";
  while (base.ends_with('/'))
    base.remove_suffix(1);
  if (service.empty()) return absl::StrCat(ToAbsl(base), "/icingadb/host?name=", PercentEncode(host));
  return absl::StrCat(ToAbsl(base), "/icingadb/service?name=", PercentEncode(service),
                      "&host.name=", PercentEncode(host));
}

// ---- notification commands ----

Reading ReadCommand(Fields fields) {
  fields.StripPrefix("icinga.");
  const std::string_view host = fields.Get({"hostname", "host.name", "host", "hostdisplayname", "host.displayname"});
  if (host.empty()) return Reading::Rejected("HOSTNAME: missing");
  std::string_view service = fields.Get({"servicedesc", "servicename", "service.name", "service"});
  if (absl::EqualsIgnoreCase(ToAbsl(fields.Get({"entitytype"})), "host")) service = {};
  const std::string owner = service.empty() ? "host" : "service";
  const auto of_owner = [&](std::string_view name) {
    return fields.Get({absl::StrCat(owner, ToAbsl(name)), absl::StrCat(owner, ".", ToAbsl(name))});
  };
  std::string_view state = of_owner("state");
  if (state.empty()) state = fields.Get({"state"});
  const std::optional<MacroNotification> told =
      ReadMacroNotification(fields.Get({"notificationtype", "notification.type", "type"}), state);
  if (!told) return Reading::Rejected("NOTIFICATIONTYPE: missing");
  if (!told->kind) return Reading::Ignored(absl::StrFormat("%s says nothing about the state", told->type));
  EventBuilder event;
  Identify(event, host, service);
  event.Kind(*told->kind).Severity(ParseSeverity(told->state));
  if (const auto time = ParseAnyTime(fields.Get({"timet", "timestamp", absl::StrCat("last", owner, "statechange")}))) {
    event.StartsAt(time);
  } else {
    event.StartsAt(ParseZonedTime(fields.Get({"longdatetime", "date"})));
  }
  event.Label("hostgroup", fields.Get({"hostgroupname", "hostgroupnames"}));
  event.Label("servicegroup", fields.Get({"servicegroupname", "servicegroupnames"}));
  AddCustomLabels(fields, "", {"_SERVICE", "_HOST", "SERVICE_VARS_", "HOST_VARS_"}, event);
  std::string_view output = of_owner("output");
  if (output.empty()) output = fields.Get({"output"});
  event.Summary(MacroSummary(*told, host, service, output.substr(0, output.find('\n'))));
  event.Description(output.find('\n') == std::string_view::npos ? std::string_view() : output);
  event.Annotation("state", told->state).Annotation("notification_type", told->type);
  event.Annotation("address", fields.Get({"hostaddress", "address", "host.address", "hostaddress6"}));
  event.Annotation("author", fields.Get({"notificationauthorname", "notificationauthor", "notification.author"}));
  event.Annotation("comment", fields.Get({"notificationcomment", "notification.comment"}));
  event.Annotation("runbook_url", of_owner("notesurl"));
  event.Link(of_owner("actionurl"));
  event.Link(WebLink(fields.Get({"icingaweb2url"}), host, service));
  return std::move(event).Finish("");
}

// ---- the event stream ----

constexpr std::string_view kServiceStates[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
constexpr std::string_view kHostStates[] = {"UP", "DOWN"};

// 2, 2.0, "CRITICAL"; "" when there is none.
std::string StateWord(std::string_view state, bool is_service) {
  double number = -1;
  if (!absl::SimpleAtod(ToAbsl(state), &number)) return std::string(state);
  const std::span<const std::string_view> words =
      is_service ? std::span<const std::string_view>(kServiceStates) : std::span<const std::string_view>(kHostStates);
  if (!(number >= 0) || number >= 4) return "";
  return std::string(words[std::min(static_cast<std::size_t>(number), words.size() - 1)]);
}

bool IsStreamEvent(const Fields& fields) {
  constexpr std::string_view kTypes[] = {
      "CheckResult",       "StateChange",    "Notification",  "AcknowledgementSet", "AcknowledgementCleared",
      "CommentAdded",      "CommentRemoved", "DowntimeAdded", "DowntimeRemoved",    "DowntimeStarted",
      "DowntimeTriggered", "Flapping",       "ObjectCreated", "ObjectDeleted",      "ObjectModified"};
  return std::ranges::find(kTypes, fields.Get({"type"})) != std::end(kTypes);
}

Reading ReadStreamEvent(const Fields& fields) {
  const std::string type(fields.Get({"type"}));
  std::string notification(fields.Get({"notificationtype"}));
  const bool is_ack = type == "AcknowledgementSet";
  if (type != "StateChange" && type != "Notification" && !is_ack)
    return Reading::Ignored(absl::StrFormat("%s says nothing about the state", type));
  const std::string_view host = fields.Get({"host"});
  if (host.empty()) return Reading::Rejected("host: missing");
  const std::string_view service = fields.Get({"service"});
  std::string_view number = fields.Get({"state"});
  if (number.empty()) number = fields.Get({"checkresult.state"});
  const std::string state = StateWord(number, !service.empty());
  if (type == "StateChange") {
    if (state.empty()) return Reading::Rejected("state: missing");
    if (const std::string_view soft = fields.Get({"statetype"}); soft == "0" || soft == "0.0" || soft == "SOFT")
      return Reading::Ignored("a soft state: the check is tried again first");
    notification.clear();
  }
  const auto told = ReadMacroNotification(is_ack ? "ACKNOWLEDGEMENT" : std::string_view(notification), state);
  if (!told) return Reading::Rejected("state: missing");
  if (!told->kind) return Reading::Ignored(absl::StrFormat("%s says nothing about the state", told->type));
  EventBuilder event;
  Identify(event, host, service);
  event.Kind(*told->kind).Severity(ParseSeverity(state)).StartsAt(fields.Get({"timestamp"}));
  const std::string_view output = fields.Get({"checkresult.output"});
  event.Summary(MacroSummary(*told, host, service, output.substr(0, output.find('\n'))));
  event.Description(output.find('\n') == std::string_view::npos ? std::string_view() : output);
  event.Annotation("state", state).Annotation("notification_type", told->type);
  event.Annotation("author", fields.Get({"author"})).Annotation("comment", fields.Get({"comment", "text"}));
  event.Annotation("check_source", fields.Get({"checkresult.checksource"}));
  return std::move(event).Finish("");
}

// ---- Icinga Notifications ----

Severity SeverityOf(std::string_view word) {
  return word == "alert" ? Severity::kCritical : ParseSeverity(word);  // as syslog has it, above crit
}

// [{"name": "linux"}, {"name": "prod"}] -> linux,prod
std::string NamesOf(dom::object relations, std::string_view member) {
  std::string names;
  const std::optional<dom::element> list = Member(relations, member);
  if (!list || !list->is_array()) return names;
  for (const dom::element& one : dom::array(*list)) {
    if (!one.is_object()) continue;
    absl::StrAppend(&names, names.empty() ? "" : ",", MemberText(dom::object(one), "name"));
  }
  return names;
}

// Custom variables of the service before the host's, and the groups of both.
void AddRelations(dom::object body, EventBuilder& event) {
  const std::optional<dom::element> value = Member(body, "relations");
  if (!value || !value->is_object()) return;
  const dom::object relations(*value);
  event.Label("hostgroup", NamesOf(relations, "hostgroups"));
  event.Label("servicegroup", NamesOf(relations, "servicegroups"));
  const auto add_vars = [&](dom::element object) {
    if (!object.is_object()) return;
    for (const Label& label : MemberTexts(dom::object(object), "vars"))
      event.Label(label.name, label.value);
  };
  if (const auto services = Member(relations, "services"); services && services->is_array()) {
    for (const dom::element& service : dom::array(*services))
      add_vars(service);
  }
  if (const auto host = Member(relations, "host")) add_vars(*host);
}

Reading ReadProcessEvent(dom::object body) {
  const Labels tags = MemberTexts(body, "tags");
  const std::string type = ToLower(MemberText(body, "type"));
  const std::string severity = ToLower(MemberText(body, "severity"));
  const bool is_ack = type == "acknowledgement-set";
  if (!is_ack && !type.empty() && type != "state")
    return Reading::Ignored(absl::StrFormat("%s says nothing about the state", type));
  if (!is_ack && severity.empty()) return Reading::Rejected("severity: missing");
  EventBuilder event;
  const std::string host(Find(tags, "host"));
  const std::string service(Find(tags, "service"));
  if (!host.empty()) {
    Identify(event, host, service);
  } else {
    std::map<std::string_view, std::string_view> sorted;
    for (const Label& tag : tags)
      sorted[tag.name] = tag.value;
    event.WholeKey(absl::StrJoin(sorted, ",",
                                 absl::PairFormatter([](std::string* out, std::string_view s) { out->append(s); }, "=",
                                                     [](std::string* out, std::string_view s) { out->append(s); })));
    event.Label("alertname", MemberText(body, "name"));
  }
  event.Kind(is_ack ? EventKind::kAcknowledge : severity == "ok" ? EventKind::kResolve : EventKind::kTrigger);
  event.Severity(SeverityOf(severity)).Link(MemberText(body, "url"));
  for (const Label& tag : tags)
    event.Label(tag.name, tag.value);
  AddRelations(body, event);
  const std::string message = MemberText(body, "message");
  event.Summary(
      absl::StrCat(MemberText(body, "name"), message.empty() ? "" : ": ", message.substr(0, message.find('\n'))));
  event.Description(message.find('\n') == std::string::npos ? "" : message);
  event.Annotation("status", severity).Annotation("author", MemberText(body, "username"));
  return std::move(event).Finish("tags: missing or empty");
}

// ---- all three ----

Reading ReadOne(Fields fields) {
  if (const std::string_view error = fields.Get({"error"});
      !error.empty() && fields.Get({"host", "hostname"}).empty()) {
    return Reading::Rejected(
        absl::StrFormat("the event stream has ended with error %s: %s", error, fields.Get({"status"})));
  }
  return IsStreamEvent(fields) ? ReadStreamEvent(fields) : ReadCommand(std::move(fields));
}

Reading ReadElement(dom::element value) {
  if (!value.is_object())
    return Reading::Rejected(absl::StrFormat("expected an object, found %s", JsonTypeName(value)));
  const dom::object body(value);
  if (const auto tags = Member(body, "tags"); tags && tags->is_object() && !Member(body, "notification_type"))
    return ReadProcessEvent(body);
  return ReadOne(Fields::FromJson(body));
}

// The stream itself: a line that is broken spoils no other.
Readings ReadLines(std::string_view body) {
  Readings readings;
  while (!body.empty() && readings.size() <= limits::kEventsPerBatch) {  // WithStandIns says so
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = Trim(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.empty()) continue;
    const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(line, JsonReader::Manner::kLenient);
    readings.push_back(document.ok() ? ReadElement(*document)
                                     : Reading::Rejected(absl::StrFormat("line %d: %s", readings.size() + 1,
                                                                         Message(document.status()))));
  }
  return readings;
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  if (!LooksLikeJson(request.body)) return ReadEachFields(request, /*with_lines=*/true, ReadOne);
  Readings readings;
  const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient);
  if (!document.ok()) {
    const std::string_view body = Trim(request.body);
    const std::size_t line = body.find('\n');
    if (line == std::string_view::npos || !LooksLikeJson(body.substr(line))) return document.status();
    return ReadLines(body);
  }
  if (!document->is_array()) return Readings{ReadElement(*document)};
  for (const dom::element& value : dom::array(*document))
    readings.push_back(ReadElement(value));
  return readings;
}

}  // namespace

const Source kIcinga2Source = {
    .name = "icinga2",
    .also = "icinga",
    .product = "Icinga 2",
    .parse = Parse,
    .example =
        R"({"notification_type":"PROBLEM","host_name":"db1","service_name":"disk","service_state":"CRITICAL","service_output":"97% used"})",
    .setup =
        R"(A user whose notifications `tocsin notify-icinga2` sends; it keeps them while the server cannot be reached. Save the file below, which
says where.

What forwards Icinga's event stream, line by line, posts to {url})",
};

}  // namespace tocsin
