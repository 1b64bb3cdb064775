#include "base/strings.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

// The length of the valid UTF-8 sequence at the start of `text`, or 0 when there is none (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

// Not shown by Go's strconv.IsPrint: control, format, separator, private-use code points. (Go also escapes code points
// that Unicode has not given out yet; which ones those are changes every year, and we print them.)
struct Range {
  char32_t first;
  char32_t last;
};
constexpr Range kInvisible[] = {
    {0x0000,  0x001F  },
    {0x007F,  0x00A0  },
    {0x00AD,  0x00AD  },
    {0x0600,  0x0605  },
    {0x061C,  0x061C  },
    {0x06DD,  0x06DD  },
    {0x070F,  0x070F  },
    {0x1680,  0x1680  },
    {0x180E,  0x180E  },
    {0x2000,  0x200F  },
    {0x2028,  0x202F  },
    {0x205F,  0x206F  },
    {0x3000,  0x3000  },
    {0xE000,  0xF8FF  },
    {0xFEFF,  0xFEFF  },
    {0xFFF0,  0xFFFB  },
    {0xFFFE,  0xFFFF  },
    {0xE0000, 0xE00FF },
    {0xE01F0, 0x10FFFF},
};

bool IsVisible(char32_t c) {
  const auto* range = std::ranges::lower_bound(kInvisible, c, {}, &Range::last);
  return range == std::end(kInvisible) || c < range->first;
}

void AppendGoEscape(std::string& out, char32_t c) {
  constexpr std::string_view kLetters = "abtnvfr";  // U+0007 ... U+000D
  if (c == '"' || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c >= 0x07 && c <= 0x0D) {
    out += '\\';
    out += kLetters[c - 0x07];
  } else {
    const unsigned value = c;
    if (c < 0x80) {
      absl::StrAppendFormat(&out, "\\x%02x", value);
    } else if (c < 0x10000) {
      absl::StrAppendFormat(&out, "\\u%04x", value);
    } else {
      absl::StrAppendFormat(&out, "\\U%08x", value);
    }
  }
}

void AppendJsonEscape(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string JsonQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const auto lead = static_cast<unsigned char>(text[0]);
    if (length == 1 && (lead < 0x20 || lead == '"' || lead == '\\' || lead == 0x7F)) {
      AppendJsonEscape(out, text[0]);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
  return out;
}

CodePoint FirstCodePoint(std::string_view text) {
  const std::size_t length = SequenceLength(text);
  if (length == 0) return {};
  const auto lead = static_cast<unsigned char>(text[0]);
  if (length == 1) return {lead, 1, true};
  char32_t value = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i)
    value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {value, length, true};
}

void AppendUtf8(std::string& out, char32_t c) {
  const auto add = [&out](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xC0U | (c >> 6U));
    add(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    add(0xE0U | (c >> 12U));
    add(0x80U | ((c >> 6U) & 0x3FU));
    add(0x80U | (c & 0x3FU));
  } else {
    add(0xF0U | (c >> 18U));
    add(0x80U | ((c >> 12U) & 0x3FU));
    add(0x80U | ((c >> 6U) & 0x3FU));
    add(0x80U | (c & 0x3FU));
  }
}

std::string GoQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    if (!point.valid) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (point.value == '"' || point.value == '\\' || !IsVisible(point.value)) {
      AppendGoEscape(out, point.value);
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  out += '"';
  return out;
}

std::string_view TruncateUtf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  // A sequence has at most three continuation bytes; a longer run of them is no sequence and may be cut anywhere.
  for (std::size_t back = 0; back <= 3 && back <= bytes; ++back) {
    const std::size_t end = bytes - back;
    if ((static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U) return text.substr(0, end);
  }
  return text.substr(0, bytes);
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace tocsin
