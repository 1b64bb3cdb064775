#include "ingest/opsgenie_alert.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "base/limits.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kCreateExample = R"({"message":"disk is full","alias":"web-3/disk","priority":"P1"})";
constexpr std::size_t kAlertnameBytes = 256;
constexpr std::size_t kDetailLabelBytes = 256;  // longer ones are for people
constexpr std::size_t kDetailLabels =
    48;  // with those of the integration and of the alert itself no more than an alert may have

// A body, or nothing where none is needed.
struct Body {
  std::optional<dom::object> object;
  OpsgenieFault fault;

  std::optional<dom::element> Find(std::string_view name) const {
    return object ? Member(*object, name) : std::nullopt;
  }
  std::string Text(std::string_view name) const { return object ? std::string(Trim(MemberText(*object, name))) : ""; }
};

Body ReadBody(std::string_view text, std::string_view example) {
  Body body;
  if (Trim(text).empty()) return body;
  const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(text, JsonReader::Manner::kLenient);
  if (document.ok() && document->is_object()) {
    body.object = dom::object(*document);
  } else {
    body.fault = {400, "body", document.ok() ? "it is no JSON object" : std::string(ToStd(document.status().message())),
                  example};
  }
  return body;
}

OpsgenieFault Missing(std::string_view field, std::string_view example) {
  return {422, std::string(field), absl::StrCat(ToAbsl(field), " can not be empty"), example};
}

// An array of texts, or one text with commas between.
std::vector<std::string> ReadTexts(std::optional<dom::element> value) {
  std::vector<std::string> texts;
  const auto add = [&](std::string_view text) {
    if (text = Trim(text); !text.empty()) texts.emplace_back(text);
  };
  if (value && value->is_array()) {
    for (const dom::element each : dom::array(*value))
      add(JsonText(each));
  } else if (value) {
    for (const auto part : absl::StrSplit(JsonText(*value), ','))
      add(ToStd(part));
  }
  return texts;
}

// {"type":"team","name":"ops"}; a bare text is a name.
OpsgenieResponder ReadResponder(dom::element value, std::string_view usual_type) {
  OpsgenieResponder responder;
  if (!value.is_object()) {
    responder.name = Trim(JsonText(value));
  } else {
    const dom::object object(value);
    responder.type = ToLower(Trim(MemberText(object, "type")));
    responder.id = Trim(MemberText(object, "id"));
    responder.name = Trim(MemberText(object, "name"));
    if (responder.name.empty()) {
      responder.name = Trim(MemberText(object, "username"));
      if (responder.type.empty() && !responder.name.empty()) responder.type = "user";
    }
  }
  if (responder.type.empty()) responder.type = usual_type;
  return responder;
}

bool NamesSomebody(const OpsgenieResponder& responder) {
  return !responder.id.empty() || !responder.name.empty();
}

std::vector<OpsgenieResponder> ReadResponders(std::optional<dom::element> value, std::string_view usual_type) {
  std::vector<OpsgenieResponder> responders;
  if (!value || !value->is_array()) return responders;
  for (const dom::element each : dom::array(*value)) {
    OpsgenieResponder responder = ReadResponder(each, usual_type);
    if (NamesSomebody(responder)) responders.push_back(std::move(responder));
  }
  return responders;
}

std::vector<Label> ReadDetails(std::optional<dom::element> value) {
  std::vector<Label> details;
  if (!value || !value->is_object()) return details;
  for (const dom::key_value_pair& member : dom::object(*value)) {
    if (!Trim(member.key).empty()) details.push_back({std::string(Trim(member.key)), JsonText(member.value)});
  }
  return details;
}

std::optional<std::uint8_t> ReadPriority(std::string_view text) {
  if (text.size() != 2 || (text[0] != 'P' && text[0] != 'p') || text[1] < '1' || text[1] > '5') return std::nullopt;
  return static_cast<std::uint8_t>(text[1] - '0');
}

// The members that every request may have.
OpsgenieCall Begin(const Body& body) {
  return {.action = opsgenie::AddNote{},
          .user = body.Text("user"),
          .source = body.Text("source"),
          .note = body.Text("note"),
          .fault = body.fault};
}

template <typename Action>
void ReadPlain(const Body&, OpsgenieCall& call) {
  call.action = Action{};
}

void ReadSnooze(const Body& body, OpsgenieCall& call) {
  constexpr std::string_view kExample = R"({"endTime":"2026-11-21T20:00:00Z"})";
  const absl::StatusOr<std::optional<absl::Time>> until = ParseTimestamp(body.Text("endTime"));
  if (!until.ok()) {
    call.fault = {422, "endTime", std::string(ToStd(until.status().message())), kExample};
  } else if (!until->has_value()) {
    call.fault = Missing("endTime", kExample);
  } else {
    call.action = opsgenie::Snooze{**until};
  }
}

