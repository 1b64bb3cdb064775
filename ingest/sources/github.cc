// GitHub's webhooks that tell of something broken: Actions, checks, commit statuses, deployments, and what its security features find.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
//
// The event is in X-GitHub-Event; without that header (relays drop it) it is seen from what the body holds. All other events, pushes
// and pull requests and the like, are no alerts.
// Identity: what runs again and again on a branch (workflow, job, check, status context), not one run of it, whose number is another
// each time; of a security alert its number in its repository.
// State: failure, timed_out, startup_failure and error fire; success ends; cancelled, skipped and neutral say neither.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct Word {
  std::string_view word;
  EventKind kind;
};

constexpr Word kConclusions[] = {
    {"failure",         EventKind::kTrigger},
    {"timed_out",       EventKind::kTrigger},
    {"startup_failure", EventKind::kTrigger},
    {"error",           EventKind::kTrigger},
    {"errored",         EventKind::kTrigger},
    {"success",         EventKind::kResolve},
    {"built",           EventKind::kResolve},
};

constexpr Word kAlertActions[] = {
    {"create",             EventKind::kTrigger},
    {"created",            EventKind::kTrigger},
    {"reopen",             EventKind::kTrigger},
    {"reopened",           EventKind::kTrigger},
    {"reopened_by_user",   EventKind::kTrigger},
    {"auto_reopened",      EventKind::kTrigger},
    {"reintroduced",       EventKind::kTrigger},
    {"appeared_in_branch", EventKind::kTrigger},
    {"publicly_leaked",    EventKind::kTrigger},
    {"fixed",              EventKind::kResolve},
    {"dismiss",            EventKind::kResolve},
    {"dismissed",          EventKind::kResolve},
    {"auto_dismissed",     EventKind::kResolve},
    {"closed_by_user",     EventKind::kResolve},
    {"resolve",            EventKind::kResolve},
    {"resolved",           EventKind::kResolve},
    {"revoked",            EventKind::kResolve},
};

std::optional<EventKind> KindOf(std::string_view word, std::span<const Word> words) {
  const auto found = std::ranges::find(words, word, &Word::word);
  return found == words.end() ? std::nullopt : std::optional(found->kind);
}

// What every event says about where it happened.
EventBuilder Begin(const JsonView& body, EventKind kind) {
  EventBuilder builder;
  builder.Kind(kind)
      .Label("repository", body.Text("repository.full_name"))
      .Label("organization", body.First({"organization.login", "repository.owner.login"}));
  return builder;
}

// A run that has ended at `at`: that is when it began to be broken, or when that was over.
void SetTime(EventBuilder& builder, EventKind kind, const std::string& at) {
  if (kind == EventKind::kResolve) {
    builder.EndsAt(ParseAnyTime(at));
  } else {
    builder.StartsAt(at);
  }
}

Reading NotOver(std::string_view event, std::string_view word) {
  return Reading::Ignored(absl::StrCat(ToAbsl(event), " ", ToAbsl(word), " says neither broken nor mended"));
}

// What runs: how its members are called.
struct Run {
  std::string_view event;
  std::string name;
  std::string subject;  // identity within repository and branch
  std::string branch;
};

Reading ReadRun(const JsonView& body, const JsonView& run, const Run& about) {
  const std::string action = ToLower(body.Text("action"));
  const std::string conclusion = ToLower(run.Text("conclusion"));
  if (conclusion.empty()) return NotOver(about.event, action.empty() ? run.Text("status") : action);
  const std::optional<EventKind> kind = KindOf(conclusion, kConclusions);
  if (!kind) return NotOver(about.event, conclusion);
  const std::string repository = body.Text("repository.full_name");
  if (about.subject.empty()) return Reading::Rejected(absl::StrCat(ToAbsl(about.event), ": it has no name"));
  EventBuilder builder = Begin(body, *kind);
  builder.Key({about.event, repository, about.subject, about.branch});
  builder.Label("alertname", about.name).Label("branch", about.branch);
  builder.Label("workflow", run.First({"workflow_name", "workflow.name"}))
      .Label("app", run.First({"app.slug", "app.name"}))
      .Label("event", about.event);
  builder
      .Summary(absl::StrCat(about.name, " on ", about.branch.empty() ? "no branch" : about.branch, " of ", repository,
                            ": ", conclusion))
      .Description(run.First({"output.summary", "display_title", "head_commit.message"}))
      .Annotation("conclusion", conclusion)
      .Annotation("commit", run.First({"head_sha", "head_commit.id"}))
      .Annotation("actor", run.First({"triggering_actor.login", "actor.login"}))
      .Annotation("attempt", run.Text("run_attempt"))
      .Annotation("runner", run.Text("runner_name"));
  builder.Link(run.First({"html_url", "details_url"})).Link(body.Text("repository.html_url"));
  SetTime(builder, *kind, run.First({"completed_at", "updated_at", "run_started_at", "created_at"}));
  return std::move(builder).Finish("repository: missing");
}

