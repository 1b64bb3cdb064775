// Integrations and heartbeats.
#include "config/dump_fields.h"

namespace tocsin {
namespace {

void SetMap(YamlValue& map, std::string_view name, const Labels& texts) {
  if (texts.empty()) return;
  YamlValue inner = YamlValue::Map();
  for (const Label& text : texts)
    inner.Set(text.name, text.value);
  map.Set(name, std::move(inner));
}

YamlValue DumpMapping(const FieldMapping& mapping) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("each", mapping.each, "");
  map.SetUnless("key", mapping.key, "");
  map.SetUnless("status", mapping.status, "");
  map.SetUnless("severity", mapping.severity, "");
  map.SetUnless("title", mapping.title, "");
  map.SetUnless("description", mapping.description, "");
  map.SetUnless("link", mapping.link, "");
  map.SetUnless("starts_at", mapping.starts_at, "");
  map.SetUnless("ends_at", mapping.ends_at, "");
  SetMap(map, "labels", mapping.labels);
  SetMap(map, "annotations", mapping.annotations);
  SetTexts(map, "firing_when", mapping.firing_when);
  SetTexts(map, "resolved_when", mapping.resolved_when);
  SetTexts(map, "acknowledged_when", mapping.acknowledged_when);
  SetTexts(map, "ignored_when", mapping.ignored_when);
  SetMap(map, "severities", mapping.severities);
  return map;
}

YamlValue DumpMailRule(const MailRule& rule) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("from", rule.from, "");
  map.SetUnless("subject", rule.subject, "");
  map.SetUnless("body", rule.body, "");
  map.Set("action", words::WordFor(words::kMailActions, rule.action));
  map.SetUnless("key", rule.key, "");
  map.SetUnless("severity", rule.severity, "");
  SetMap(map, "labels", rule.labels);
  return map;
}

}  // namespace

YamlValue DumpIntegration(const Integration& integration) {
  YamlValue map = YamlValue::Map();
  map.Set("id", integration.id.value());
  map.Set("source", integration.source);
  map.SetUnless("key_hash", integration.key_hash, "");
  SetMap(map, "labels", integration.labels);
  SetDuration(map, "lease", integration.lease);
  SetNumber(map, "active_alerts", integration.active_alerts, Integration().active_alerts);
  map.SetUnless("signing_secret", integration.signing_secret, "");
  SetTexts(map, "topics", integration.topics);
  if (integration.mapping) map.Set("mapping", DumpMapping(*integration.mapping));
  SetList(map, "mail_rules", integration.mail_rules, DumpMailRule);
  return map;
}

YamlValue DumpHeartbeat(const HeartbeatRule& heartbeat) {
  YamlValue map = YamlValue::Map();
  map.Set("id", heartbeat.id.value());
  map.SetUnless("description", heartbeat.description, "");
  SetDuration(map, "interval", heartbeat.interval);
  SetDuration(map, "grace", heartbeat.grace);
  SetMap(map, "labels", heartbeat.labels);
  if (heartbeat.severity != HeartbeatRule().severity) map.Set("severity", Name(heartbeat.severity));
  map.SetUnless("summary", heartbeat.summary, "");
  map.SetUnless("team", heartbeat.team.value(), "");
  SetFlag(map, "enabled", heartbeat.enabled, true);
  return map;
}

}  // namespace tocsin
