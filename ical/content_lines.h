// The lines of iCalendar (RFC 5545 3.1): folded at 75 octets, ended by CRLF; and how text is escaped in them (3.3.11).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::ical {

// Without the line's end. RFC 5545 3.1: octets, not characters.
inline constexpr std::size_t kLineOctets = 75;

// `name`:`value` as one content line, folded so that no UTF-8 sequence is split. `value` holds no control characters.
void AppendLine(std::string& out, std::string_view name, std::string_view value);

// As TEXT: backslash, semicolon, comma and line breaks escaped; other control characters and invalid UTF-8 replaced.
std::string EscapeText(std::string_view text);
// The reverse; unknown escapes stand for the character that follows.
std::string UnescapeText(std::string_view text);

// A line as it was before it was folded.
struct ContentLine {
  int number = 0;  // of its first piece, from 1
  std::string text;
};

// Unfolds, whatever the lines end with (CRLF, LF, CR); empty lines are left out. A line longer than `most_bytes` is cut there.
std::vector<ContentLine> Unfold(std::string_view text, std::size_t most_bytes);

}  // namespace tocsin::ical
