#include "ical/content_lines.h"

#include <algorithm>

#include "base/strings.h"

namespace tocsin::ical {

void AppendLine(std::string& out, std::string_view name, std::string_view value) {
  std::string line(name);
  line += ':';
  line += value;
  std::string_view rest = line;
  std::size_t room = kLineOctets;
  while (rest.size() > room) {
    const std::string_view piece = TruncateUtf8(rest, room);
    out += piece;
    out += "\r\n ";
    rest.remove_prefix(piece.size());
    room = kLineOctets - 1;  // the space counts
  }
  out += rest;
  out += "\r\n";
}

std::string EscapeText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    if (!point.valid) {
      out += "\xEF\xBF\xBD";
    } else if (point.value == U'\n') {
      out += "\\n";
    } else if (point.value == U'\\' || point.value == U';' || point.value == U',') {
      out += '\\';
      out += bytes;
    } else if (point.value == U'\t') {
      out += ' ';
    } else if (point.value >= 0x20 && (point.value < 0x7F || point.value > 0x9F)) {
      out += bytes;
    }
  }
  return out;
}

std::string UnescapeText(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    out += next == 'n' || next == 'N' ? '\n' : next;
  }
  return out;
}

std::vector<ContentLine> Unfold(std::string_view text, std::size_t most_bytes) {
  std::vector<ContentLine> lines;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(line.size());
    if (text.starts_with("\r\n")) {
      text.remove_prefix(2);
    } else if (!text.empty()) {
      text.remove_prefix(1);
    }
    const bool goes_on = (line.starts_with(' ') || line.starts_with('\t')) && !lines.empty();
    if (goes_on) line.remove_prefix(1);
    if (!goes_on) {
      if (line.empty()) continue;
      lines.push_back({number, ""});
    }
    std::string& whole = lines.back().text;
    whole += line.substr(0, most_bytes - std::min(most_bytes, whole.size()));
  }
  return lines;
}

}  // namespace tocsin::ical
