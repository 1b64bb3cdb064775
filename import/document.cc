#include "import/document.h"

#include <algorithm>

#include <boost/json.hpp>

#include "base/status.h"
#include "base/strings.h"
#include "config/yaml.h"

namespace tocsin::import {
namespace {

namespace json = boost::json;

std::string_view ToStd(json::string_view text) {
  return {text.data(), text.size()};
}

// False when there are too many values.
bool Convert(const json::value& from, Value& to, std::size_t& values) {
  if (values == 0) return false;
  --values;
  switch (from.kind()) {
    case json::kind::null: return true;
    case json::kind::string:
      to.kind = Value::Kind::kText;
      to.text = ToStd(from.get_string());
      return true;
    case json::kind::array:
      to.kind = Value::Kind::kList;
      to.items.reserve(from.get_array().size());
      return std::ranges::all_of(
          from.get_array(), [&](const json::value& item) { return Convert(item, to.items.emplace_back(), values); });
    case json::kind::object:
      to.kind = Value::Kind::kMap;
      to.fields.reserve(from.get_object().size());
      return std::ranges::all_of(from.get_object(), [&](const json::key_value_pair& field) {
        return Convert(field.value(), to.fields.emplace_back(Field{std::string(ToStd(field.key())), Value()}).value,
                       values);
      });
    case json::kind::bool_:
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: break;
  }
  to.kind = Value::Kind::kText;
  to.text = json::serialize(from);
  return true;
}

Value Convert(const YamlNode& from) {
  Value to;
  switch (from.kind) {
    case YamlNode::Kind::kNull: return to;
    case YamlNode::Kind::kText:
      to.kind = Value::Kind::kText;
      to.text = from.text;
      return to;
    case YamlNode::Kind::kList:
      to.kind = Value::Kind::kList;
      for (const YamlPtr& item : from.items)
        to.items.push_back(Convert(*item));
      return to;
    case YamlNode::Kind::kMap:
      to.kind = Value::Kind::kMap;
      for (const YamlNode::Entry& entry : from.entries)
        to.fields.push_back({entry.key->text, Convert(*entry.value)});
      return to;
  }
  return to;
}

// "line 3, column 7" of the byte at `offset`.
std::string Position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t begin = before.rfind('\n');
  const std::size_t column = begin == std::string_view::npos ? before.size() + 1 : before.size() - begin;
  return absl::StrFormat("line %d, column %d", line, column);
}

}  // namespace

const Value* Value::Find(std::string_view name) const {
  const auto found = std::ranges::find(fields.rbegin(), fields.rend(), name, &Field::name);
  return found == fields.rend() ? nullptr : &found->value;
}

absl::StatusOr<Value> ParseJson(std::string_view text, std::size_t& values) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  json::parse_options options;
  options.max_depth = kDepth;
  try {
    json::stream_parser parser(json::storage_ptr(), options);
    json::error_code error;
    const std::size_t read = parser.write_some(text.data(), text.size(), error);
    if (!error && !Trim(text.substr(read)).empty()) error = json::error::extra_data;
    if (!error) parser.finish(error);
    if (error) return Invalid("%s: is not JSON: %s", Position(text, read), error.message());
    Value root;
    if (!Convert(parser.release(), root, values)) return Invalid("more than %d values in all", kValues);
    return root;
  } catch (const std::exception& e) {
    return Invalid("is not JSON: %s", e.what());
  }
}

absl::StatusOr<Value> ParseYamlText(const std::string& file, std::string_view text) {
  const YamlDocuments documents = ParseYaml(file, text);
  if (!documents.problems.empty()) {
    const Problem& problem = documents.problems.front();
    return Invalid("line %d, column %d: %s", problem.line, problem.column, problem.message);
  }
  if (documents.roots.empty()) return Invalid("is empty");
  return Convert(*documents.roots.front());
}

}  // namespace tocsin::import