std::optional<OpsgenieResponder> ReadNamed(
    const Body& body, std::string_view member, std::string_view type, OpsgenieCall& call, std::string_view example) {
  const std::optional<dom::element> value = body.Find(member);
  OpsgenieResponder responder = value ? ReadResponder(*value, type) : OpsgenieResponder();
  if (NamesSomebody(responder)) return responder;
  call.fault = Missing(member, example);
  return std::nullopt;
}

void ReadEscalate(const Body& body, OpsgenieCall& call) {
  auto to = ReadNamed(body, "escalation", "escalation", call, R"({"escalation":{"name":"ops_escalation"}})");
  if (to) call.action = opsgenie::Escalate{*std::move(to)};
}
void ReadAssign(const Body& body, OpsgenieCall& call) {
  auto owner = ReadNamed(body, "owner", "user", call, R"({"owner":{"username":"ann@example.com"}})");
  if (owner) call.action = opsgenie::Assign{*std::move(owner)};
}
void ReadAddResponder(const Body& body, OpsgenieCall& call) {
  auto one = ReadNamed(body, "responder", "team", call, R"({"responder":{"type":"team","name":"ops"}})");
  if (one) call.action = opsgenie::AddResponder{*std::move(one)};
}
void ReadAddTeam(const Body& body, OpsgenieCall& call) {
  auto one = ReadNamed(body, "team", "team", call, R"({"team":{"name":"ops"}})");
  if (!one) return;
  one->type = "team";
  call.action = opsgenie::AddResponder{*std::move(one)};
}
void ReadNote(const Body&, OpsgenieCall& call) {
  if (call.note.empty()) call.fault = Missing("note", R"({"note":"the disk was replaced"})");
  call.action = opsgenie::AddNote{};
}
void ReadAddTags(const Body& body, OpsgenieCall& call) {
  std::vector<std::string> tags = ReadTexts(body.Find("tags"));
  if (tags.empty()) call.fault = Missing("tags", R"({"tags":["database","eu"]})");
  call.action = opsgenie::AddTags{std::move(tags)};
}
void ReadAddDetails(const Body& body, OpsgenieCall& call) {
  std::vector<Label> details = ReadDetails(body.Find("details"));
  if (details.empty()) call.fault = Missing("details", R"({"details":{"rack":"12"}})");
  call.action = opsgenie::AddDetails{std::move(details)};
}
void ReadMessage(const Body& body, OpsgenieCall& call) {
  std::string message = body.Text("message");
  if (message.empty()) call.fault = Missing("message", R"({"message":"disk is full"})");
  call.action = opsgenie::SetMessage{std::move(message)};
}
void ReadDescription(const Body& body, OpsgenieCall& call) {
  std::string description = body.Text("description");
  if (description.empty()) call.fault = Missing("description", R"({"description":"97% of /var is used"})");
  call.action = opsgenie::SetDescription{std::move(description)};
}
void ReadSetPriority(const Body& body, OpsgenieCall& call) {
  const std::optional<std::uint8_t> priority = ReadPriority(body.Text("priority"));
  if (!priority)
    call.fault = {422, "priority", "priority should be one of [P1, P2, P3, P4, P5]", R"({"priority":"P2"})"};
  call.action = opsgenie::SetPriority{priority.value_or(3)};
}

struct Verb {
  std::string_view word;
  HttpMethod method;
  void (*read)(const Body& body, OpsgenieCall& call);
};
constexpr Verb kVerbs[] = {
    {"close",         HttpMethod::kPost, ReadPlain<opsgenie::Close>        },
    {"acknowledge",   HttpMethod::kPost, ReadPlain<opsgenie::Acknowledge>  },
    {"unacknowledge", HttpMethod::kPost, ReadPlain<opsgenie::Unacknowledge>},
    {"snooze",        HttpMethod::kPost, ReadSnooze                        },
    {"escalate",      HttpMethod::kPost, ReadEscalate                      },
    {"assign",        HttpMethod::kPost, ReadAssign                        },
    {"notes",         HttpMethod::kPost, ReadNote                          },
    {"tags",          HttpMethod::kPost, ReadAddTags                       },
    {"details",       HttpMethod::kPost, ReadAddDetails                    },
    {"responders",    HttpMethod::kPost, ReadAddResponder                  },
    {"teams",         HttpMethod::kPost, ReadAddTeam                       },
    {"message",       HttpMethod::kPut,  ReadMessage                       },
    {"description",   HttpMethod::kPut,  ReadDescription                   },
    {"priority",      HttpMethod::kPut,  ReadSetPriority                   },
};
// Of GET alone.
constexpr std::string_view kReadVerbs[] = {"recipients", "logs", "attachments"};

