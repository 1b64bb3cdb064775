#include "ingest/mapping.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kValueBytes = 16 * 1024;  // of what one template becomes

// What templates look into: the body, or one of its alerts, and what came with it.
struct Ground {
  const SourceRequest& request;
  std::optional<dom::element> json;
  const Fields* form = nullptr;
};

std::optional<dom::element> Descend(dom::element value, std::span<const std::string> steps) {
  for (const std::string& step : steps) {
    if (value.is_object()) {
      const std::optional<dom::element> member = Member(dom::object(value), step);
      if (!member) return std::nullopt;
      value = *member;
    } else if (value.is_array()) {
      std::size_t position = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), position);
      dom::element element;
      if (error != std::errc() || end != step.data() + step.size() || dom::array(value).at(position).get(element))
        return std::nullopt;
      value = element;
    } else {
      return std::nullopt;
    }
  }
  return value;
}

std::string Look(const Ground& ground, const TextTemplate::Path& path) {
  if (path.steps.empty()) return path.literal;
  if (path.steps[0] == "$header" && path.steps.size() == 2)
    return ReplaceInvalidUtf8(FindHeader(ground.request.headers, path.steps[1]));
  if (path.steps[0] == "$query" && path.steps.size() == 2)
    return ReplaceInvalidUtf8(QueryValue(ground.request.query, path.steps[1]).value_or(""));
  if (ground.json) {
    const std::optional<dom::element> found = Descend(*ground.json, path.steps);
    return found ? JsonText(*found) : "";
  }
  if (ground.form == nullptr) return "";
  const std::string name = absl::StrJoin(path.steps, ".");
  const auto& fields = ground.form->all();
  const auto found = std::ranges::find(fields, name, &Field::path);
  return found == fields.end() ? "" : found->text;
}

// "" when `text` names something and none of what it names is there.
std::string Fill(const Ground& ground, std::string_view text) {
  const absl::StatusOr<TextTemplate> parsed = ParseTemplate(text);
  if (!parsed.ok()) return "";
  std::string result;
  bool names = false;
  bool found = false;
  for (const TextTemplate::Part& part : parsed->parts) {
    result += part.text;
    for (const TextTemplate::Path& path : part.paths) {
      const bool is_literal = path.steps.empty();  // stands in for what may be absent, and says nothing about a body
      names = names || !is_literal;
      const std::string value = Look(ground, path);
      if (value.empty()) continue;
      found = found || !is_literal;
      result += value;
      break;
    }
    if (result.size() > kValueBytes) break;
  }
  if (names && !found) return "";
  return std::string(TruncateUtf8(result, kValueBytes));
}

bool HasWord(const std::vector<std::string>& words, std::string_view word) {
  const std::string lower = ToLower(Trim(word));
  return std::ranges::any_of(words, [&](const std::string& each) { return ToLower(each) == lower; });
}

Severity SeverityOf(const FieldMapping& mapping, const std::string& word) {
  for (const Label& known : mapping.severities) {
    if (ToLower(known.name) == ToLower(Trim(word))) return SeverityFromName(known.value).value_or(Severity::kUnknown);
  }
  return ParseSeverity(word);
}

Reading ReadOne(const FieldMapping& mapping, const Ground& ground) {
  const std::string status = Fill(ground, mapping.status);
  if (HasWord(mapping.ignored_when, status)) return Reading::Ignored(absl::StrCat("status ", JsonQuote(status)));
  EventBuilder event;
  EventKind kind = ParseStatusWord(status).value_or(EventKind::kTrigger);
  if (HasWord(mapping.firing_when, status)) kind = EventKind::kTrigger;
  if (HasWord(mapping.acknowledged_when, status)) kind = EventKind::kAcknowledge;
  if (HasWord(mapping.resolved_when, status)) kind = EventKind::kResolve;
  event.Kind(kind).Severity(SeverityOf(mapping, Fill(ground, mapping.severity)));
  const std::string title = Fill(ground, mapping.title);
  for (const Label& label : mapping.labels)
    event.Label(label.name, Fill(ground, label.value));
  // Text decides which alert it is only where there is a key besides.
  if (!mapping.key.empty()) event.Label("alertname", title);
  event.Summary(title).Description(Fill(ground, mapping.description));
  for (const Label& annotation : mapping.annotations)
    event.Annotation(annotation.name, Fill(ground, annotation.value));
  if (!ParseStatusWord(status)) event.Annotation("status", status);
  event.Link(Fill(ground, mapping.link));
  event.StartsAt(Fill(ground, mapping.starts_at));
  if (kind != EventKind::kAcknowledge) event.EndsAt(ParseAnyTime(Fill(ground, mapping.ends_at)));
  const std::string key = Fill(ground, mapping.key);
  if (!mapping.key.empty() && key.empty())
    return Reading::Rejected(absl::StrCat("mapping.key: nothing that ", JsonQuote(mapping.key), " names is there"));
  // Not EventBuilder's Key: the template says already how parts are held apart.
  return std::move(event).FinishAs(key, "mapping: neither a key nor a label came of it");
}

absl::StatusOr<Readings> ReadJson(const FieldMapping& mapping, const SourceRequest& request) {
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
  dom::element alerts = document;
  if (!mapping.each.empty()) {
    TOCSIN_ASSIGN(const std::vector<std::string> steps, ParsePath(mapping.each));
    const std::optional<dom::element> found = Descend(document, steps);
    if (!found) return Invalid("mapping.each: there is no %s", mapping.each);
    if (!found->is_array() && !found->is_object())
      return Invalid("mapping.each: %s is a %s, no list", mapping.each, JsonTypeName(*found));
    alerts = *found;
  }
  Readings readings;
  if (!alerts.is_array()) {
    readings.push_back(ReadOne(mapping, {.request = request, .json = alerts}));
    return readings;
  }
  for (const dom::element& alert : dom::array(alerts))
    readings.push_back(ReadOne(mapping, {.request = request, .json = alert}));
  return readings;
}

}  // namespace

Readings ReadMapped(const FieldMapping& mapping, const SourceRequest& request, const Now& received) {
  const auto read = [&]() -> absl::StatusOr<Readings> {
    if (LooksLikeJson(request.body)) return ReadJson(mapping, request);
    if (Trim(request.body).empty())  // all of it may stand in the query
      return Readings{ReadOne(mapping, {.request = request, .json = std::nullopt})};
    return ReadEachFields(request, /*with_lines=*/true, [&](const Fields& fields) {
      return ReadOne(mapping, {.request = request, .json = std::nullopt, .form = &fields});
    });
  };
  return WithStandIns(kGenericSource, request, read(), received);
}

}  // namespace tocsin
