#include "config/yaml_writer.h"

#include <algorithm>

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kWidth = 110;

// Text that every YAML reader takes for itself.
bool IsPlain(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto permitted = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/' || c == '@';
  };
  const bool first = !text.empty() && (letter(text.front()) || (text.front() >= '0' && text.front() <= '9'));
  const std::string lower = ToLower(text);
  return first && std::ranges::all_of(text, permitted) && lower != "null";
}

std::string Scalar(std::string_view text) {
  return IsPlain(text) ? std::string(text) : JsonQuote(text);
}

}  // namespace

YamlValue YamlValue::Text(std::string_view text) {
  YamlValue value(Kind::kText);
  value.text_ = text;
  return value;
}
YamlValue YamlValue::List() {
  return YamlValue(Kind::kList);
}
YamlValue YamlValue::Map() {
  return YamlValue(Kind::kMap);
}

void YamlValue::Set(std::string_view name, YamlValue value) {
  items_.emplace_back(name, std::move(value));
}

std::string YamlValue::Inline() const {
  if (kind_ == Kind::kText) return Scalar(text_);
  std::string out = kind_ == Kind::kMap ? "{" : "[";
  for (const auto& [name, value] : items_) {
    if (out.size() > 1) out += ", ";
    if (kind_ == Kind::kMap) out += Scalar(name) + ": ";
    out += value.Inline();
  }
  return out + (kind_ == Kind::kMap ? "}" : "]");
}

// `used`: columns that the current line already has. A map's first field stands on the current line.
void YamlValue::Print(std::string& out, std::size_t indent, std::size_t used) const {
  bool first = true;
  for (const auto& [name, value] : items_) {
    if (!first) out.append(indent, ' ');
    if (first && used < indent) out.append(indent - used, ' ');
    first = false;
    const std::string head = kind_ == Kind::kMap ? Scalar(name) + ":" : "-";
    out += head;
    const bool flat =
        value.kind_ == Kind::kText || value.items_.empty() || std::ranges::all_of(value.items_, [](const auto& item) {
          return item.second.kind_ == Kind::kText || item.second.items_.size() <= 1;
        });
    const std::string line = flat ? value.Inline() : "";
    const bool fits = value.kind_ == Kind::kText || value.items_.empty() ||
                      (flat && indent + head.size() + 1 + line.size() <= kWidth);
    if (fits) {
      out += " " + line + "\n";
    } else if (kind_ == Kind::kList) {
      out += " ";
      value.Print(out, indent + 2, indent + 2);
    } else {
      out += "\n";
      value.Print(out, indent + 2, 0);
    }
  }
}

std::string YamlValue::Print() const {
  std::string out;
  if (kind_ == Kind::kText || items_.empty()) return Inline() + "\n";
  Print(out, 0, 0);
  return out;
}

}  // namespace tocsin
