// Wazuh's integrator: its alerts as they are (integrations `custom-...`), as the Shuffle integration wraps them, and the shorter form of
// scripts, in which rule and agent stand in the text.
// https://documentation.wazuh.com/current/user-manual/manager/integration-with-external-apis.html
//
// Identity: rule and agent; an alert's id is new each time. Nothing ever recovers.
// Severity: the word where there is one, else rule.level: 15 critical, 12 high, 7 warning, below low.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

// "Rule ID 2902\nLevel 7\nAgent Name web": what follows `name` in its line.
std::string LineAfter(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    if (line.starts_with(name) && line.size() > name.size()) {
      std::string_view rest = line.substr(name.size());
      if (rest.front() == ':') rest.remove_prefix(1);
      if (rest.starts_with(' ')) return std::string(Trim(rest));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return "";
}

Severity SeverityOfLevel(std::string_view text) {
  int level = 0;
  if (!absl::SimpleAtoi(ToAbsl(text), &level)) return Severity::kUnknown;
  if (level >= 15) return Severity::kCritical;
  if (level >= 12) return Severity::kHigh;
  if (level >= 7) return Severity::kWarning;
  return level >= 4 ? Severity::kLow : Severity::kInfo;
}

Reading ReadOne(const Payload& outer) {
  const Payload body = outer.Object("allfields").value_or(outer);
  const std::string text = outer.Text({"description", "text"});
  const auto either = [&](std::initializer_list<std::string_view> paths, std::string_view line) {
    const std::string value = body.Text(paths);
    return value.empty() ? LineAfter(text, line) : value;
  };
  const std::string rule = either({"rule.id", "ruleid"}, "Rule ID");
  const std::string agent = either({"agent.name", "agentname"}, "Agent Name");
  const std::string agent_id = either({"agent.id", "agentid"}, "Agent ID");
  std::string title = body.Text({"rule.description"});
  if (title.empty()) title = outer.Text({"title", "message"});
  EventBuilder event;
  event.Key({rule.empty() ? title : rule, agent_id.empty() ? agent : agent_id});
  if (rule.empty() && title.empty()) event.Key({});
  const Severity named = ParseSeverity(outer.Text({"severity"}));
  event.Severity(named == Severity::kUnknown ? SeverityOfLevel(either({"rule.level", "level"}, "Level")) : named);
  event.Label("alertname", title).Label("rule_id", rule).Label("host", agent);
  event.Label("agent_id", agent_id).Label("manager", body.Text({"manager.name"}));
  event.Label("groups", body.Text({"rule.groups"})).Label("location", body.Text({"location"}));
  event.Summary(agent.empty() ? title : absl::StrCat(title, " on ", agent));
  event.Description(text).Description(body.Text({"fulllog"}));
  event.Annotation("full_log", either({"fulllog"}, "Full Log"));
  event.Annotation("level", either({"rule.level", "level"}, "Level"));
  event.Annotation("mitre", body.Text({"rule.mitre.id"})).Annotation("agent_ip", body.Text({"agent.ip"}));
  event.StartsAt(body.Text({"timestamp", "createdat", "@timestamp"}));
  event.Link(outer.Text({"link", "url"}));
  return std::move(event).Finish("neither rule.id nor message has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEach(request, ReadOne);
}

}  // namespace

const Source kWazuhSource = {
    .name = "wazuh",
    .product = "Wazuh",
    .parse = Parse,
    .example =
        R"({"timestamp":"2025-02-03T21:41:42.853+0000","rule":{"id":"5712","level":10,"description":"sshd: brute force"},"agent":{"id":"001","name":"web-03"},"full_log":"Failed password for root"})",
    .setup =
        R"(On the manager, in /var/ossec/etc/ossec.conf; what it sends is the alert itself, in the member all_fields:

<integration>
  <name>shuffle</name>
  <hook_url>{url}</hook_url>
  <level>7</level>
  <alert_format>json</alert_format>
</integration>)",
};

}  // namespace tocsin
