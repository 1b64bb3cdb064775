// The calls of Opsgenie's Alert API below an integration's own address ({url}/v2/alerts/...), for senders whose base URL can be set. What
// wants Opsgenie's answers as well, and its ids, posts to /v2/alerts.
//
// Identity: the alias, which stands in the body of a new alert and in the path of everything after it. An alert without one is known by
// an id that only the answer of /v2/alerts tells: here it is an alert of its own. State: create; acknowledge; close, delete. Notes, tags,
// owners, snoozes and questions say nothing about it. Severity: the priority, P3 when there is none that exists.
// Clients put an alias into a path as it is, slashes and all: the last segment is the action if it is the name of one.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/opsgenie_alert.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

constexpr const char* kAskElsewhere = "nothing can be asked here; ask /v2/alerts";

// Who asked for it, and why.
void Annotate(AlertEvent& event, const OpsgenieCall& call) {
  EventBuilder said;
  said.Annotation("note", call.note).Annotation("user", call.user);
  if (event.kind != EventKind::kTrigger) said.Annotation("source", call.source);
  for (const Label& each : said.event().annotations)
    event.annotations.push_back(each);
}

Reading ReadCreate(const Payload& body, absl::Time received) {
  OpsgenieCall call = ReadOpsgenieCreate(body.object());
  OpsgenieAlert& alert = std::get<opsgenie::Create>(call.action).alert;
  if (alert.message.empty() && alert.alias.empty()) return Reading::Rejected("message: missing");
  if (alert.alias.empty()) alert.alias = KeyOfItsOwn(simdjson::minify(body.object()), received);
  alert.labels = OpsgenieLabels(alert, {});
  AlertEvent event = OpsgenieEvent(alert, EventKind::kTrigger);
  Annotate(event, call);
  Reading reading = Reading::Of(std::move(event));
  reading.reason = call.fault.text;
  return reading;
}

std::optional<EventKind> KindOf(const opsgenie::Action& action) {
  if (std::holds_alternative<opsgenie::Close>(action) || std::holds_alternative<opsgenie::Delete>(action))
    return EventKind::kResolve;
  const bool is_seen_to =
      std::holds_alternative<opsgenie::Acknowledge>(action) || std::holds_alternative<opsgenie::Snooze>(action);
  return is_seen_to ? std::optional(EventKind::kAcknowledge) : std::nullopt;
}

// Something done to an alert that is there already. Its body is optional; one that cannot be read takes nothing from the verb.
Reading ReadVerb(const SourceRequest& request, std::string_view identifier, std::string_view verb) {
  std::optional<OpsgenieCall> call = ReadOpsgenieVerb(request.method, verb, "", request.body, request.query);
  if (call && call->fault.any()) call = ReadOpsgenieVerb(request.method, verb, "", "", request.query);
  const std::optional<EventKind> kind = call ? KindOf(call->action) : std::nullopt;
  if (!kind) return Reading::Ignored(absl::StrCat(ToAbsl(verb), " says nothing about an alert's state"));
  OpsgenieAlert alert;
  alert.alias = identifier;
  Bound(alert);
  AlertEvent event;
  event.kind = *kind;
  event.dedup_key = std::move(alert.alias);
  Annotate(event, *call);
  Reading reading = Reading::Of(std::move(event));
  if (ToLower(QueryValue(request.query, "identifierType").value_or("id")) != "alias")
    reading.reason = "alerts are known by their aliases here: add ?identifierType=alias, or call /v2/alerts";
  return reading;
}

// "my/alias x/acknowledge" below v2/alerts.
Reading ReadPath(const SourceRequest& request, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string last = ToLower(path.substr(slash == std::string_view::npos ? 0 : slash + 1));
  if (slash != std::string_view::npos && slash > 0 && IsOpsgenieVerb(last))
    return ReadVerb(request, path.substr(0, slash), last);
  if (request.method == HttpMethod::kDelete) return ReadVerb(request, path, "");
  if (request.method == HttpMethod::kGet) return Reading::Ignored(kAskElsewhere);
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
  if (request.method == HttpMethod::kGet && request.body.empty()) return Readings{Reading::Ignored(kAskElsewhere)};
  return ReadEach(request, [&](const Payload& body) { return ReadCreate(body, received.wall); });
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

Senders that cannot send an Authorization header add ?apiKey={key} to the path.

What can only post a body to a URL makes alerts, without Opsgenie's answers, at {url})",
};

}  // namespace tocsin