Reading ReadWorkflowRun(const JsonView& body) {
  const JsonView run = body.At("workflow_run");
  std::string name = run.Text("name");
  if (name.empty()) name = body.First({"workflow.name", "workflow_run.path"});
  std::string id = run.First({"workflow_id", "path"});
  if (id.empty()) id = body.Text("workflow.id");
  return ReadRun(body, run, {.event = "workflow_run", .name = name, .subject = id, .branch = run.Text("head_branch")});
}

Reading ReadWorkflowJob(const JsonView& body) {
  const JsonView job = body.At("workflow_job");
  const std::string name = job.Text("name");
  const std::string subject = name.empty() ? "" : absl::StrCat(job.Text("workflow_name"), ":", name);
  return ReadRun(body, job,
                 {.event = "workflow_job", .name = name, .subject = subject, .branch = job.Text("head_branch")});
}

Reading ReadCheckRun(const JsonView& body) {
  const JsonView run = body.At("check_run");
  const std::string name = run.Text("name");
  const std::string app = run.First({"app.slug", "app.name", "app.id"});
  return ReadRun(body, run,
                 {.event = "check_run",
                  .name = name,
                  .subject = name.empty() ? "" : absl::StrCat(app, ":", name),
                  .branch = run.Text("check_suite.head_branch")});
}

Reading ReadCheckSuite(const JsonView& body) {
  const JsonView suite = body.At("check_suite");
  const std::string app = suite.First({"app.slug", "app.name", "app.id"});
  return ReadRun(body, suite,
                 {.event = "check_suite", .name = app, .subject = app, .branch = suite.Text("head_branch")});
}

Reading ReadStatus(const JsonView& body) {
  const std::string state = ToLower(body.Text("state"));
  const std::optional<EventKind> kind = KindOf(state, kConclusions);
  if (!kind) return NotOver("status", state);
  const std::string context = body.Text("context");
  const std::string branch = body.Joined("branches", "name");
  const std::string repository = body.First({"repository.full_name", "name"});
  EventBuilder builder = Begin(body, *kind);
  if (!context.empty()) builder.Key({"status", repository, context, branch});
  builder.Label("alertname", context).Label("branch", branch).Label("event", "status");
  builder.Summary(absl::StrCat(context, " of ", repository, ": ", state))
      .Description(body.Text("description"))
      .Annotation("commit", body.Text("sha"));
  builder.Link(body.Text("target_url")).Link(body.Text("commit.html_url"));
  SetTime(builder, *kind, body.First({"updated_at", "created_at"}));
  return std::move(builder).Finish("context: missing");
}

Reading ReadDeployment(const JsonView& body) {
  const JsonView status = body.At("deployment_status");
  const std::string state = ToLower(status.Text("state"));
  const std::optional<EventKind> kind = KindOf(state, kConclusions);
  if (!kind) return NotOver("deployment_status", state);
  std::string environment = status.Text("environment");
  if (environment.empty()) environment = body.Text("deployment.environment");
  const std::string repository = body.Text("repository.full_name");
  EventBuilder builder = Begin(body, *kind);
  builder.Key({"deployment", repository, environment});
  builder.Label("alertname", "Deployment").Label("environment", environment).Label("event", "deployment_status");
  builder.Summary(absl::StrCat("deployment of ", repository, " to ", environment, ": ", state))
      .Description(status.Text("description"))
      .Annotation("commit", body.Text("deployment.sha"))
      .Annotation("ref", body.Text("deployment.ref"));
  builder.Link(status.First({"environment_url", "log_url", "target_url"})).Link(body.Text("repository.html_url"));
  SetTime(builder, *kind, status.First({"updated_at", "created_at"}));
  return std::move(builder).Finish("deployment_status: missing");
}

// ---- what GitHub's security features find ----

std::string_view AlertEventOf(const JsonView& alert) {
  if (alert.At("security_advisory") || alert.At("security_vulnerability")) return "dependabot_alert";
  if (alert.At("secret_type")) return "secret_scanning_alert";
  if (alert.At("rule")) return "code_scanning_alert";
  return "repository_vulnerability_alert";
}

std::string TitleOf(std::string_view event, const JsonView& alert) {
  std::string title = alert.First({"security_advisory.summary", "rule.description", "rule.name", "rule.id",
                                   "secret_type_display_name", "secret_type", "affected_package_name"});
  if (event == "secret_scanning_alert" && !title.empty()) title = "Secret found: " + title;
  return title;
}

// Where a person looks, when the payload is too old to say: the page of the alert in its repository.
std::string PageOf(std::string_view event, const JsonView& body, const std::string& number) {
  const std::string repository = body.Text("repository.html_url");
  const std::string_view section = event == "secret_scanning_alert" ? "secret-scanning"
                                   : event == "code_scanning_alert" ? "code-scanning"
                                                                    : "dependabot";
  return repository.empty() ? "" : absl::StrCat(repository, "/security/", ToAbsl(section), "/", number);
}

