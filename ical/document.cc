#include "ical/document.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "ical/content_lines.h"

namespace tocsin::ical {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string ToUpper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kShownBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// NAME;PARAMETER=value;PARAMETER="quoted":value
std::optional<Property> ParseLine(const ContentLine& line) {
  std::string_view rest = line.text;
  const std::size_t name_end = rest.find_first_of(";:");
  if (name_end == std::string_view::npos || !IsName(rest.substr(0, name_end))) return std::nullopt;
  Property property;
  property.line = line.number;
  property.name = ToUpper(rest.substr(0, name_end));
  rest.remove_prefix(name_end);
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    const std::size_t equals = rest.find_first_of("=;:");
    if (equals == std::string_view::npos || rest[equals] != '=' || !IsName(rest.substr(0, equals))) return std::nullopt;
    const std::string name = ToUpper(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::string value;
    bool quoted = false;
    std::size_t end = 0;
    for (; end < rest.size() && (quoted || (rest[end] != ';' && rest[end] != ':')); ++end) {
      if (rest[end] == '"') {
        quoted = !quoted;
      } else {
        value += rest[end];
      }
    }
    if (end == rest.size()) return std::nullopt;
    property.parameters.emplace_back(name, std::move(value));
    rest.remove_prefix(end);
  }
  if (!rest.starts_with(':')) return std::nullopt;
  property.value = std::string(rest.substr(1));
  return property;
}

class Reader {
 public:
  Document Run(std::string_view text) {
    if (text.size() > kDocumentBytes) {
      Tell(0, absl::StrFormat("%d bytes, at most %d are read", text.size(), kDocumentBytes));
      return std::move(document_);
    }
    std::size_t properties = 0;
    for (const ContentLine& line : Unfold(text, kLineBytes)) {
      if (line.text.size() >= kLineBytes) Tell(line.number, absl::StrFormat("longer than %d bytes: cut", kLineBytes));
      if (++properties > kProperties) {
        Tell(line.number, absl::StrFormat("more than %d lines: the rest is not read", kProperties));
        break;
      }
      Take(line);
    }
    if (!open_.empty())
      Tell(open_.back().line, "BEGIN:" + open_.back().name + " has no END: what it holds is not read");
    if (document_.calendars.empty()) Tell(0, "holds no VCALENDAR");
    return std::move(document_);
  }

 private:
  void Take(const ContentLine& line) {
    if (!IsValidUtf8(line.text)) return Tell(line.number, "is not UTF-8");
    std::optional<Property> property = ParseLine(line);
    if (!property) {
      return Tell(line.number, JsonQuote(TruncateUtf8(line.text, kShownBytes)) + " is no line of iCalendar");
    }
    if (property->name == "BEGIN") {
      Begin(*property);
    } else if (property->name == "END") {
      End(*property);
    } else if (skipped_ == 0 && !open_.empty()) {
      open_.back().properties.push_back(*std::move(property));
    }
  }

  void Begin(const Property& property) {
    const std::string name = ToUpper(Trim(property.value));
    if (!IsName(name)) return Tell(property.line, "BEGIN of nothing");
    if (skipped_ > 0 || open_.size() == kNesting || (open_.empty() && name != "VCALENDAR")) {
      if (skipped_++ == 0) Tell(property.line, "BEGIN:" + name + " does not belong here: passed over");
      return;
    }
    open_.push_back({.name = name, .line = property.line, .properties = {}, .components = {}});
  }

  void End(const Property& property) {
    const std::string name = ToUpper(Trim(property.value));
    if (skipped_ > 0) {
      --skipped_;
      return;
    }
    if (open_.empty() || open_.back().name != name) {
      return Tell(property.line, "END:" + std::string(TruncateUtf8(name, kShownBytes)) + " ends nothing");
    }
    Component done = std::move(open_.back());
    open_.pop_back();
    (open_.empty() ? document_.calendars : open_.back().components).push_back(std::move(done));
  }

  void Tell(int line, std::string message) {
    if (document_.troubles.size() < kProblems) document_.troubles.push_back({line, std::move(message)});
  }

  Document document_;
  std::vector<Component> open_;
  std::size_t skipped_ = 0;  // depth within what is passed over
};

}  // namespace

std::string_view Property::Parameter(std::string_view parameter) const {
  for (const auto& [key, value_of] : parameters) {
    if (key == parameter) return value_of;
  }
  return "";
}

const Property* Component::Find(std::string_view property) const {
  const auto found = std::ranges::find(properties, property, &Property::name);
  return found == properties.end() ? nullptr : &*found;
}

Document Parse(std::string_view text) {
  return Reader().Run(text);
}

}  // namespace tocsin::ical
