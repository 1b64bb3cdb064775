// GitLab: its outgoing webhooks, and the shape that its own alert endpoint takes, for senders that speak that.
// https://docs.gitlab.com/ee/user/project/integrations/webhook_events.html
// https://docs.gitlab.com/ee/operations/incident_management/integrations.html
//
// Hooks (`object_kind`): a pipeline, job or deployment that failed fires, until the next on its branch or to its environment succeeds;
// a job that may fail does not. Incidents and vulnerabilities by their own state. All other hooks are no alerts.
// Alert endpoint: identity is `fingerprint` (text or list), else title, tool, service and hosts; `end_time` ends it; severity is critical
// when it says none, the title "New: Alert".
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

std::string ProjectOf(const JsonView& body) {
  return body.First({"project.path_with_namespace", "project_name", "project.name", "repository.name"});
}

// What a project is known by in keys: its number, since it may be moved.
std::string ProjectKey(const JsonView& body) {
  std::string id = body.First({"project.id", "project_id", "object_attributes.project_id"});
  return id.empty() ? ProjectOf(body) : id;
}

Reading NotOver(std::string_view kind, const std::string& status) {
  return Reading::Ignored(absl::StrCat("a ", ToAbsl(kind), " that is ", status.empty() ? "nothing" : status,
                                       " says neither broken nor mended"));
}

// A pipeline, job or deployment: how its parts are called.
struct Run {
  std::string_view kind;
  std::string status;
  std::string name;     // for people
  std::string subject;  // identity within the project
  std::string ref;
  std::string ended_at;
  std::string link;
};

Reading ReadRun(const JsonView& body, const Run& run) {
  const bool is_broken = run.status == "failed";
  if (!is_broken && run.status != "success") return NotOver(run.kind, run.status);
  const std::string project = ProjectOf(body);
  EventBuilder builder;
  if (!ProjectKey(body).empty()) builder.Key({run.kind, ProjectKey(body), run.subject, run.ref});
  builder.Kind(is_broken ? EventKind::kTrigger : EventKind::kResolve);
  builder.Label("alertname", run.name)
      .Label("project", project)
      .Label("ref", run.ref)
      .Label("stage", body.Text("build_stage"))
      .Label("environment", body.First({"environment.name", "environment"}))
      .Label("source", body.Text("object_attributes.source"))
      .Label("event", run.kind);
  builder.Summary(absl::StrCat(run.name, " of ", project, run.ref.empty() ? "" : " on ", run.ref, ": ", run.status))
      .Description(body.First({"commit.title", "commit.message", "commit_title"}))
      .Annotation("status", run.status)
      .Annotation("reason", body.Text("build_failure_reason"))
      .Annotation("commit", body.First({"object_attributes.sha", "commit.sha", "commit.id", "sha"}))
      .Annotation("user", body.First({"user.username", "user.name"}));
  builder.Link(run.link).Link(body.First({"project.web_url", "repository.homepage"}));
  if (is_broken) {
    builder.StartsAt(run.ended_at);
  } else {
    builder.EndsAt(ParseAnyTime(run.ended_at));
  }
  return std::move(builder).Finish("neither project.id nor project.path_with_namespace has a value");
}

Reading ReadPipeline(const JsonView& body) {
  const JsonView pipeline = body.At("object_attributes");
  std::string link = pipeline.Text("url");
  const std::string page = body.Text("project.web_url");
  if (link.empty() && !page.empty() && !pipeline.Text("id").empty())
    link = absl::StrCat(page, "/-/pipelines/", pipeline.Text("id"));
  const std::string name = pipeline.Text("name");
  return ReadRun(body, {.kind = "pipeline",
                        .status = ToLower(pipeline.Text("status")),
                        .name = name.empty() ? "Pipeline" : name,
                        .subject = name,
                        .ref = pipeline.Text("ref"),
                        .ended_at = pipeline.First({"finished_at", "created_at"}),
                        .link = link});
}

Reading ReadJob(const JsonView& body) {
  const std::string status = ToLower(body.Text("build_status"));
  if (status == "failed" && body.At("build_allow_failure").IsTrue())
    return Reading::Ignored("a job that is allowed to fail has failed");
  const std::string page = body.First({"project.web_url", "repository.homepage"});
  const std::string id = body.Text("build_id");
  return ReadRun(body, {.kind = "job",
                        .status = status,
                        .name = body.Text("build_name"),
                        .subject = body.Text("build_name"),
                        .ref = body.Text("ref"),
                        .ended_at = body.First({"build_finished_at", "build_started_at", "build_created_at"}),
                        .link = page.empty() || id.empty() ? "" : absl::StrCat(page, "/-/jobs/", id)});
}

Reading ReadDeployment(const JsonView& body) {
  const std::string environment = body.First({"environment", "environment_tier"});
  return ReadRun(body, {.kind = "deployment",
                        .status = ToLower(body.Text("status")),
                        .name = "Deployment to " + environment,
                        .subject = environment,
                        .ref = "",
                        .ended_at = body.Text("status_changed_at"),
                        .link = body.First({"deployable_url", "environment_external_url"})});
}

