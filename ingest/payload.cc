#include "ingest/payload.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

bool IsSeparator(char c) {
  return c == '_' || c == '-' || c == ' ';
}

// What is left of `path` after a member's name; nullopt when the path does not begin with it.
std::optional<std::string_view> After(std::string_view path, std::string_view name) {
  for (const char c : name) {
    if (IsSeparator(c)) continue;
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (path.empty() || path.front() != lower) return std::nullopt;
    path.remove_prefix(1);
  }
  if (path.empty()) return path;
  if (path.front() != '.') return std::nullopt;
  return path.substr(1);
}

std::optional<dom::element> FindIn(dom::element value, std::string_view path);

std::optional<dom::element> FindInArray(dom::array array, std::string_view path) {
  const std::size_t dot = std::min(path.find('.'), path.size());
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + dot, index);
  dom::element element;
  if (error != std::errc() || end != path.data() + dot || array.at(index).get(element) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return FindIn(element, dot == path.size() ? std::string_view() : path.substr(dot + 1));
}

std::optional<dom::element> FindInObject(dom::object object, std::string_view path) {
  std::optional<dom::element> found;
  for (const dom::key_value_pair& member : object) {
    if (member.key.empty()) continue;
    const std::optional<std::string_view> rest = After(path, member.key);
    if (!rest) continue;
    if (const std::optional<dom::element> inside = FindIn(member.value, *rest)) found = inside;
  }
  return found;
}

// Ends with the path: each step takes at least a name off it.
std::optional<dom::element> FindIn(dom::element value, std::string_view path) {
  if (path.empty()) return IsNull(value) ? std::nullopt : std::optional(value);
  if (value.is_array()) return FindInArray(dom::array(value), path);
  return value.is_object() ? FindInObject(dom::object(value), path) : std::nullopt;
}

std::string ListText(dom::array array) {
  std::string text;
  for (const dom::element& value : array) {
    if (value.is_object() || value.is_array()) return simdjson::minify(array);
    if (!text.empty()) text += ',';
    text += PayloadText(value);
  }
  return text;
}

std::string FormAsJson(const std::vector<FormField>& fields) {
  std::string json = "{";
  for (const FormField& field : fields) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", JsonQuote(field.name), ":", JsonQuote(field.value));
  }
  return json + "}";
}

// The body as JSON text, whatever it came as.
absl::StatusOr<std::string> BodyAsJson(const SourceRequest& request) {
  const std::string_view body = Trim(request.body);
  if (LooksLikeJson(body)) return std::string(body);
  if (body.starts_with('"')) {
    TOCSIN_ASSIGN(const dom::element text, ThreadJsonReader().Read(body, JsonReader::Manner::kLenient));
    if (text.is_string() && LooksLikeJson(JsonText(text))) return JsonText(text);
  }
  const std::string_view form = body.empty() ? request.query : body;
  if (form.empty()) return Invalid("the body is empty");
  const bool is_form =
      form.find('=') != std::string_view::npos && form.find_first_of(" \n\t<{\"") == std::string_view::npos;
  if (!is_form) return Invalid("byte 0: neither JSON nor a form");
  const std::vector<FormField> fields = ParseForm(form);
  for (const FormField& field : fields) {
    if (LooksLikeJson(field.value)) return field.value;
  }
  return FormAsJson(fields);
}

// "a:b", "a=b" or "a".
void AddTag(EventBuilder& event, std::string_view tag, std::string& bare) {
  tag = Trim(tag);
  const std::size_t separator = tag.find_first_of(":=");
  if (separator == std::string_view::npos || separator == 0 || separator + 1 == tag.size()) {
    if (!tag.empty()) absl::StrAppend(&bare, bare.empty() ? "" : ",", ToAbsl(tag));
    return;
  }
  event.Label(tag.substr(0, separator), tag.substr(separator + 1));
}

void AddTagsOfText(EventBuilder& event, std::string_view tags, std::string& bare) {
  while (!tags.empty()) {
    const std::size_t comma = std::min(tags.find(','), tags.size());
    AddTag(event, tags.substr(0, comma), bare);
    tags.remove_prefix(std::min(comma + 1, tags.size()));
  }
}

}  // namespace

std::string PayloadText(dom::element value) {
  if (value.is_array()) return ListText(dom::array(value));
  if (value.is_double()) {
    constexpr double kExact = 9007199254740992;  // 2^53
    const double number(value);
    if (std::abs(number) < kExact && number == std::trunc(number)) {
      return absl::StrCat(static_cast<std::int64_t>(number));
    }
  }
  return JsonText(value);
}

