#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "absl/time/time.h"
#include <google/protobuf/util/json_util.h>

#include "base/strings.h"

namespace tocsin {
namespace {

// Columns that a terminal needs for `text`: code points, which is right for all but wide scripts.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// What a terminal obeys or what makes a line look like another one: controls (of C1 too: U+009B begins an escape sequence
// just as ESC [ does), line separators, direction overrides.
bool IsUnfit(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

void Table::Print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    if (point.value == '\n' || point.value == '\t') {
      out += ' ';
    } else if (!point.valid || IsUnfit(point.value)) {
      out += '?';
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string Show(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S%Ez", absl::FromUnixSeconds(time.seconds()), absl::LocalTimeZone());
}

std::string EnumWord(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return name.empty() ? "?" : ToLower(name);
}

void PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (google::protobuf::util::MessageToJsonString(message, &json, options).ok()) std::printf("%s", json.c_str());
}

}  // namespace tocsin
