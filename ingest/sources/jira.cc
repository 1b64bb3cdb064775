// Jira's webhooks, and the bodies of its automation rules, which are an issue by itself.
// https://developer.atlassian.com/server/jira/platform/webhooks/
//
// Identity: the issue's number inside Jira, which outlives a move to another project; else its key. State: an issue fires until its status
// is of the category "done" (before Jira 6.2: until it has a resolution) or it is deleted. Comments, worklogs, sprints and the like
// say nothing about it. Severity: the priority.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

Severity SeverityOf(const std::string& priority) {
  const std::string lower = ToLower(Trim(priority));
  if (lower == "blocker" || lower == "highest") return Severity::kCritical;
  if (lower == "lowest" || lower == "trivial") return Severity::kInfo;
  if (const Severity severity = ParseSeverity(lower); severity != Severity::kUnknown) return severity;
  return ParseSeverity(lower.substr(0, lower.find_first_of(" -:/")));  // "P1 - Outage"
}

bool IsDone(const std::string& event, const JsonView& fields) {
  if (absl::EndsWith(event, "issue_deleted")) return true;
  if (const std::string category = fields.Text("status.statusCategory.key"); !category.empty())
    return ToLower(category) == "done";
  if (fields.At("resolution").IsObject() || !fields.Text("resolution").empty()) return true;
  const std::string status = ToLower(fields.First({"status.name", "status"}));
  return status == "done" || status == "closed" || status == "resolved";
}

// "https://x.atlassian.net/rest/api/2/issue/10000", TEST-1 -> https://x.atlassian.net/browse/TEST-1
std::string PageOf(std::string_view self, const std::string& key) {
  const std::size_t api = self.find("/rest/");
  if (api == std::string_view::npos || key.empty()) return "";
  return absl::StrCat(ToAbsl(self.substr(0, api)), "/browse/", key);
}

Reading ReadIssue(const JsonView& body, const JsonView& issue, const std::string& event) {
  const JsonView fields = issue.At("fields");
  const std::string key = issue.Text("key");
  EventBuilder builder;
  std::string id = issue.Text("id");
  if (id.empty()) id = key;
  if (!id.empty()) builder.Key({"issue", id});
  const bool is_done = IsDone(event, fields);
  const std::string summary = fields.Text("summary");
  builder.Kind(is_done ? EventKind::kResolve : EventKind::kTrigger);
  builder.Severity(SeverityOf(fields.First({"priority.name", "priority"})));
  builder.Label("alertname", summary.empty() ? key : summary)
      .Label("issue", key)
      .Label("project", fields.First({"project.key", "project.name"}))
      .Label("issuetype", fields.First({"issuetype.name", "issuetype"}))
      .Label("component", fields.Joined("components", "name"))
      .Label("labels", fields.Joined("labels"));
  builder.Summary(key.empty() ? summary : absl::StrCat(key, ": ", summary))
      .Description(fields.Text("description"))
      .Annotation("status", fields.First({"status.name", "status"}))
      .Annotation("priority", fields.First({"priority.name", "priority"}))
      .Annotation("assignee", fields.First({"assignee.displayName", "assignee.name"}))
      .Annotation("reporter", fields.First({"reporter.displayName", "reporter.name"}))
      .Annotation("event", body.First({"issue_event_type_name", "webhookEvent"}));
  builder.Link(PageOf(issue.Text("self"), key)).StartsAt(fields.Text("created"));
  if (is_done) {
    const std::string resolved = fields.Text("resolutiondate");
    builder.EndsAt(ParseAnyTime(resolved.empty() ? body.Text("timestamp") : resolved));
  }
  return std::move(builder).Finish("neither issue.id nor issue.key has a value");
}

Reading ReadOne(const JsonView& body) {
  const std::string event = body.Text("webhookEvent");
  const bool is_about_an_issue = event.empty() || absl::StartsWith(event, "jira:issue_");
  if (!is_about_an_issue) return Reading::Ignored(absl::StrCat(event, " says nothing about an issue's state"));
  if (const JsonView issue = body.At("issue")) return ReadIssue(body, issue, event);
  if (body.At("fields")) return ReadIssue(body, body, event);
  return Reading::Rejected(event.empty() ? "neither webhookEvent nor issue is there" : "issue: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckHmac(request, {.name = "X-Hub-Signature", .prefix = "sha256="}, secret);
}

}  // namespace

const Source kJiraSource = {
    .name = "jira",
    .product = "Jira",
    .parse = Parse,
    .verify = Verify,
    .example =
        R"({"webhookEvent":"jira:issue_created","issue":{"id":"10400","key":"OPS-15","fields":{"summary":"Shop is down","priority":{"name":"Highest"},"status":{"statusCategory":{"key":"new"}}}}})",
    .setup =
        R"(Settings > System > WebHooks > Create:

URL     {url}
Secret  a random word; the integration's secret here (Jira Cloud)
JQL     the issues that are to page: project = OPS AND issuetype = Incident
Events  Issue: created, updated, deleted)",
};

}  // namespace tocsin
