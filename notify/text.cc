#include "notify/text.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/strings.h"

namespace tocsin::notify {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "...";

enum class Class : std::uint8_t {
  kKeep,
  kSpace,
  kLineEnd,
  kDrop
};

Class Classify(char32_t c) {
  struct Range {
    char32_t first, last;
    Class what;
  };
  constexpr Range kRanges[] = {
      {0x09,    0x09,    Class::kSpace  },
      {0x0A,    0x0D,    Class::kLineEnd}, // LF, VT, FF, CR
      {0x00,    0x1F,    Class::kDrop   },
      {0x20,    0x20,    Class::kSpace  },
      {0x7F,    0x84,    Class::kDrop   },
      {0x85,    0x85,    Class::kLineEnd}, // NEL
      {0x86,    0x9F,    Class::kDrop   }, // the rest of C1: CSI is among them
      {0xA0,    0xA0,    Class::kSpace  },
      {0xAD,    0xAD,    Class::kDrop   }, // soft hyphen
      {0x061C,  0x061C,  Class::kDrop   }, // direction marks, overrides and isolates
      {0x200B,  0x200B,  Class::kDrop   },
      {0x200E,  0x200F,  Class::kDrop   },
      {0x2028,  0x2029,  Class::kLineEnd},
      {0x202A,  0x202E,  Class::kDrop   },
      {0x2060,  0x206F,  Class::kDrop   },
      {0xFEFF,  0xFEFF,  Class::kDrop   },
      {0xFFF9,  0xFFFB,  Class::kDrop   },
      {0xFFFE,  0xFFFF,  Class::kDrop   },
      {0xE0000, 0xE0FFF, Class::kDrop   }, // tags and other invisible ones
  };
  for (const Range& range : kRanges) {
    if (c >= range.first && c <= range.last) return range.what;
  }
  return Class::kKeep;
}

// How many of the first bytes, `most` of them at most, are letters, digits and signs of ASCII: nearly all of nearly every text. `from`
// is '!', or ' ' where spaces stay as they are.
std::size_t PlainRun(std::string_view text, std::size_t most, char from) {
  const std::size_t end = std::min(text.size(), most);
  std::size_t run = 0;
  while (run < end && text[run] >= from && text[run] < 0x7F)
    ++run;
  return run;
}

std::string Cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  if (bytes <= kEllipsis.size()) return std::string(TruncateUtf8(text, bytes));
  return std::string(Trim(TruncateUtf8(text, bytes - kEllipsis.size()))).append(kEllipsis);
}

}  // namespace

std::string CleanLine(std::string_view text, std::size_t bytes) {
  std::string out;
  bool gap = false;
  // Twice the limit is enough to know that it must be cut; the rest of a huge text is not looked at.
  while (!text.empty() && out.size() <= 2 * bytes) {
    if (const std::size_t run = PlainRun(text, 2 * bytes + 1 - out.size(), '!'); run > 0) {
      if (std::exchange(gap, false)) out += ' ';
      out += text.substr(0, run);
      text.remove_prefix(run);
      continue;
    }
    const CodePoint point = FirstCodePoint(text);
    switch (point.valid ? Classify(point.value) : Class::kKeep) {
      case Class::kDrop: break;
      case Class::kSpace:
      case Class::kLineEnd: gap = !out.empty(); break;
      case Class::kKeep:
        if (gap) out += ' ';
        gap = false;
        out += point.valid ? text.substr(0, point.bytes) : kReplacement;
    }
    text.remove_prefix(point.bytes);
  }
  return Cut(std::move(out), bytes);
}

std::string CleanText(std::string_view text, std::size_t bytes, std::size_t lines) {
  std::string out;
  std::size_t breaks = 0;
  while (!text.empty() && out.size() <= 2 * bytes && breaks < lines) {
    if (const std::size_t run = PlainRun(text, 2 * bytes + 1 - out.size(), ' '); run > 0) {
      out += text.substr(0, run);
      text.remove_prefix(run);
      continue;
    }
    const CodePoint point = FirstCodePoint(text);
    std::size_t taken = point.bytes;
    switch (point.valid ? Classify(point.value) : Class::kKeep) {
      case Class::kDrop: break;
      case Class::kSpace: out += ' '; break;
      case Class::kLineEnd:
        if (text.starts_with("\r\n")) taken = 2;
        out += '\n';
        ++breaks;
        break;
      case Class::kKeep: out += point.valid ? text.substr(0, point.bytes) : kReplacement;
    }
    text.remove_prefix(taken);
  }
  const bool more = breaks == lines && !Trim(text).empty();
  out = std::string(Trim(out));
  if (more) out.append("\n").append(kEllipsis);
  return Cut(std::move(out), bytes);
}

std::string_view CleanLink(std::string_view text) {
  if (!text.starts_with("https://") && !text.starts_with("http://")) return {};
  const bool plain = std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("\"'<>\\^`{|}").find(c) == std::string_view::npos;
  });
  return plain ? text : std::string_view();
}

std::string XmlEscape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    const bool allowed = point.value >= 0x20 || point.value == '\n' || point.value == '\t';
    switch (point.value) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      default:
        if (!point.valid) {
          out += kReplacement;
        } else if (allowed && point.value != 0xFFFE && point.value != 0xFFFF) {
          out += text.substr(0, point.bytes);
        }
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string FormEscape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
  }
  return out;
}

}  // namespace tocsin::notify
