// The calls of Opsgenie's Alert API below an integration's own address ({url}/v2/alerts/...), for senders whose base URL can be set. What
// wants Opsgenie's answers as well, and its ids, posts to /v2/alerts.
//
// Identity: the alias, which stands in the body of a new alert and in the path of everything after it. An alert without one is known by
// an id that only the answer of /v2/alerts tells: here it is an alert of its own. State: create; acknowledge; close, delete. Notes, tags,
// owners, snoozes and questions say nothing about it. Severity: the priority, P3 when there is none that exists.
// Clients put an alias into a path as it is, slashes and all: the last segment is the action if it is the name of one.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

constexpr std::size_t kAliasCharacters = 512;  // what is longer is cut, in bodies and in paths
constexpr std::size_t kAlertnameBytes = 256;

// What may stand behind an identifier; without a kind it says nothing about a state.
struct Verb {
  std::string_view name;
  std::optional<EventKind> kind = std::nullopt;
};
constexpr Verb kVerbs[] = {
    {"close",         EventKind::kResolve    },
    {"acknowledge",   EventKind::kAcknowledge},
    {"unacknowledge", std::nullopt           },
    {"snooze",        std::nullopt           },
    {"escalate",      std::nullopt           },
    {"assign",        std::nullopt           },
    {"notes",         std::nullopt           },
    {"tags",          std::nullopt           },
    {"details",       std::nullopt           },
    {"responders",    std::nullopt           },
    {"teams",         std::nullopt           },
    {"message",       std::nullopt           },
    {"description",   std::nullopt           },
    {"priority",      std::nullopt           },
    {"recipients",    std::nullopt           },
    {"logs",          std::nullopt           },
    {"attachments",   std::nullopt           },
};

std::string CutAlias(std::string_view alias) {
  alias = Trim(alias);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kAliasCharacters && bytes < alias.size(); ++i)
    bytes += FirstCodePoint(alias.substr(bytes)).bytes;
  return std::string(alias.substr(0, bytes));
}

Severity SeverityOf(std::string_view priority) {
  priority = Trim(priority);
  if (priority.starts_with('P') || priority.starts_with('p')) priority.remove_prefix(1);
  const bool exists = priority.size() == 1 && priority[0] >= '1' && priority[0] <= '5';
  return ParseSeverity(exists ? absl::StrCat("P", ToAbsl(priority)) : "P3");
}

// The first team that is named.
std::string TeamOf(const JsonView& responders) {
  for (const JsonView& responder : responders.Items()) {
    if (ToLower(responder.Text("type")) != "team") continue;
    if (std::string name = responder.First({"name", "id"}); !name.empty()) return name;
  }
  return "";
}

Reading ReadCreate(const JsonView& body, absl::Time received) {
  const std::string message = body.First({"message"});
  std::string alias = CutAlias(body.Text("alias"));
  if (message.empty() && alias.empty()) return Reading::Rejected("message: missing");
  if (alias.empty()) alias = KeyOfItsOwn(body, received);
  EventBuilder builder;
  builder.Severity(SeverityOf(body.Text("priority")));
  builder.Label("alertname", TruncateUtf8(message, kAlertnameBytes));
  AddDetails(builder, body.At("details"));
  builder.Label("entity", body.Text("entity"))
      .Label("source", body.Text("source"))
      .Label("tags", body.Joined("tags"))
      .Label("team", TeamOf(body.At("responders")));
  builder.Summary(message)
      .Description(body.Text("description"))
      .Annotation("actions", body.Joined("actions"))
      .Annotation("note", body.Text("note"))
      .Annotation("user", body.Text("user"));
  for (const auto& [name, value] : body.At("details").Members())
    builder.Link(value.Text());
  AlertEvent event = builder.event();
  event.dedup_key = alias;
  return Reading::Of(std::move(event));
}

// Something done to an alert that is there already. Its body is optional.
Reading ReadVerb(const SourceRequest& request,
                 std::string_view identifier,
                 std::string_view verb,
                 std::optional<EventKind> kind) {
  if (!kind) return Reading::Ignored(absl::StrCat(ToAbsl(verb), " says nothing about an alert's state"));
  const absl::StatusOr<JsonView> read = ReadDocument(request);
  const JsonView body = read.value_or(JsonView());
  EventBuilder builder;
  builder.Kind(*kind);
  for (const std::string_view name : {"note", "user", "source"})
    builder.Annotation(name, body.Text(name));
  AlertEvent event = builder.event();
  event.dedup_key = CutAlias(identifier);
  Reading reading = Reading::Of(std::move(event));
  if (ToLower(QueryValue(request.query, "identifierType").value_or("id")) != "alias")
    reading.reason = "alerts are known by their aliases here: add ?identifierType=alias, or call /v2/alerts";
  return reading;
}

// "my/alias x/acknowledge" below v2/alerts.
Reading ReadPath(const SourceRequest& request, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string last = ToLower(path.substr(slash == std::string_view::npos ? 0 : slash + 1));
  const auto* verb = std::ranges::find(kVerbs, std::string_view(last), &Verb::name);
  if (slash != std::string_view::npos && slash > 0 && verb != std::end(kVerbs))
    return ReadVerb(request, path.substr(0, slash), verb->name, verb->kind);
  if (request.method == HttpMethod::kDelete) return ReadVerb(request, path, "delete", EventKind::kResolve);
  if (request.method == HttpMethod::kGet) return Reading::Ignored("nothing can be asked here; ask /v2/alerts");
  if (path.find("/actions/") != std::string_view::npos)
    return Reading::Ignored("an action of people's own says nothing about an alert's state");
  return Reading::Rejected(absl::StrCat(ToAbsl(path), ": none of Opsgenie's calls about alerts ends like that"));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  constexpr std::string_view kBase = "v2/alerts";
  std::string_view path = request.path;
  if (path.starts_with("v2/heartbeats"))
    return Readings{Reading::Ignored("a heartbeat is no alert; ping /v2/heartbeats/NAME/ping")};
  if (path.starts_with(kBase)) path.remove_prefix(kBase.size());
  while (path.starts_with('/'))
    path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty()) return Readings{ReadPath(request, path)};
  return ReadEach(request, [&](const JsonView& body) { return ReadCreate(body, received.wall); });
}

}  // namespace

const Source kOpsgenieSource = {
    .name = "opsgenie",
    .also = "opsgenie_api",
    .product = "Opsgenie's Alert API",
    .parse = Parse,
    .takes_paths = true,
    .example = R"({"message":"disk full on db1","alias":"db1/disk","priority":"P1","tags":["database"]})",
    .setup =
        R"(Senders that have Opsgenie built in: let their API URL point here, and give them this key where they ask for an API key.

API URL   {base}
API key   {key}

Alertmanager, in its configuration:

global:
  opsgenie_api_url: {base}/
receivers:
  - name: tocsin
    opsgenie_configs:
      - api_key: {key}

Senders that cannot send an Authorization header take {url} as their API URL.)",
};

}  // namespace tocsin