std::vector<std::string> ListOf(std::string_view query, std::string_view name) {
  std::vector<std::string> texts;
  for (const auto part : absl::StrSplit(QueryValue(query, name).value_or(""), ',')) {
    if (const std::string_view text = Trim(ToStd(part)); !text.empty()) texts.emplace_back(text);
  }
  return texts;
}

// DELETE has no body: all of it stands in the query.
std::optional<OpsgenieCall> ReadDelete(std::string_view verb, std::string_view query) {
  OpsgenieCall call{.action = opsgenie::Delete{},
                    .user = QueryValue(query, "user").value_or(""),
                    .source = QueryValue(query, "source").value_or(""),
                    .note = QueryValue(query, "note").value_or(""),
                    .fault = {}};
  if (verb == "tags") {
    std::vector<std::string> tags = ListOf(query, "tags");
    if (tags.empty()) call.fault = Missing("tags", "?tags=database,eu");
    call.action = opsgenie::RemoveTags{std::move(tags)};
  } else if (verb == "details") {
    std::vector<std::string> names = ListOf(query, "keys");
    if (names.empty()) call.fault = Missing("keys", "?keys=rack,row");
    call.action = opsgenie::RemoveDetails{std::move(names)};
  } else if (!verb.empty()) {
    return std::nullopt;
  }
  return call;
}

OpsgenieCall Creation(const Body& body) {
  OpsgenieCall call = Begin(body);
  OpsgenieAlert alert;
  alert.message = body.Text("message");
  if (alert.message.empty()) call.fault = Missing("message", kCreateExample);
  alert.alias = body.Text("alias");
  alert.description = body.Text("description");
  alert.tags = ReadTexts(body.Find("tags"));
  alert.details = ReadDetails(body.Find("details"));
  alert.entity = body.Text("entity");
  alert.source = call.source;
  alert.user = call.user;
  alert.priority = ReadPriority(body.Text("priority")).value_or(3);
  alert.responders = ReadResponders(body.Find("responders"), "team");
  for (OpsgenieResponder& team : ReadResponders(body.Find("teams"), "team"))
    alert.responders.push_back(std::move(team));
  alert.visible_to = ReadResponders(body.Find("visibleTo"), "team");
  alert.actions = ReadTexts(body.Find("actions"));
  Bound(alert);
  call.action = opsgenie::Create{std::move(alert), /*renews=*/false};
  return call;
}

}  // namespace

OpsgenieCall ReadOpsgenieCreate(std::string_view text) {
  const Body body = ReadBody(text, kCreateExample);
  return body.fault.any() ? Begin(body) : Creation(body);
}

OpsgenieCall ReadOpsgenieCreate(dom::object object) {
  return Creation({.object = object, .fault = {}});
}

bool IsOpsgenieVerb(std::string_view word) {
  return std::ranges::find(kVerbs, word, &Verb::word) != std::end(kVerbs) ||
         std::ranges::find(kReadVerbs, word) != std::end(kReadVerbs);
}

std::optional<OpsgenieCall> ReadOpsgenieVerb(
    HttpMethod method, std::string_view verb, std::string_view name, std::string_view text, std::string_view query) {
  if (method == HttpMethod::kDelete) return ReadDelete(verb, query);
  const Body body = ReadBody(text, "{}");
  OpsgenieCall call = Begin(body);
  if (verb == "actions" && method == HttpMethod::kPost && !name.empty()) {
    call.action = opsgenie::RunAction{std::string(name)};
    return call;
  }
  // Setting a field is PUT; some clients say POST or PATCH.
  const bool sets = method == HttpMethod::kPost || method == HttpMethod::kPut || method == HttpMethod::kPatch;
  const auto* found = std::ranges::find(kVerbs, verb, &Verb::word);
  if (found == std::end(kVerbs) || !(found->method == HttpMethod::kPut ? sets : method == HttpMethod::kPost))
    return std::nullopt;
  if (!call.fault.any()) found->read(body, call);
  return call;
}

OpsgenieNetdata ReadOpsgenieNetdata(std::string_view text) {
  constexpr std::string_view kExample =
      R"({"host":"db1","alarmId":77,"chart":"disk.var","name":"disk_space","status":"CRITICAL","value":95,"units":"%"})";
  OpsgenieNetdata read{.action = opsgenie::Close{}, .alias = {}, .fault = {}};
  const Body body = ReadBody(text, kExample);
  read.fault = body.fault;
  if (read.fault.any()) return read;
  const std::string host = body.Text("host");
  const std::string status = body.Text("status");
  for (const auto& [field, value] : {std::pair("host", host), std::pair("status", status)}) {
    if (value.empty()) read.fault = Missing(field, kExample);
  }
  std::string alarm = body.Text("alarmId");
  if (alarm.empty()) alarm = absl::StrCat(body.Text("chart"), "/", body.Text("name"));
  read.alias = absl::StrCat("netdata/", host, "/", alarm);
  if (ToLower(status) == "clear") return read;
  OpsgenieAlert alert;
  alert.alias = read.alias;
  alert.message =
      absl::StrCat(host, ": ", body.Text("name"), " = ", body.Text("value"), body.Text("units"), " (", status, ")");
  alert.description = body.Text("info");
  alert.entity = host;
  alert.source = "netdata";
  alert.priority = ReadPriority(body.Text("priority")).value_or(ToLower(status) == "critical" ? 1 : 3);
  for (const std::string_view name : {"host", "chart", "name", "family", "status", "old_status", "value", "old_value",
                                      "units", "duration", "src", "calc_expression"}) {
    if (std::string value = body.Text(name); !value.empty())
      alert.details.push_back({std::string(name), std::move(value)});
  }
  Bound(alert);
  read.action = opsgenie::Create{std::move(alert), /*renews=*/true};
  return read;
}

