// Turning YAML into values: each thing that is wrong becomes a problem with its place, and reading goes on.
//
//   YamlFields user(reader, node, "users[0]");      // a problem unless it is a map
//   user.Text("name", to.name);                 // a problem unless it is text
//   user.List("contact_methods", [&](const YamlNode& item, const std::string& path) { ... });
//                                               // at the end of its scope: a problem for each field that nobody asked for
//
// A field that is absent, or null, leaves the value alone. Every path that is read is remembered with its position, so that
// what config/check.h finds later is reported with file, line and column.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "base/strong_id.h"
#include "config/problem.h"
#include "config/secrets.h"
#include "config/yaml.h"

namespace tocsin {

class Reader {
 public:
  explicit Reader(const Secrets& secrets) : secrets_(secrets) {}

  void Report(const YamlNode& node, const std::string& path, std::string message);
  // Also reports what is wrong with a value that was read at `path`.
  void Check(const YamlNode& node, const std::string& path, const absl::Status& status);
  void Remember(const YamlNode& node, const std::string& path) { positions_.try_emplace(path, &node); }

  // The node at `path`, or at the nearest path that holds it; nullptr when even that is unknown.
  const YamlNode* Find(std::string path) const;

  const Secrets& secrets() const { return secrets_; }
  std::vector<Problem>& problems() { return problems_; }

 private:
  const Secrets& secrets_;
  absl::flat_hash_map<std::string, const YamlNode*> positions_;
  std::vector<Problem> problems_;
};

template <typename E>
struct Choice {
  std::string_view name;
  E value;
};

class YamlFields {
 public:
  YamlFields(Reader& reader, const YamlNode& node, std::string path);
  ~YamlFields();
  YamlFields(const YamlFields&) = delete;
  YamlFields& operator=(const YamlFields&) = delete;

  Reader& reader() { return reader_; }
  const YamlNode& node() const { return node_; }
  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view name) const;

  // The value of `name`, or nullptr when it is absent or null. From now on the field is known.
  const YamlNode* Take(std::string_view name);
  bool Has(std::string_view name) const;
  // As Take, of text; nullptr and a problem when it is not.
  const YamlNode* TakeText(std::string_view name);
  void Require(std::string_view name);
  void Report(std::string_view name, std::string message);

  // read(fields of the map that is the field's value), when there is one: what it does not say keeps its value.
  template <typename Read>
  void Part(std::string_view name, const Read& read) {
    const YamlNode* value = Take(name);
    if (value == nullptr) return;
    YamlFields of_part(reader_, *value, PathOf(name));
    read(of_part);
  }

  void Text(std::string_view name, std::string& to);
  void Flag(std::string_view name, bool& to);
  void Integer(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t& to);
  template <typename T>
  void Integer(std::string_view name, std::int64_t low, std::int64_t high, T& to) {
    auto value = static_cast<std::int64_t>(to);
    Integer(name, low, high, value);
    to = static_cast<T>(value);
  }
  void Duration(std::string_view name, absl::Duration& to);
  // `to` gets parse(text), or a problem is reported.
  template <typename T, typename Parse>
  void Parsed(std::string_view name, T& to, const Parse& parse) {
    if (const YamlNode* value = TakeText(name)) {
      auto parsed = parse(value->text);
      reader_.Check(*value, PathOf(name), parsed.status());
      if (parsed.ok()) to = *std::move(parsed);
    }
  }
  template <typename Tag>
  void Name(std::string_view name, StrongName<Tag>& to) {
    std::string text = to.value();
    Text(name, text);
    to = StrongName<Tag>(std::move(text));
  }
  template <typename E>
  void OneOf(std::string_view name, std::span<const Choice<E>> choices, E& to) {
    std::vector<std::string_view> names;
    for (const Choice<E>& choice : choices)
      names.push_back(choice.name);
    if (const std::size_t index = Index(name, names); index < choices.size()) to = choices[index].value;
  }
  // `name`, or `name`_env, or `name`_file: at most one of them.
  void Secret(std::string_view name, std::string& to);

  using Item = absl::FunctionRef<void(const YamlNode& item, const std::string& path)>;
  // `first`: the number of the first item in paths, for a list that several files add to.
  void List(std::string_view name, Item read, std::size_t first = 0);
  void TextList(std::string_view name, std::vector<std::string>& to);
  template <typename Tag>
  void NameList(std::string_view name, std::vector<StrongName<Tag>>& to) {
    std::vector<std::string> names;
    TextList(name, names);
    for (std::string& each : names)
      to.emplace_back(std::move(each));
  }

 private:
  // The position of the field's text in `names`; names.size() and perhaps a problem otherwise.
  std::size_t Index(std::string_view name, std::span<const std::string_view> names);

  Reader& reader_;
  const YamlNode& node_;
  std::string path_;
  std::vector<std::string_view> known_;
};

// The text of a list's item; nullptr and a problem when it is none.
const YamlNode* AsText(Reader& reader, const YamlNode& item, const std::string& path);

}  // namespace tocsin
