// Sentry: the webhooks of its internal integrations, told apart by Sentry-Hook-Resource or by what is in them, and the older plugin
// "WebHooks", which has no `action`.
// https://docs.sentry.io/organization/integrations/integration-platform/webhooks/
//
// Identity: the issue's id, wherever a hook has it (issue alerts have it in event.issue_id or at the end of issue_url), and for metric
// alerts the id of what Sentry calls the incident. Never event_id: each occurrence has another.
// State: an issue alert (`triggered`) and an error fire; only the `issue` hook tells of the end (resolved, archived or ignored,
// which is how people say in Sentry that nobody need look). A metric alert is critical, warning or resolved.
// Tags become labels; those about the user whom the error happened to do not leave the payload.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

// "https://sentry.io/api/0/issues/1635244907/" -> 1635244907
std::string LastPart(std::string_view url) {
  while (url.ends_with('/'))
    url.remove_suffix(1);
  return std::string(url.substr(url.rfind('/') + 1));
}

// "https://sentry.io/api/0/projects/ORGANISATION/PROJECT/events/..." -> PROJECT
std::string ProjectOf(std::string_view event_url) {
  constexpr std::string_view kBefore = "/projects/";
  const std::size_t start = event_url.find(kBefore);
  if (start == std::string_view::npos) return "";
  event_url.remove_prefix(start + kBefore.size());
  const std::size_t slash = event_url.find('/');
  if (slash == std::string_view::npos) return "";
  event_url.remove_prefix(slash + 1);
  return std::string(event_url.substr(0, event_url.find('/')));
}

bool IsAboutAPerson(std::string_view tag) {
  return tag == "user" || tag == "sentry:user" || tag.starts_with("user.") || absl::StrContains(ToAbsl(tag), "email") ||
         tag == "ip_address";
}

void AddTags(EventBuilder& builder, const JsonView& tags) {
  const auto add = [&](const std::string& name, const std::string& value) {
    if (IsAboutAPerson(name)) return;
    builder.Label(name == "server_name" ? "host" : name, value);
  };
  for (const JsonView& tag : tags.Items()) {
    const std::vector<JsonView> pair = tag.Items();
    if (pair.size() == 2) add(pair[0].Text(), pair[1].Text());
    if (tag.IsObject()) add(tag.Text("key"), tag.Text("value"));
  }
  for (const auto& [name, value] : tags.Members())
    add(name, value.Text());
}

std::string TitleOf(const JsonView& event) {
  return event.First(
      {"title", "logentry.formatted", "message", "metadata.title", "metadata.value", "metadata.type", "culprit"});
}

// What an event of an issue says, in issue alerts, error hooks and the old plugin.
void AddEvent(EventBuilder& builder, const JsonView& event) {
  const std::string title = TitleOf(event);
  builder.Label("alertname", title).Summary(title);
  builder.Label("project", ProjectOf(event.Text("url")))
      .Label("platform", event.Text("platform"))
      .Label("level", event.Text("level"))
      .Label("environment", event.Text("environment"));
  AddTags(builder, event.At("tags"));
  builder.Description(event.First({"logentry.formatted", "message", "metadata.value"}))
      .Annotation("culprit", event.Text("culprit"))
      .Annotation("release", event.First({"release", "release.version"}))
      .Annotation("event_id", event.Text("event_id"));
  builder.StartsAt(event.First({"datetime", "timestamp", "received"}));
}

Reading ReadEventAlert(const JsonView& data, const JsonView& event) {
  std::string issue = event.First({"issue_id", "issue.id"});
  if (issue.empty()) issue = LastPart(event.Text("issue_url"));
  if (issue.empty()) issue = LastPart(data.Text("issue_url"));
  EventBuilder builder;
  if (!issue.empty()) builder.Key({"issue", issue});
  builder.Severity(ParseSeverity(event.Text("level")));
  builder.Link(event.Text("web_url")).Link(event.Text("issue_url"));
  AddEvent(builder, event);
  builder.Label("rule", data.First({"triggered_rule", "issue_alert.title"})).Label("alertname", "Sentry issue");
  return std::move(builder).Finish("data.event has neither issue_id nor issue_url");
}

std::optional<EventKind> KindOfIssue(const std::string& action, const std::string& status) {
  if (action == "created" || action == "unresolved" || action == "reopened") return EventKind::kTrigger;
  if (action == "resolved" || action == "ignored" || action == "archived") return EventKind::kResolve;
  if (!action.empty()) return std::nullopt;
  if (status == "resolved" || status == "ignored" || status == "archived") return EventKind::kResolve;
  return EventKind::kTrigger;
}