OpsgenieHeartbeatCall ReadOpsgenieHeartbeat(std::string_view text, bool must_be_whole) {
  constexpr std::string_view kExample =
      R"({"name":"nightly-backup","interval":1,"intervalUnit":"days","enabled":true})";
  OpsgenieHeartbeatCall call;
  const Body body = ReadBody(text, kExample);
  call.fault = body.fault;
  if (call.fault.any()) return call;
  call.name = body.Text("name");
  if (must_be_whole && call.name.empty()) call.fault = Missing("name", kExample);
  const auto text_of = [&](std::string_view name, std::optional<std::string>& to) {
    if (body.Find(name)) to = body.Text(name);
  };
  text_of("description", call.description);
  text_of("alertMessage", call.message);
  text_of("alertPriority", call.priority);
  if (body.Find("alertTags")) call.tags = ReadTexts(body.Find("alertTags"));
  if (const std::optional<dom::element> on = body.Find("enabled")) call.enabled = JsonText(*on) == "true";
  if (const std::optional<dom::element> team = body.Find("ownerTeam")) {
    const OpsgenieResponder named = ReadResponder(*team, "team");
    call.owner_team = named.name.empty() ? named.id : named.name;
  }
  const std::optional<dom::element> interval = body.Find("interval");
  const std::string unit = body.Text("intervalUnit");
  if (interval || must_be_whole) {
    std::int64_t number = 0;
    if (!interval || interval->get(number) != simdjson::SUCCESS || number < 1 || number > 1'000'000)
      call.fault = {422, "interval", "interval should be a whole number that is greater than 0", kExample};
    const bool known = unit.empty() || unit == "minutes" || unit == "hours" || unit == "days";
    if (!known) call.fault = {422, "intervalUnit", "intervalUnit should be one of [minutes, hours, days]", kExample};
    call.interval = number * (unit == "days" ? absl::Hours(24) : unit == "hours" ? absl::Hours(1) : absl::Minutes(1));
  }
  return call;
}

Severity SeverityOfPriority(std::uint8_t priority) {
  constexpr std::array<Severity, 5> kSeverities = {Severity::kCritical, Severity::kHigh, Severity::kWarning,
                                                   Severity::kLow, Severity::kInfo};
  return kSeverities[static_cast<std::size_t>(std::clamp<int>(priority, 1, 5) - 1)];
}

Labels OpsgenieLabels(const OpsgenieAlert& alert, const Labels& of_integration) {
  EventBuilder builder;
  builder.Label("alertname", TruncateUtf8(alert.message, kAlertnameBytes));
  for (const Label& detail : alert.details) {
    if (builder.event().labels.size() < kDetailLabels && detail.value.size() <= kDetailLabelBytes)
      builder.Label(detail.name, detail.value);
  }
  builder.Label("entity", alert.entity).Label("source", alert.source).Label("tags", absl::StrJoin(alert.tags, ","));
  const auto team = std::ranges::find(alert.responders, "team", &OpsgenieResponder::type);
  if (team != alert.responders.end()) builder.Label("team", team->name.empty() ? team->id : team->name);
  for (const Label& label : of_integration)
    builder.Label(label.name, label.value);
  return builder.event().labels;
}

AlertEvent OpsgenieEvent(const OpsgenieAlert& alert, EventKind kind) {
  EventBuilder builder;
  builder.Kind(kind).Severity(SeverityOfPriority(alert.priority));
  builder.Summary(alert.message).Description(alert.description);
  builder.Annotation("tags", absl::StrJoin(alert.tags, ", "));
  for (const Label& detail : alert.details) {
    builder.Annotation(detail.name, detail.value);
    builder.Link(detail.value);
  }
  builder.Annotation("actions", absl::StrJoin(alert.actions, ", "));
  AlertEvent event = builder.event();
  event.labels = alert.labels;
  event.dedup_key = alert.alias;
  return event;
}

}  // namespace tocsin
