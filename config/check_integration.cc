// Integrations and heartbeats.
#include <algorithm>
#include <map>

#include "base/limits.h"
#include "config/check_context.h"
#include "model/heartbeat.h"
#include "re2/re2.h"

namespace tocsin {
namespace {

constexpr std::size_t kMost = 100;  // topics, rules, words
constexpr std::size_t kTemplateBytes = 1024;

void CheckTemplate(CheckContext& context, const std::string& path, const std::string& text) {
  if (text.size() > kTemplateBytes) {
    context.Report(path, absl::StrFormat("has %d bytes, at most %d", text.size(), kTemplateBytes));
    return;
  }
  context.Require(path, ParseTemplate(text).status());
}

void CheckSeverityWord(CheckContext& context, const std::string& path, const std::string& word) {
  if (!SeverityFromName(word))
    context.Report(path, absl::StrFormat("%s is none of critical, high, warning, low, info", JsonQuote(word)));
}

void CheckTemplates(CheckContext& context, const std::string& path, const Labels& templates) {
  if (templates.size() > limits::kLabelsPerAlert / 2)
    context.Report(path, absl::StrFormat("more than %d", limits::kLabelsPerAlert / 2));
  for (const Label& label : templates) {
    if (label.name.empty() || label.name.size() > limits::kLabelNameBytes)
      context.Report(path, absl::StrFormat("a name must have 1 to %d bytes", limits::kLabelNameBytes));
    CheckTemplate(context, path + "." + label.name, label.value);
  }
}

void CheckPattern(CheckContext& context, const std::string& path, const std::string& pattern) {
  if (pattern.size() > static_cast<std::size_t>(limits::kRegexBytes)) {
    context.Report(path, absl::StrFormat("has %d bytes, at most %d", pattern.size(), limits::kRegexBytes));
    return;
  }
  const RE2 compiled(pattern, RE2::Quiet);
  if (!compiled.ok()) context.Report(path, absl::StrFormat("is no pattern: %s", compiled.error()));
}

void CheckMailRule(CheckContext& context, const std::string& path, const MailRule& rule) {
  CheckPattern(context, path + ".from", rule.from);
  CheckPattern(context, path + ".subject", rule.subject);
  CheckPattern(context, path + ".body", rule.body);
  CheckTemplate(context, path + ".key", rule.key);
  CheckTemplates(context, path + ".labels", rule.labels);
  if (!rule.severity.empty()) CheckSeverityWord(context, path + ".severity", rule.severity);
}

void CheckKeyHash(CheckContext& context, const std::string& path, const std::string& hash) {
  constexpr std::size_t kHexDigits = 64;
  const bool fine = hash.empty() || (hash.size() == kHexDigits && std::ranges::all_of(hash, [](char c) {
                                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                                     }));
  if (!fine) context.Report(path, "must be 64 lower-case hex digits: the BLAKE2b-256 hash of the key");
}

void CheckIntegration(CheckContext& context, const std::string& path, const Integration& integration) {
  context.Require(path + ".source", CheckId(integration.source));
  CheckKeyHash(context, path + ".key_hash", integration.key_hash);
  std::vector<std::string> names;
  for (const Label& label : integration.labels) {
    names.push_back(label.name);
    context.Require(absl::StrFormat("%s.labels.%s", path, label.name),
                    CheckLine(label.value, limits::kLabelValueBytes));
  }
  CheckLabelNames(context, path + ".labels", names);
  if (integration.lease != absl::ZeroDuration() && integration.lease < absl::Seconds(1)) {
    context.Report(path + ".lease", "must be at least 1s, or 0s for the source's own");
  }
  if (integration.active_alerts == 0) context.Report(path + ".active_alerts", "must be at least 1");
  if (integration.topics.size() > kMost) context.Report(path + ".topics", absl::StrFormat("more than %d", kMost));
  for (std::size_t i = 0; i < integration.topics.size(); ++i) {
    if (!integration.topics[i].starts_with("arn:aws"))
      context.Report(absl::StrFormat("%s.topics[%d]", path, i),
                     "must be a topic's ARN: arn:aws:sns:REGION:ACCOUNT:NAME");
  }
  if (integration.mapping) CheckMapping(context, path + ".mapping", *integration.mapping);
  if (integration.mail_rules.size() > kMost)
    context.Report(path + ".mail_rules", absl::StrFormat("more than %d", kMost));
  for (std::size_t i = 0; i < integration.mail_rules.size(); ++i)
    CheckMailRule(context, absl::StrFormat("%s.mail_rules[%d]", path, i), integration.mail_rules[i]);
}

}  // namespace

void CheckMapping(CheckContext& context, const std::string& path, const FieldMapping& mapping) {
  if (!mapping.each.empty()) context.Require(path + ".each", ParsePath(mapping.each).status());
  if (mapping.key.empty() && mapping.labels.empty()) {
    context.Report(path, "needs a key, or labels: something must say which alert a body is about");
  }
  const std::pair<const char*, const std::string*> templates[] = {
      {"key",         &mapping.key        },
      {"status",      &mapping.status     },
      {"severity",    &mapping.severity   },
      {"title",       &mapping.title      },
      {"description", &mapping.description},
      {"link",        &mapping.link       },
      {"starts_at",   &mapping.starts_at  },
      {"ends_at",     &mapping.ends_at    },
  };
  for (const auto& [name, text] : templates)
    CheckTemplate(context, absl::StrFormat("%s.%s", path, name), *text);
  CheckTemplates(context, path + ".labels", mapping.labels);
  CheckTemplates(context, path + ".annotations", mapping.annotations);
  for (const auto* words :
       {&mapping.firing_when, &mapping.resolved_when, &mapping.acknowledged_when, &mapping.ignored_when}) {
    if (words->size() > kMost) context.Report(path, absl::StrFormat("more than %d words of state", kMost));
  }
  if (mapping.severities.size() > kMost) context.Report(path + ".severities", absl::StrFormat("more than %d", kMost));
  for (const Label& word : mapping.severities)
    CheckSeverityWord(context, path + ".severities." + word.name, word.value);
}

void CheckIntegrations(CheckContext& context) {
  const std::vector<Integration>& integrations = context.organisation().integrations;
  context.CheckIds("integrations", integrations, "integration");
  std::map<std::string_view, std::size_t> keys;
  std::map<std::string_view, std::size_t> open_doors;
  for (std::size_t i = 0; i < integrations.size(); ++i) {
    const Integration& integration = integrations[i];
    const std::string path = absl::StrFormat("integrations[%d]", i);
    CheckIntegration(context, path, integration);
    if (integration.id.value() == kHeartbeatIntegration)
      context.Report(path + ".id", "is the name under which missed heartbeats come in: choose another");
    auto& seen = integration.key_hash.empty() ? open_doors : keys;
    const auto [first, is_new] =
        seen.try_emplace(integration.key_hash.empty() ? std::string_view(integration.source) : integration.key_hash, i);
    if (is_new) continue;
    const char* what = integration.key_hash.empty() ? "is a second integration of this source without a key"
                                                    : "has the key of another integration";
    context.Report(path, absl::StrFormat("%s (first: integrations[%d])", what, first->second));
  }
}

void CheckHeartbeats(CheckContext& context) {
  const std::vector<HeartbeatRule>& heartbeats = context.organisation().heartbeats;
  context.CheckIds("heartbeats", heartbeats, "heartbeat");
  for (std::size_t i = 0; i < heartbeats.size(); ++i) {
    const HeartbeatRule& rule = heartbeats[i];
    const std::string path = absl::StrFormat("heartbeats[%d]", i);
    if (rule.interval < absl::Seconds(1) || rule.interval > absl::Hours(24 * 366))
      context.Report(path + ".interval", "must be 1s to 366d");
    if (rule.grace < absl::ZeroDuration() || rule.grace > absl::Hours(24 * 366))
      context.Report(path + ".grace", "must be 0s to 366d");
    context.Require(path + ".summary", CheckLine(rule.summary, limits::kLabelValueBytes));
    std::vector<std::string> names;
    for (const Label& label : rule.labels)
      names.push_back(label.name);
    CheckLabelNames(context, path + ".labels", names);
    if (!rule.team.value().empty()) context.Refer(path + ".team", rule.team.value(), context.teams);
  }
}

}  // namespace tocsin
