// A tree of text, lists and maps, and its YAML. Short maps and lists go on one line; text is quoted where it could be taken
// for something else.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin {

class YamlValue {
 public:
  static YamlValue Text(std::string_view text);
  static YamlValue List();
  static YamlValue Map();

  // Of a map.
  void Set(std::string_view name, YamlValue value);
  void Set(std::string_view name, std::string_view text) { Set(name, Text(text)); }
  // Only where it differs from what a reader assumes.
  void SetUnless(std::string_view name, std::string_view text, std::string_view assumed) {
    if (text != assumed) Set(name, text);
  }
  // Of a list.
  void Add(YamlValue value) { items_.emplace_back("", std::move(value)); }
  void Add(std::string_view text) { Add(Text(text)); }

  bool empty() const { return items_.empty(); }
  std::string Print() const;

 private:
  enum class Kind {
    kText,
    kList,
    kMap
  };
  explicit YamlValue(Kind kind) : kind_(kind) {}
  std::string Inline() const;
  void Print(std::string& out, std::size_t indent, std::size_t used) const;

  Kind kind_;
  std::string text_;
  std::vector<std::pair<std::string, YamlValue>> items_;  // of a list: without names
};

}  // namespace tocsin
