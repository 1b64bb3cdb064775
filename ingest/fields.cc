#include "ingest/fields.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

#include "base/limits.h"
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

bool LooksLikeMultipart(std::string_view body) {
  return body.starts_with("--") && absl::StrContains(ToLower(body), "content-disposition:");
}

// The name in `Content-Disposition: form-data; name="data"`; "" when there is none.
std::string_view PartName(std::string_view head) {
  constexpr std::string_view kName = " name=\"";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return {};
  head.remove_prefix(at + kName.size());
  return head.substr(0, head.find('"'));
}

// Several lines of NAME=value; curl's scripts call them a form.
bool LooksLikeManyLines(std::string_view body) {
  body = Trim(body);
  return body.find('\n') != std::string_view::npos &&
         body.substr(0, body.find('\n')).find('&') == std::string_view::npos;
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

bool LooksLikeForm(const SourceRequest& request) {
  const std::string_view body = Trim(request.body);
  if (body.find('=') == std::string_view::npos) return false;
  if (absl::StrContains(ToAbsl(ToLower(request.content_type)), "form-urlencoded")) return true;
  return body.find_first_of(" \n\t{<") == std::string_view::npos;
}

bool IsUnfilledPlaceholder(std::string_view text) {
  if (text.starts_with("${") || text.starts_with("{{")) return text.ends_with('}');
  const auto is_macro = [](std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    });
  };
  if (text.size() > 4 && text.starts_with("##") && text.ends_with("##")) {  // LogicMonitor
    return is_macro(text.substr(2, text.size() - 4));
  }
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

Fields Fields::FromMultipart(std::string_view body) {
  Fields fields;
  const std::string_view boundary = Trim(body.substr(0, body.find('\n')));
  while (fields.all().size() < kMostFields) {
    const std::size_t start = body.find(boundary);
    if (start == std::string_view::npos) break;
    body.remove_prefix(start + boundary.size());
    std::string_view part = body.substr(0, body.find(boundary));
    const bool has_returns = part.starts_with("\r\n");
    const std::string_view gap = has_returns ? "\r\n\r\n" : "\n\n";
    const std::size_t end_of_head = part.find(gap);
    if (end_of_head == std::string_view::npos) continue;
    const std::string_view name = PartName(part.substr(0, end_of_head));
    part.remove_prefix(end_of_head + gap.size());
    if (!name.empty()) fields.Add(ReplaceInvalidUtf8(name), ReplaceInvalidUtf8(Trim(part)));
  }
  return fields;
}

void Fields::Unfold(std::initializer_list<std::string_view> names) {
  const std::size_t count = fields_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Field field = fields_[i];
    if (std::ranges::find(names, field.name) == names.end() || !LooksLikeJson(field.text)) continue;
    const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(field.text, JsonReader::Manner::kLenient);
    if (document.ok() && document->is_object()) AddJson(dom::object(*document), field.path);
  }
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
  std::vector<Fields> all;
  if (Trim(request.body).empty()) {
    if (request.query.empty()) return Invalid("the body is empty");
    all.push_back(Fields::FromForm(request.query));
    return all;
  }
  if (LooksLikeJson(request.body)) {
    TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
    if (document.is_object()) {
      all.push_back(Fields::FromJson(dom::object(document)));
      return all;
    }
    for (const dom::element& value : dom::array(document)) {
      if (all.size() > limits::kEventsPerBatch) break;                                     // WithStandIns says so
      all.push_back(value.is_object() ? Fields::FromJson(dom::object(value)) : Fields());  // nobody can read nothing
    }
    return all;
  }
  if (LooksLikeMultipart(request.body)) {
    all.push_back(Fields::FromMultipart(request.body));
  } else if (with_lines && LooksLikeManyLines(request.body) && LooksLikeLines(request.body)) {
    all.push_back(Fields::FromLines(request.body));
  } else if (LooksLikeForm(request)) {
    all.push_back(Fields::FromForm(Trim(request.body)));
  } else if (with_lines && LooksLikeLines(request.body)) {
    all.push_back(Fields::FromLines(request.body));
  } else {
    return Invalid("byte 0: neither JSON nor a form");
  }
  return all;
}

absl::StatusOr<Readings> ReadEachFields(const SourceRequest& request,
                                        bool with_lines,
                                        absl::FunctionRef<Reading(Fields fields)> read) {
  TOCSIN_ASSIGN(std::vector<Fields> all, ReadFields(request, with_lines));
  Readings readings;
  for (Fields& fields : all)
    readings.push_back(read(std::move(fields)));
  return readings;
}

}  // namespace tocsin
