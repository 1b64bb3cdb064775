#include "base/strings.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

// The well-formed sequences of more than one byte (Unicode, table 3-7): which second byte may follow which first. Bytes
// after the second are 0x80 to 0xBF. No overlong forms, no surrogates, nothing above U+10FFFF.
struct Sequence {
  std::uint8_t first_low, first_high;
  std::uint8_t second_low, second_high;
  std::uint8_t bytes;
};
constexpr Sequence kSequences[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2},
    {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4},
    {0xF4, 0xF4, 0x80, 0x8F, 4},
};

// The length of the valid UTF-8 sequence at the start of a text that is not empty, or 0 when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto within = [&](std::size_t i, std::uint8_t low, std::uint8_t high) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    return low <= byte && byte <= high;
  };
  if (within(0, 0x00, 0x7F)) return 1;
  for (const Sequence& s : kSequences) {
    if (!within(0, s.first_low, s.first_high)) continue;
    if (text.size() < s.bytes || !within(1, s.second_low, s.second_high)) return 0;
    for (std::size_t i = 2; i < s.bytes; ++i) {
      if (!within(i, 0x80, 0xBF)) return 0;
    }
    return s.bytes;
  }
  return 0;
}

// Eight bytes at once: nearly all text that we see is ASCII, and all of it is checked.
std::size_t AsciiPrefix(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) return at;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80)
    ++at;
  return at;
}

// How many bytes at the start are visible ASCII or spaces, and neither a quotation mark nor a backslash: what no quoting changes, and
// nearly all of what is quoted.
std::size_t PlainPrefix(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x80 * kOnes;
  const auto below = [](std::uint64_t word, std::uint64_t than) { return (word - than * kOnes) & ~word; };
  std::size_t at = 0;
  for (std::uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    // A carry only reaches bytes behind one that is not plain.
    const std::uint64_t odd =
        (word | (word + kOnes) | below(word, 0x20) | below(word ^ ('"' * kOnes), 1) | below(word ^ ('\\' * kOnes), 1)) &
        kHigh;
    if (odd != 0) return at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
  }
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  while (at < text.size() && is_plain(text[at]))
    ++at;
  return at;
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

bool IsAscii(std::string_view text) {
  using Block = std::uint64_t __attribute__((vector_size(16)));
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const auto load = [&]<typename Word>(Word& word, std::size_t at) {
    std::memcpy(&word, text.data() + at, sizeof word);
  };
  if (text.size() < sizeof(Block)) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  }
  Block all = {};
  Block block;
  const std::size_t last = text.size() - sizeof block;  // may overlap
  std::size_t at = 0;
  for (Block next; at + sizeof block < last; at += 2 * sizeof block) {
    load(block, at);
    load(next, at + sizeof block);
    all |= block | next;
  }
  for (const std::size_t rest : {std::min(at, last), last}) {
    load(block, rest);
    all |= block;
  }
  return ((all[0] | all[1]) & kHighBits) == 0;
}

bool IsValidUtf8(std::string_view text) {
  text.remove_prefix(AsciiPrefix(text));
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
    const std::size_t plain = PlainPrefix(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
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
    const std::size_t plain = PlainPrefix(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
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