Reading ReadIssue(const std::string& action, const JsonView& data, const JsonView& issue) {
  const std::optional<EventKind> kind = KindOfIssue(action, ToLower(issue.Text("status")));
  if (!kind) return Reading::Ignored(absl::StrCat("the issue was ", action, ", which does not change its state"));
  EventBuilder builder;
  if (const std::string id = issue.Text("id"); !id.empty()) builder.Key({"issue", id});
  const std::string title = TitleOf(issue);
  builder.Kind(*kind).Severity(ParseSeverity(issue.Text("level")));
  builder.Link(issue.Text("permalink")).Link(issue.Text("web_url"));
  builder.Label("alertname", title)
      .Label("project", issue.First({"project.slug", "project.name", "project"}))
      .Label("platform", issue.Text("platform"))
      .Label("level", issue.Text("level"))
      .Label("issue", issue.Text("shortId"));
  builder.Summary(title)
      .Description(issue.Text("metadata.value"))
      .Annotation("culprit", issue.Text("culprit"))
      .Annotation("status", issue.Text("status"))
      .Annotation("resolution", data.Text("resolution_type"));
  builder.StartsAt(issue.Text("firstSeen"));
  return std::move(builder).Finish("data.issue.id: missing");
}

Reading ReadMetricAlert(const std::string& action, const JsonView& data, const JsonView& alert) {
  EventBuilder builder;
  if (const std::string id = alert.First({"id", "identifier"}); !id.empty()) builder.Key({"metric_alert", id});
  const bool is_over = action == "resolved" || action == "closed";
  const std::string rule = alert.First({"alert_rule.name", "title"});
  builder.Kind(is_over ? EventKind::kResolve : EventKind::kTrigger).Severity(ParseSeverity(is_over ? "" : action));
  if (!is_over && ParseSeverity(action) == Severity::kUnknown) builder.Annotation("status", action);
  builder.Link(data.Text("web_url")).Link(alert.Text("web_url"));
  builder.Label("alertname", rule)
      .Label("project", alert.Joined(alert.At("projects").IsArray() ? "projects" : "alert_rule.projects", "slug"))
      .Label("environment", alert.First({"alert_rule.environment", "environment"}))
      .Label("dataset", alert.Text("alert_rule.dataset"));
  builder.Summary(data.Text("description_title")).Summary(rule);
  builder.Description(data.Text("description_text"))
      .Annotation("query", alert.Text("alert_rule.query"))
      .Annotation("aggregate", alert.Text("alert_rule.aggregate"));
  builder.StartsAt(alert.First({"date_started", "date_detected", "date_created"}));
  if (is_over) builder.EndsAt(ParseAnyTime(alert.Text("date_closed")));
  return std::move(builder).Finish("neither data.metric_alert.id nor identifier has a value");
}

// The plugin "WebHooks": no action, no signature; an error always.
Reading ReadLegacy(const JsonView& body) {
  EventBuilder builder;
  if (const std::string id = body.First({"id", "event.issue_id"}); !id.empty()) builder.Key({"issue", id});
  builder.Severity(ParseSeverity(body.First({"level", "event.level"}))).Link(body.Text("url"));
  builder.Label("project", body.First({"project_slug", "project", "project_name"})).Label("level", body.Text("level"));
  builder.Label("rule", body.Joined("triggering_rules"));
  AddEvent(builder, body.At("event"));
  const std::string message = body.First({"message", "culprit"});
  builder.Label("alertname", message).Summary(message).Annotation("culprit", body.Text("culprit"));
  return std::move(builder).Finish("id: missing");
}

Reading ReadOne(const JsonView& body, std::string_view resource) {
  const JsonView data = body.At("data");
  const std::string action = ToLower(body.Text("action"));
  if (const JsonView alert = data.At("metric_alert")) return ReadMetricAlert(action, data, alert);
  if (const JsonView event = data.At("event")) return ReadEventAlert(data, event);
  if (const JsonView event = data.At("error")) return ReadEventAlert(data, event);
  if (resource == "comment" || data.At("comment_id") || data.At("comment"))
    return Reading::Ignored("a comment does not change an issue's state");
  if (const JsonView issue = data.At("issue")) return ReadIssue(action, data, issue);
  if (resource == "installation" || data.At("installation"))
    return Reading::Ignored("the integration was installed or removed, nothing is wrong");
  if (!data && (body.At("event") || body.At("project_slug") || body.At("culprit"))) return ReadLegacy(body);
  return Reading::Rejected("none of data.event, data.issue, data.error and data.metric_alert is there");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  const std::string resource = ToLower(FindHeader(request.headers, "Sentry-Hook-Resource"));
  return ReadEach(request, [&](const JsonView& body) { return ReadOne(body, resource); });
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckHmac(request, {.name = "Sentry-Hook-Signature"}, secret);
}

}  // namespace

const Source kSentrySource = {
    .name = "sentry",
    .product = "Sentry",
    .parse = Parse,
    .verify = Verify,
    .example = R"({"action":"created","data":{"issue":{"id":"1635244907","title":"KeyError: 'id'","level":"error"}}})",
    .setup =
        R"(Settings > Developer Settings > Create New Integration > Internal:

Webhook URL   {url}
Alert Rule    on
Webhooks      issue (that is what tells of resolved ones)

Then "Send a notification via" this integration in your alert rules. Its client secret is the integration's secret here.)",
};

}  // namespace tocsin
