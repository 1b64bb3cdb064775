#include "ingest/fields.h"

#include <algorithm>

#include "absl/strings/match.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostFields = 500;

std::string Simplified(std::string_view path) {
  std::string name = ToLower(path);
  std::erase_if(name, [](char c) { return c == '_' || c == '-' || c == ' '; });
  return name;
}

bool IsScalar(dom::element value) {
  return !value.is_object() && !value.is_array();
}

// ["a", "b"] as a,b; arrays of anything else as JSON.
std::string ListText(dom::array array) {
  std::string text;
  for (const dom::element& value : array) {
    if (!IsScalar(value)) return simdjson::minify(array);
    if (!text.empty()) text += ',';
    text += JsonText(value);
  }
  return text;
}

bool LooksLikeForm(const SourceRequest& request) {
  const std::string_view body = request.body;
  if (body.find('=') == std::string_view::npos) return false;
  if (absl::StrContains(ToAbsl(ToLower(request.content_type)), "form-urlencoded")) return true;
  return body.find_first_of(" \n\t{<") == std::string_view::npos;
}

bool LooksLikeLines(std::string_view body) {
  const std::string_view first = body.substr(0, body.find('\n'));
  const std::size_t equals = first.find('=');
  return equals != std::string_view::npos && equals > 0 && first.substr(0, equals).find(' ') == std::string_view::npos;
}

}  // namespace

bool LooksLikeJson(std::string_view body) {
  body = Trim(body);
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  return body.starts_with('{') || body.starts_with('[');
}

bool IsUnfilledPlaceholder(std::string_view text) {
  if (text.starts_with("${") || text.starts_with("{{")) return text.ends_with('}');
  const auto is_macro = [](std::string_view name) {
    return !name.empty() &&
           std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c == '.' || c == '_'; });
  };
  if (text.starts_with('{') && text.ends_with('}')) return is_macro(text.substr(1, text.size() - 2));  // Zabbix
  if (text.size() > 2 && text.starts_with('*') && text.ends_with('*')) {                               // UptimeRobot
    text = text.substr(1, text.size() - 2);
    return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  }
  if (!text.starts_with('$') || text.size() < 2) return false;
  text.remove_prefix(1);
  if (text.ends_with('$')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

void Fields::Add(std::string path, std::string text) {
  if (fields_.size() >= kMostFields) return;
  std::string name = Simplified(path);
  fields_.push_back({std::move(path), std::move(name), std::move(text)});
}

void Fields::AddJson(dom::object object, const std::string& path) {
  for (const dom::key_value_pair& member : object) {
    std::string member_path = path;
    if (!path.empty()) member_path += '.';
    member_path += member.key;
    if (member.value.is_object()) {
      AddJson(dom::object(member.value), member_path);  // as deep as the parser allows, at most
    } else if (member.value.is_array()) {
      Add(std::move(member_path), ListText(dom::array(member.value)));
    } else {
      Add(std::move(member_path), JsonText(member.value));
    }
  }
}

Fields Fields::FromJson(dom::object object) {
  Fields fields;
  fields.AddJson(object, "");
  return fields;
}

Fields Fields::FromForm(std::string_view form) {
  Fields fields;
  for (FormField& field : ParseForm(form, kMostFields)) {
    fields.Add(ReplaceInvalidUtf8(field.name), ReplaceInvalidUtf8(field.value));
  }
  return fields;
}

Fields Fields::FromLines(std::string_view lines) {
  Fields fields;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    fields.Add(ReplaceInvalidUtf8(line.substr(0, equals)), ReplaceInvalidUtf8(line.substr(equals + 1)));
  }
  return fields;
}

std::string_view Fields::Get(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    // The last of equal names counts.
    for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
      if (field->name != name) continue;
      const std::string_view text = Trim(field->text);
      if (!text.empty() && !IsUnfilledPlaceholder(text)) return text;
      break;
    }
  }
  return {};
}

void Fields::StripPrefix(std::string_view prefix) {
  for (Field& field : fields_) {
    if (field.name.starts_with(prefix)) field.name.erase(0, prefix.size());
  }
}

absl::StatusOr<std::vector<Fields>> ReadFields(const SourceRequest& request, bool with_lines) {
  if (Trim(request.body).empty()) return Invalid("the body is empty");
  std::vector<Fields> all;
  if (LooksLikeJson(request.body)) {
    TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
    if (document.is_object()) {
      all.push_back(Fields::FromJson(dom::object(document)));
      return all;
    }
    for (const dom::element& value : dom::array(document)) {
      if (!value.is_object()) {
        return Invalid("element %d: expected an object, found %s %s", all.size(), JsonTypeName(value),
                       TruncateUtf8(JsonText(value), 40));
      }
      all.push_back(Fields::FromJson(dom::object(value)));
    }
    return all;
  }
  if (LooksLikeForm(request)) {
    all.push_back(Fields::FromForm(Trim(request.body)));
  } else if (with_lines && LooksLikeLines(request.body)) {
    all.push_back(Fields::FromLines(request.body));
  } else {
    return Invalid("byte 0: neither JSON nor a form");
  }
  return all;
}

}  // namespace tocsin
