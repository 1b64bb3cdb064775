// Ansible Tower, AWX and Automation Controller: notifications of jobs.
// https://docs.ansible.com/automation-controller/latest/html/userguide/notifications.html
//
// Identity: the kind, name, project and inventory of the job; its `id` is new each time that it runs.
// State: failed and error fire, successful is the recovery; that a job has started, waits for somebody or was canceled says neither.
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// Where the job failed, or could not be reached.
std::vector<std::string> FailedHosts(const Payload& body) {
  std::vector<std::string> hosts;
  const std::optional<Payload> all = body.Object("hosts");
  if (!all) return hosts;
  for (const dom::key_value_pair& host : all->object()) {
    if (!host.value.is_object()) continue;
    const Payload counts{dom::object(host.value)};
    const auto some = [&](std::string_view name) {
      const std::string count = counts.Text({name});
      return !count.empty() && count != "0" && ToLower(count) != "false";
    };
    if (some("failed") || some("dark") || some("failures")) hosts.emplace_back(host.key);
  }
  return hosts;
}

Reading ReadOne(const Payload& body) {
  const std::string status = ToLower(body.Text({"status"}));
  for (const std::string_view word : {"new", "pending", "waiting", "running", "started", "canceled", "cancelled"}) {
    if (status == word)
      return Reading::Ignored(absl::StrCat("status ", status, " says neither that it failed nor that it is well"));
  }
  const std::string name = body.Text({"name"});
  EventBuilder event;
  event.Key({body.Text({"friendlyname"}), name, body.Text({"project"}), body.Text({"inventory"})});
  if (name.empty()) event.Key({});
  event.Kind(status == "successful" ? EventKind::kResolve : EventKind::kTrigger);
  event.Label("alertname", name).Label("job_type", body.Text({"friendlyname"}));
  event.Label("project", body.Text({"project"})).Label("inventory", body.Text({"inventory"}));
  event.Label("playbook", body.Text({"playbook"})).Label("limit", body.Text({"limit"}));
  const std::vector<std::string> hosts = FailedHosts(body);
  if (hosts.size() == 1) event.Label("host", hosts[0]);
  std::string failed;
  for (const std::string& host : hosts)
    absl::StrAppend(&failed, failed.empty() ? "" : ", ", host);
  event.Summary(absl::StrCat(body.Text({"friendlyname"}), " ", name, ": ", status));
  event.Description(body.Text({"traceback", "jobexplanation", "body"}));
  event.Annotation("status", status).Annotation("failed_hosts", failed);
  event.Annotation("job", body.Text({"id"})).Annotation("created_by", body.Text({"createdby"}));
  event.StartsAt(body.Text({"finished"}));
  if (!event.event().starts_at) event.StartsAt(body.Text({"started"}));
  event.Link(body.Text({"url"}));
  return std::move(event).Finish("name: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kAnsibletowerSource = {
    .name = "ansibletower",
    .also = "awx ansible",
    .product = "Ansible Tower and AWX",
    .parse = Parse,
    .example =
        R"({"id":2722,"name":"updates","friendly_name":"Job","status":"failed","project":"playbooks","inventory":"production","url":"https://awx.example.com/#/jobs/playbook/2722"})",
    .setup =
        R"(Administration > Notifications > Add: type Webhook, this URL, method POST, header Content-Type application/json, messages not customised;
then turn it on for Success and Failure in your templates.

URL  {url})",
};

}  // namespace tocsin