// An issue of the type incident, or a vulnerability. Actions of people that change no state are no news.
Reading ReadTracked(const JsonView& body, std::string_view kind) {
  const JsonView item = body.At("object_attributes");
  const std::string action = ToLower(item.Text("action"));
  const std::string state = ToLower(item.Text("state"));
  if (action == "update") return NotOver(kind, "updated");
  const bool is_over = action == "close" || state == "closed" || state == "resolved" || state == "dismissed";
  EventBuilder builder;
  std::string id = item.Text("id");
  if (id.empty()) id = item.First({"iid", "url"});
  if (!id.empty()) builder.Key({kind, id});
  builder.Kind(is_over ? EventKind::kResolve : EventKind::kTrigger).Severity(ParseSeverity(item.Text("severity")));
  builder.Label("alertname", item.First({"title", "name"}))
      .Label("project", ProjectOf(body))
      .Label("labels", body.Joined("labels", "title"))
      .Label("report_type", item.Text("report_type"))
      .Label("event", kind);
  builder.Summary(item.First({"title", "name"}))
      .Description(item.Text("description"))
      .Annotation("state", state)
      .Annotation("location", item.Text("location.file"));
  builder.Link(item.Text("url")).Link(body.Text("project.web_url")).StartsAt(item.First({"created_at", "detected_at"}));
  if (is_over) builder.EndsAt(ParseAnyTime(item.First({"closed_at", "resolved_at", "dismissed_at", "updated_at"})));
  return std::move(builder).Finish("object_attributes.id: missing");
}

// ---- the alert endpoint's shape ----

constexpr std::string_view kAlertMembers[] = {
    "title", "description",     "start_time", "end_time",    "service",
    "hosts", "monitoring_tool", "severity",   "fingerprint", "gitlab_environment_name"};

Reading ReadAlert(const JsonView& body) {
  const bool is_alert = std::ranges::any_of(kAlertMembers, [&](std::string_view name) { return bool(body.At(name)); });
  if (!is_alert) return Reading::Rejected("neither object_kind of a webhook nor title of an alert is there");
  std::string title = body.Text("title");
  EventBuilder builder;
  const std::string hosts = body.Joined("hosts");
  if (const std::string fingerprint = body.Joined("fingerprint"); !fingerprint.empty()) {
    builder.Key({fingerprint});
  } else {
    builder.Key({title.empty() ? body.Text("description") : title, body.Text("monitoring_tool"), body.Text("service"),
                 hosts, body.Text("gitlab_environment_name")});
  }
  if (title.empty()) title = "New: Alert";
  const std::string ended_at = body.Text("end_time");
  const std::string severity = body.Text("severity");
  builder.Kind(ended_at.empty() ? EventKind::kTrigger : EventKind::kResolve);
  builder.Severity(severity.empty() ? Severity::kCritical : ParseSeverity(severity));
  if (ParseSeverity(severity) == Severity::kUnknown) builder.Annotation("severity", severity);
  builder.Label("alertname", title)
      .Label("service", body.Text("service"))
      .Label("host", hosts)
      .Label("environment", body.Text("gitlab_environment_name"))
      .Label("monitoring_tool", body.Text("monitoring_tool"));
  builder.Summary(title).Description(body.Text("description"));
  for (const auto& [name, value] : body.Members()) {
    if (std::ranges::find(kAlertMembers, std::string_view(name)) == std::end(kAlertMembers))
      builder.Annotation(name, value.IsObject() || value.IsArray() ? value.Json() : value.Text());
  }
  builder.StartsAt(body.Text("start_time")).EndsAt(ParseAnyTime(ended_at)).Link(body.First({"url", "link"}));
  return std::move(builder).Finish("neither fingerprint, title nor description has a value");
}

// ---- which of them ----

Reading ReadOne(const JsonView& body) {
  const std::string kind = ToLower(body.Text("object_kind"));
  if (kind == "pipeline") return ReadPipeline(body);
  if (kind == "build" || kind == "job") return ReadJob(body);
  if (kind == "deployment") return ReadDeployment(body);
  if (kind == "vulnerability") return ReadTracked(body, "vulnerability");
  const std::string type =
      ToLower(body.First({"object_attributes.type", "object_attributes.issue_type", "event_type"}));
  if (kind == "incident" || ((kind == "issue" || kind == "work_item") && type == "incident"))
    return ReadTracked(body, "incident");
  const std::string other = kind.empty() ? body.Text("event_name") : kind;
  if (!other.empty()) return Reading::Ignored(absl::StrCat("the hook ", other, " says nothing about anything broken"));
  return ReadAlert(body);
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckSharedSecret(request, "X-Gitlab-Token", secret);
}

}  // namespace

const Source kGitlabSource = {
    .name = "gitlab",
    .product = "GitLab",
    .parse = Parse,
    .verify = Verify,
    .example = R"({"title":"Disk full","fingerprint":"db1-disk","hosts":["db1"],"severity":"high"})",
    .setup =
        R"(Project or group > Settings > Webhooks > Add new webhook:

URL           {url}
Secret token  a random word; the integration's secret here
Trigger       Pipeline events, Deployment events; Job events if single jobs are to page

Whatever posts to GitLab's alert endpoint posts here as it is: only the address changes.)",
};

}  // namespace tocsin
