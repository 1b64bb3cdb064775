#include "ingest/webhook_parts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMostTags = 200;
constexpr absl::Duration kTestAlertFor = absl::Minutes(10);

// The bare ones are collected in `rest`.
void AddTag(EventBuilder& event, std::string_view tag, std::string& rest) {
  tag = Trim(tag);
  const std::size_t mark = tag.find_first_of(":=");
  const bool is_named = mark != std::string_view::npos && mark > 0 && mark + 1 < tag.size() &&
                        !tag.substr(mark).starts_with("://") && tag.substr(0, mark).find(' ') == std::string_view::npos;
  if (is_named) {
    event.Label(tag.substr(0, mark), tag.substr(mark + 1));
  } else if (!tag.empty()) {
    absl::StrAppend(&rest, rest.empty() ? "" : ",", ToAbsl(tag));
  }
}

void AddTagOf(EventBuilder& event, dom::element value, std::string& rest) {
  if (!value.is_object()) return AddTag(event, JsonText(value), rest);
  const dom::object tag(value);
  std::string name;
  for (const std::string_view member : {"tag", "name", "key"}) {
    if (name.empty()) name = MemberText(tag, member);
  }
  const std::string text = MemberText(tag, "value");
  if (text.empty()) {
    AddTag(event, name, rest);
  } else {
    event.Label(name, text);
  }
}

}  // namespace

void AddTags(EventBuilder& event, std::string_view tags, std::string_view separators) {
  std::string rest;
  std::size_t count = 0;
  if (LooksLikeJson(tags)) {
    const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(tags, JsonReader::Manner::kLenient);
    if (!document.ok()) return;
    if (document->is_object()) {
      for (const dom::key_value_pair& tag : dom::object(*document)) {
        if (++count <= kMostTags) event.Label(tag.key, JsonText(tag.value));
      }
    } else if (document->is_array()) {
      for (const dom::element& tag : dom::array(*document)) {
        if (++count <= kMostTags) AddTagOf(event, tag, rest);
      }
    }
  } else {
    while (!tags.empty() && ++count <= kMostTags) {
      const std::size_t end = std::min(tags.find_first_of(separators), tags.size());
      AddTag(event, tags.substr(0, end), rest);
      tags.remove_prefix(std::min(end + 1, tags.size()));
    }
  }
  event.Label("tags", rest);
}

Reading TestAlert(const Source& source, std::string_view text, const Now& received) {
  EventBuilder event;
  event.Key({"test of the connection"}).Severity(Severity::kInfo).EndsAt(received.wall + kTestAlertFor);
  event.Label("alertname", "Test").Label("source", source.name);
  event.Summary(absl::StrCat("a test of ", ToAbsl(source.product), text.empty() ? "" : ": ", ToAbsl(text)));
  return std::move(event).Finish("");
}

std::optional<absl::Time> ParseZonedTime(std::string_view text) {
  text = Trim(text);
  // 2024-09-12 12:00:00 +0000
  if (const std::size_t zone = text.find_last_of(' '); zone != std::string_view::npos && zone > 10) {
    const std::string_view name = text.substr(zone + 1);
    const bool is_utc = name == "UTC" || name == "GMT" || name == "Z";
    if (is_utc || name.starts_with('+') || name.starts_with('-')) {
      return ParseAnyTime(absl::StrCat(ToAbsl(text.substr(0, zone)), is_utc ? "Z" : ToAbsl(name)));
    }
  }
  // Thu Sep 12 12:00:00 UTC 2024
  absl::Time time;
  for (const char* format : {"%a %b %e %H:%M:%S UTC %Y", "%a %b %e %H:%M:%S GMT %Y"}) {
    if (absl::ParseTime(format, ToAbsl(text), &time, nullptr)) return time;
  }
  return std::nullopt;
}

absl::StatusOr<simdjson::dom::object> OpenWrappedObject(const SourceRequest& request) {
  std::string json(request.body);
  if (!LooksLikeJson(request.body)) {
    TOCSIN_ASSIGN(const std::vector<Fields> form, ReadFields(request, /*with_lines=*/false));
    json = form[0].Get({"payload"});
    if (json.empty()) return Invalid("payload: missing from the form");
  }
  TOCSIN_ASSIGN(simdjson::dom::element document, ThreadJsonReader().Read(json, JsonReader::Manner::kLenient));
  if (document.is_object()) {
    if (const auto payload = Member(simdjson::dom::object(document), "payload"); payload && payload->is_object())
      document = *payload;
  }
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  return simdjson::dom::object(document);
}

}  // namespace tocsin
