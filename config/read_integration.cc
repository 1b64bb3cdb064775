// Integrations and heartbeats: what comes in, and what is missed when it does not.
#include "config/read.h"
#include "config/words.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

void ReadTexts(YamlFields& fields, std::string_view name, Labels& to) {
  const YamlNode* map = fields.Take(name);
  if (map == nullptr) return;
  YamlFields of_map(fields.reader(), *map, fields.PathOf(name));
  for (const YamlNode::Entry& entry : map->entries) {
    std::string value;
    of_map.Text(entry.key->text, value);
    to.push_back({entry.key->text, std::move(value)});
  }
  Normalise(to);
}

void ReadKey(YamlFields& fields, Integration& to) {
  std::string key;
  fields.Secret("key", key);
  fields.Text("key_hash", to.key_hash);
  const bool has_key = fields.Has("key") || fields.Has("key_env") || fields.Has("key_file");
  if (has_key && fields.Has("key_hash")) fields.Report("key_hash", "the key is already given in another way");
  if (key.empty()) {
    // What could not be looked up was reported; it is no door without a key.
    if (has_key && to.key_hash.empty()) to.key_hash = HashKey(fields.path());
    return;
  }
  if (const absl::Status status = CheckKey(key); !status.ok()) {
    const char* given = fields.Has("key") ? "key" : fields.Has("key_env") ? "key_env" : "key_file";
    fields.Report(given, Message(status));
  }
  to.key_hash = HashKey(key);
}

void ReadMapping(YamlFields& fields, FieldMapping& to) {
  fields.Text("each", to.each);
  fields.Text("key", to.key);
  fields.Text("status", to.status);
  fields.Text("severity", to.severity);
  fields.Text("title", to.title);
  fields.Text("description", to.description);
  fields.Text("link", to.link);
  fields.Text("starts_at", to.starts_at);
  fields.Text("ends_at", to.ends_at);
  ReadTexts(fields, "labels", to.labels);
  ReadTexts(fields, "annotations", to.annotations);
  fields.TextList("firing_when", to.firing_when);
  fields.TextList("resolved_when", to.resolved_when);
  fields.TextList("acknowledged_when", to.acknowledged_when);
  fields.TextList("ignored_when", to.ignored_when);
  ReadTexts(fields, "severities", to.severities);
}

void ReadMailRule(Reader& reader, const YamlNode& node, const std::string& path, MailRule& to) {
  YamlFields fields(reader, node, path);
  fields.Text("from", to.from);
  fields.Text("subject", to.subject);
  fields.Text("body", to.body);
  fields.OneOf<MailRule::Action>("action", words::kMailActions, to.action);
  fields.Text("key", to.key);
  fields.Text("severity", to.severity);
  ReadTexts(fields, "labels", to.labels);
}

}  // namespace

void ReadFieldMapping(Reader& reader, const YamlNode& node, const std::string& path, FieldMapping& to) {
  YamlFields fields(reader, node, path);
  ReadMapping(fields, to);
}

void ReadIntegration(Reader& reader, const YamlNode& node, const std::string& path, Integration& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Require("source");
  fields.Text("source", to.source);
  ReadKey(fields, to);
  ReadTexts(fields, "labels", to.labels);
  fields.Duration("lease", to.lease);
  fields.Integer("active_alerts", 1, UINT32_MAX, to.active_alerts);
  fields.Secret("signing_secret", to.signing_secret);
  fields.TextList("topics", to.topics);
  fields.Part("mapping", [&](YamlFields& part) { ReadMapping(part, to.mapping.emplace()); });
  fields.List("mail_rules", [&](const YamlNode& item, const std::string& item_path) {
    ReadMailRule(reader, item, item_path, to.mail_rules.emplace_back());
  });
}

void ReadHeartbeat(Reader& reader, const YamlNode& node, const std::string& path, HeartbeatRule& to) {
  YamlFields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  fields.Text("description", to.description);
  fields.Require("interval");
  fields.Duration("interval", to.interval);
  fields.Duration("grace", to.grace);
  ReadTexts(fields, "labels", to.labels);
  fields.OneOf<Severity>("severity", words::kSeverities, to.severity);
  fields.Text("summary", to.summary);
  fields.Name("team", to.team);
  fields.Flag("enabled", to.enabled);
}

}  // namespace tocsin
