#include "config/reader.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "config/text.h"

namespace tocsin {

void Reader::Report(const YamlNode& node, const std::string& path, std::string message) {
  problems_.push_back({*node.file, node.line, node.column, path, std::move(message)});
}

void Reader::Check(const YamlNode& node, const std::string& path, const absl::Status& status) {
  if (!status.ok()) Report(node, path, Message(status));
}

const YamlNode* Reader::Find(std::string path) const {
  while (true) {
    if (const auto found = positions_.find(path); found != positions_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) return nullptr;
    path.resize(cut);
  }
}

YamlFields::YamlFields(Reader& reader, const YamlNode& node, std::string path)
    : reader_(reader), node_(node), path_(std::move(path)) {
  reader_.Remember(node_, path_);
  if (node_.kind != YamlNode::Kind::kMap) {
    reader_.Report(node_, path_, absl::StrFormat("must be a map of fields, is %s", Describe(node_.kind)));
  }
}

YamlFields::~YamlFields() {
  for (const YamlNode::Entry& entry : node_.entries) {
    const std::string& name = entry.key->text;
    if (std::ranges::find(known_, name) != known_.end()) continue;
    reader_.Report(*entry.key, PathOf(name), "unknown field" + Suggestion(name, known_));
  }
}

std::string YamlFields::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrFormat("%s.%s", path_, name);
}

const YamlNode* YamlFields::Take(std::string_view name) {
  known_.push_back(name);
  for (const YamlNode::Entry& entry : node_.entries) {
    if (entry.key->text != name) continue;
    reader_.Remember(*entry.value, PathOf(name));
    return entry.value->kind == YamlNode::Kind::kNull ? nullptr : entry.value.get();
  }
  return nullptr;
}

bool YamlFields::Has(std::string_view name) const {
  return std::ranges::any_of(node_.entries, [&](const YamlNode::Entry& entry) {
    return entry.key->text == name && entry.value->kind != YamlNode::Kind::kNull;
  });
}

const YamlNode* YamlFields::TakeText(std::string_view name) {
  const YamlNode* value = Take(name);
  return value == nullptr ? nullptr : AsText(reader_, *value, PathOf(name));
}

void YamlFields::Require(std::string_view name) {
  if (node_.kind == YamlNode::Kind::kMap && !Has(name)) {
    reader_.Report(node_, path_, absl::StrFormat("the field %s is missing", JsonQuote(name)));
  }
}

void YamlFields::Report(std::string_view name, std::string message) {
  const auto entry =
      std::ranges::find(node_.entries, name, [](const YamlNode::Entry& e) -> std::string_view { return e.key->text; });
  reader_.Report(entry == node_.entries.end() ? node_ : *entry->value, PathOf(name), std::move(message));
}

void YamlFields::Text(std::string_view name, std::string& to) {
  if (const YamlNode* value = TakeText(name)) to = value->text;
}

void YamlFields::Flag(std::string_view name, bool& to) {
  const YamlNode* value = TakeText(name);
  if (value == nullptr) return;
  if (value->text != "true" && value->text != "false") {
    Report(name, absl::StrFormat("must be true or false, is %s", JsonQuote(TruncateUtf8(value->text, 40))));
    return;
  }
  to = value->text == "true";
}

void YamlFields::Integer(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t& to) {
  const YamlNode* value = TakeText(name);
  if (value == nullptr) return;
  const char* end = value->text.data() + value->text.size();
  std::int64_t number = 0;
  const auto read = std::from_chars(value->text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < low || number > high) {
    Report(name, absl::StrFormat("must be a whole number from %d to %d, is %s", low, high,
                                 JsonQuote(TruncateUtf8(value->text, 40))));
    return;
  }
  to = number;
}

void YamlFields::Duration(std::string_view name, absl::Duration& to) {
  Parsed(name, to, ParseDuration);
}

std::size_t YamlFields::Index(std::string_view name, std::span<const std::string_view> names) {
  const YamlNode* value = TakeText(name);
  if (value == nullptr) return names.size();
  const auto found = std::ranges::find(names, std::string_view(value->text));
  if (found == names.end()) {
    std::string all;
    for (const std::string_view each : names)
      all += (all.empty() ? "" : ", ") + std::string(each);
    Report(name, absl::StrFormat("%s is none of %s%s", JsonQuote(TruncateUtf8(value->text, 40)), all,
                                 Suggestion(value->text, names)));
  }
  return static_cast<std::size_t>(found - names.begin());
}

void YamlFields::Secret(std::string_view name, std::string& to) {
  struct Source {
    const char* suffix;
    const Secrets::Lookup* lookup;  // nullptr: the text is the secret
  };
  const Secrets& secrets = reader_.secrets();
  const Source sources[] = {
      {"",      nullptr             },
      {"_env",  &secrets.environment},
      {"_file", &secrets.file       },
  };
  // Names of fields are kept as views, so they must outlive this function: they are literals in the tables below.
  static constexpr std::string_view kNames[][3] = {
      {"key",            "key_env",            "key_file"           },
      {"secret",         "secret_env",         "secret_file"        },
      {"password",       "password_env",       "password_file"      },
      {"token",          "token_env",          "token_file"         },
      {"auth_token",     "auth_token_env",     "auth_token_file"    },
      {"signing_secret", "signing_secret_env", "signing_secret_file"},
      {"client_secret",  "client_secret_env",  "client_secret_file" },
  };
  const auto* names = std::ranges::find_if(kNames, [&](const auto& row) { return row[0] == name; });
  TOCSIN_CHECK(names != std::end(kNames), "a secret that the table does not name");
  int given = 0;
  for (std::size_t i = 0; i < std::size(sources); ++i) {
    const std::string_view field = (*names)[i];
    const YamlNode* value = TakeText(field);
    if (value == nullptr) continue;
    if (++given == 2) Report(field, absl::StrFormat("%s is already given in another way", name));
    if (sources[i].lookup == nullptr) {
      to = value->text;
    } else if (!*sources[i].lookup) {
      Report(field,
             absl::StrFormat("is looked up by the server alone, in the files of its --config; here write %s itself%s",
                             name, name == "key" ? " (only its hash is kept) or key_hash" : ""));
    } else {
      absl::StatusOr<std::string> found = (*sources[i].lookup)(value->text);
      reader_.Check(*value, PathOf(field), found.status());
      if (found.ok() && found->empty()) Report(field, "is empty");
      if (found.ok()) to = *std::move(found);
    }
  }
}

void YamlFields::List(std::string_view name, Item read, std::size_t first) {
  const YamlNode* value = Take(name);
  if (value == nullptr) return;
  if (value->kind != YamlNode::Kind::kList) {
    Report(name, absl::StrFormat("must be a list, is %s", Describe(value->kind)));
    return;
  }
  const std::string path = PathOf(name);
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const std::string item_path = absl::StrFormat("%s[%d]", path, first + i);
    reader_.Remember(*value->items[i], item_path);
    read(*value->items[i], item_path);
  }
}

void YamlFields::TextList(std::string_view name, std::vector<std::string>& to) {
  List(name, [&](const YamlNode& item, const std::string& path) {
    if (const YamlNode* text = AsText(reader_, item, path)) to.push_back(text->text);
  });
}

const YamlNode* AsText(Reader& reader, const YamlNode& item, const std::string& path) {
  if (item.kind == YamlNode::Kind::kText) return &item;
  reader.Report(item, path, absl::StrFormat("must be text, is %s", Describe(item.kind)));
  return nullptr;
}

}  // namespace tocsin