std::optional<dom::element> Payload::Find(std::string_view path) const {
  return FindInObject(object_, path);
}

std::optional<Payload> Payload::Object(std::string_view path) const {
  const std::optional<dom::element> value = Find(path);
  if (!value || !value->is_object()) return std::nullopt;
  return Payload(dom::object(*value));
}

std::vector<dom::element> Payload::List(std::string_view path) const {
  std::vector<dom::element> elements;
  const std::optional<dom::element> value = Find(path);
  if (!value || !value->is_array()) return elements;
  for (const dom::element& element : dom::array(*value))
    elements.push_back(element);
  return elements;
}

std::string Payload::Text(std::initializer_list<std::string_view> paths) const {
  for (const std::string_view path : paths) {
    const std::optional<dom::element> value = Find(path);
    if (!value) continue;
    const std::string text = PayloadText(*value);
    const std::string_view trimmed = Trim(text);
    if (!trimmed.empty() && trimmed != "[]" && trimmed != "{}" && !IsUnfilledPlaceholder(trimmed)) {
      return std::string(trimmed);
    }
  }
  return "";
}

std::optional<Payload> OpenObject(JsonReader& reader, std::optional<dom::element> value) {
  if (!value) return std::nullopt;
  if (value->is_object()) return Payload(dom::object(*value));
  if (!value->is_string()) return std::nullopt;
  const std::string text = JsonText(*value);
  if (!LooksLikeJson(text)) return std::nullopt;
  const absl::StatusOr<dom::element> inside = reader.Read(text, JsonReader::Manner::kLenient);
  if (!inside.ok() || !inside->is_object()) return std::nullopt;
  return Payload(dom::object(*inside));
}

absl::StatusOr<Readings> ReadEachOfMany(const SourceRequest& request, const ReadObjects& read) {
  TOCSIN_ASSIGN(const std::string text, BodyAsJson(request));
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(text, JsonReader::Manner::kLenient));
  if (document.is_object()) return read(Payload(dom::object(document)));
  Readings readings;
  for (const dom::element& element : dom::array(document)) {
    if (readings.size() > limits::kEventsPerBatch) break;  // WithStandIns says so
    if (!element.is_object()) {
      readings.push_back(Reading::Rejected(absl::StrFormat("expected an object, found %s %s", JsonTypeName(element),
                                                           std::string(TruncateUtf8(JsonText(element), 40)))));
      continue;
    }
    TOCSIN_ASSIGN(Readings some, read(Payload(dom::object(element))));
    for (Reading& reading : some)
      readings.push_back(std::move(reading));
  }
  return readings;
}

absl::StatusOr<Readings> ReadEach(const SourceRequest& request, const ReadObject& read) {
  return ReadEachOfMany(request, [&](const Payload& object) { return Readings{read(object)}; });
}

void AddLabels(EventBuilder& event, std::optional<dom::element> object) {
  if (!object || !object->is_object()) return;
  for (const dom::key_value_pair& member : dom::object(*object)) {
    if (!member.value.is_object() && !member.value.is_array()) event.Label(member.key, PayloadText(member.value));
  }
}

void AddTags(EventBuilder& event, std::optional<dom::element> tags) {
  if (!tags) return;
  std::string bare;
  if (tags->is_string()) AddTagsOfText(event, JsonText(*tags), bare);
  if (tags->is_object()) AddLabels(event, tags);
  if (tags->is_array()) {
    for (const dom::element& tag : dom::array(*tags)) {
      if (tag.is_string()) AddTag(event, JsonText(tag), bare);
      if (!tag.is_object()) continue;
      const Payload pair{dom::object(tag)};
      event.Label(pair.Text({"key", "name"}),
                  pair.Text({"value.stringvalue", "value.intvalue", "value.boolvalue", "value.doublevalue", "value"}));
    }
  }
  event.Annotation("tags", bare);
}

void SetKind(EventBuilder& event, std::string_view status) {
  const std::optional<EventKind> kind = ParseStatusWord(status);
  event.Kind(kind.value_or(EventKind::kTrigger));
  if (!kind) event.Annotation("status", status);
}

std::string_view AfterLast(std::string_view text, char separator) {
  const std::size_t at = text.rfind(separator);
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

}  // namespace tocsin