Reading ReadAlert(const JsonView& body, std::string_view event) {
  const JsonView alert = body.At("alert");
  const std::string action = ToLower(body.Text("action"));
  const std::string state = ToLower(alert.Text("state"));
  std::optional<EventKind> kind = KindOf(action, kAlertActions);
  if (!kind) kind = state == "open" ? EventKind::kTrigger : KindOf(state, kAlertActions);  // assigned, validated ...
  if (!kind) return NotOver(event, action);
  const std::string number = alert.First({"number", "id"});
  const std::string title = TitleOf(event, alert);
  EventBuilder builder = Begin(body, *kind);
  if (!number.empty()) builder.Key({event, body.Text("repository.full_name"), number});
  builder.Severity(ParseSeverity(alert.First({"security_advisory.severity", "security_vulnerability.severity",
                                              "rule.security_severity_level", "rule.severity", "severity"})));
  builder.Label("alertname", title.empty() ? event : std::string_view(title))
      .Label("event", event)
      .Label("package", alert.First({"dependency.package.name", "affected_package_name"}))
      .Label("ecosystem", alert.Text("dependency.package.ecosystem"))
      .Label("manifest", alert.Text("dependency.manifest_path"))
      .Label("secret_type", alert.Text("secret_type"))
      .Label("rule", alert.Text("rule.id"))
      .Label("tool", alert.Text("tool.name"))
      .Label("cve", alert.Text("security_advisory.cve_id"));
  builder.Summary(title)
      .Description(alert.First(
          {"security_advisory.description", "rule.full_description", "rule.help", "most_recent_instance.message.text"}))
      .Annotation("state", alert.Text("state"))
      .Annotation("resolution", alert.First({"resolution", "dismissed_reason"}))
      .Annotation("action", action);
  builder.Link(alert.Text("html_url")).Link(PageOf(event, body, number)).StartsAt(alert.Text("created_at"));
  if (*kind == EventKind::kResolve)
    builder.EndsAt(ParseAnyTime(alert.First({"fixed_at", "dismissed_at", "auto_dismissed_at", "resolved_at"})));
  return std::move(builder).Finish("alert.number: missing");
}

// ---- which of them ----

struct Kind {
  std::string_view event;
  std::string_view member;  // what only its bodies have
  Reading (*read)(const JsonView& body);
};

constexpr Kind kKinds[] = {
    {"workflow_run",      "workflow_run",      ReadWorkflowRun},
    {"workflow_job",      "workflow_job",      ReadWorkflowJob},
    {"check_run",         "check_run",         ReadCheckRun   },
    {"check_suite",       "check_suite",       ReadCheckSuite },
    {"deployment_status", "deployment_status", ReadDeployment },
    {"status",            "context",           ReadStatus     },
};

Reading ReadOne(const JsonView& body, const std::string& event) {
  for (const Kind& kind : kKinds) {
    const bool is_there(body.At(kind.member));
    if (is_there && (event.empty() || event == kind.event)) return kind.read(body);
    if (event == kind.event) return Reading::Rejected(absl::StrCat(ToAbsl(kind.member), ": missing"));
  }
  if (body.At("alert").IsObject()) return ReadAlert(body, event.empty() ? AlertEventOf(body.At("alert")) : event);
  if (event == "ping" || body.At("zen")) return Reading::Ignored("GitHub's test of the connection");
  if (!event.empty()) return Reading::Ignored(absl::StrCat("the event ", event, " says nothing about anything broken"));
  if (body.At("repository") || body.At("sender"))
    return Reading::Ignored("an event that says nothing about anything broken");
  return Reading::Rejected("no X-GitHub-Event, and none of workflow_run, workflow_job, check_run, alert ... in it");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  const std::string event = ToLower(FindHeader(request.headers, "X-GitHub-Event"));
  return ReadEach(request, [&](const JsonView& body) { return ReadOne(body, event); });
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckHmac(request, {.name = "X-Hub-Signature-256", .prefix = "sha256="}, secret);
}

}  // namespace

const Source kGithubSource = {
    .name = "github",
    .product = "GitHub",
    .parse = Parse,
    .verify = Verify,
    .example =
        R"({"action":"completed","workflow_run":{"workflow_id":2823525,"name":"test","head_branch":"main","conclusion":"failure"},"repository":{"full_name":"octo-org/octo-repo"}})",
    .setup =
        R"(Repository or organisation > Settings > Webhooks > Add webhook:

Payload URL   {url}
Content type  application/json
Secret        a random word; the integration's secret here
Events        Workflow runs, Dependabot alerts, Code scanning alerts, Secret scanning alerts, Deployment statuses

Choose one of Workflow runs, Workflow jobs and Check runs: each of them tells of the same failure.)",
};

}  // namespace tocsin
