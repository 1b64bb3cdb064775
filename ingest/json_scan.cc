#include "ingest/json_scan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kExactDigits = 15;                   // a double holds any integer of so many digits

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// 'x', '\n', '\u00ff': as Go quotes a character.
std::string QuoteChar(char c) {
  if (c == '\'') return R"('\'')";
  if (c == '"') return R"('"')";
  if (c == '\\') return R"('\\')";
  if (c == '\n') return R"('\n')";
  if (c == '\r') return R"('\r')";
  if (c == '\t') return R"('\t')";
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7F) return absl::StrFormat("'%c'", c);
  if (byte < 0x80) return absl::StrFormat(R"('\x%02x')", byte);
  return absl::StrFormat(R"('\u%04x')", byte);
}

class Scanner {
 public:
  Scanner(std::string_view text, int max_depth) : text_(text), max_depth_(static_cast<std::size_t>(max_depth)) {}

  std::optional<JsonFault> Run() {
    if (!Value()) return fault_;
    SkipSpace();
    if (at_ < text_.size()) Fail("after top-level value");
    return fault_;
  }

 private:
  // One value with everything in it. The stack holds the brackets that are open.
  bool Value() {
    while (true) {
      SkipSpace();
      if (at_ >= text_.size()) return End();
      const char c = text_[at_];
      if (c == '{' || c == '[') {
        if (open_.size() >= max_depth_) {
          return Fail(absl::StrFormat("nested more than %d levels deep", max_depth_), /*names_character=*/false);
        }
        open_.push_back(c);
        ++at_;
        SkipSpace();
        if (at_ < text_.size() && text_[at_] == Closing()) {
          Close();
        } else if (c == '{' ? !Key() : false) {
          return false;
        } else {
          continue;
        }
      } else if (!Scalar(c)) {
        return false;
      }
      if (!AfterValue()) return false;
      if (open_.empty()) return true;
    }
  }

  // After a value: closes what ends here, stops before the next value.
  bool AfterValue() {
    while (!open_.empty()) {
      SkipSpace();
      if (at_ >= text_.size()) return End();
      if (text_[at_] == Closing()) {
        Close();
        continue;
      }
      if (text_[at_] != ',') return Fail(open_.back() == '{' ? "after object key:value pair" : "after array element");
      ++at_;
      return open_.back() == '[' || Key();
    }
    return true;
  }

  char Closing() const { return open_.back() == '{' ? '}' : ']'; }
  void Close() {
    open_.pop_back();
    ++at_;
  }

  bool Key() {
    SkipSpace();
    if (at_ >= text_.size()) return End();
    if (text_[at_] != '"') return Fail("looking for beginning of object key string");
    if (!String()) return false;
    SkipSpace();
    if (at_ >= text_.size()) return End();
    if (text_[at_] != ':') return Fail("after object key");
    ++at_;
    return true;
  }

  bool Scalar(char c) {
    switch (c) {
      case '"': return String();
      case 't': return Literal("true");
      case 'f': return Literal("false");
      case 'n': return Literal("null");
      default: return c == '-' || IsDigit(c) ? Number() : Fail("looking for beginning of value");
    }
  }

  bool Literal(std::string_view word) {
    for (const char expected : word) {
      if (at_ >= text_.size()) return End();
      if (text_[at_] != expected) return Fail(absl::StrFormat("in literal %s (expecting '%c')", word, expected));
      ++at_;
    }
    return true;
  }

  bool String() {
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return Fail("in string literal");
      if (c != '\\') continue;
      if (++at_ >= text_.size()) return End();
      if (std::string_view(R"("\/bfnrt)").find(text_[at_]) != std::string_view::npos) continue;
      if (text_[at_] != 'u') return Fail("in string escape code");
      for (int i = 0; i < 4; ++i) {
        if (++at_ >= text_.size()) return End();
        if (!IsHex(text_[at_])) return Fail(R"(in \u hexadecimal character escape)");
      }
    }
    return End();
  }

  bool Number() {
    if (text_[at_] == '-') ++at_;
    if (at_ >= text_.size()) return End();
    if (text_[at_] == '0') {
      ++at_;
    } else if (!Digits("in numeric literal")) {
      return false;
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (!Digits("after decimal point in numeric literal")) return false;
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!Digits("in exponent of numeric literal")) return false;
    }
    return true;
  }

  bool Digits(std::string_view where) {
    if (at_ >= text_.size()) return End();
    if (!IsDigit(text_[at_])) return Fail(where);
    while (at_ < text_.size() && IsDigit(text_[at_]))
      ++at_;
    return true;
  }

  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_]))
      ++at_;
  }

  bool Fail(std::string_view where, bool names_character = true) {
    fault_ = JsonFault{at_, names_character ? absl::StrFormat("invalid character %s %s", QuoteChar(text_[at_]), where)
                                            : std::string(where)};
    return false;
  }
  bool End() {
    fault_ = JsonFault{text_.size(), "unexpected EOF"};
    return false;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::string open_;
  std::optional<JsonFault> fault_;
};

// Length of the valid sequence at the front of `text`, 0 when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

// 0xD800..0xDFFF etc. of a \uXXXX at the front, or -1.
int EscapedUnit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  int unit = 0;
  for (const char c : text.substr(2, 4)) {
    if (!IsHex(c)) return -1;
    unit = unit * 16 + (IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return unit;
}

bool IsHighSurrogate(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool IsLowSurrogate(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// Copies the string that begins at text[at]; returns the position after it.
std::string_view WithoutSpace(std::string_view text) {
  const auto* const first = std::ranges::find_if_not(text, IsSpace);
  text.remove_prefix(static_cast<std::size_t>(first - text.begin()));
  return text;
}

// Whether `text` follows a string, rather than a quote that somebody pasted into one: after a string comes ':', a bracket, the end,
// or a comma and the next member or element.
bool FollowsString(std::string_view text) {
  text = WithoutSpace(text);
  if (text.empty() || text[0] == ':' || text[0] == '}' || text[0] == ']') return true;
  if (text[0] != ',') return false;
  text = WithoutSpace(text.substr(1));
  if (text.empty() || std::string_view("\"{[-}]").find(text[0]) != std::string_view::npos || IsDigit(text[0]))
    return true;
  return text.starts_with("true") || text.starts_with("false") || text.starts_with("null");
}

std::size_t MendString(std::string_view text, std::size_t at, std::string& out) {
  out += '"';
  for (++at; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      ++at;
      if (FollowsString(text.substr(at))) {
        out += '"';
        return at;
      }
      out += R"(\")";
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, R"(\u%04x)", static_cast<unsigned>(c));
      ++at;
    } else if (c == '\\') {
      const int unit = EscapedUnit(text.substr(at));
      if (IsHighSurrogate(unit) && IsLowSurrogate(EscapedUnit(text.substr(std::min(at + 6, text.size()))))) {
        out += text.substr(at, 12);
        at += 12;
      } else if (IsHighSurrogate(unit) || IsLowSurrogate(unit)) {
        out += R"(\ufffd)";
        at += 6;
      } else {
        out += text.substr(at, 2);
        at += 2;
      }
    } else {
      out += c;
      ++at;
    }
  }
  return text.size();
}

bool IsExact(std::string_view number) {
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(number, IsDigit));
  return digits <= kExactDigits && number.find_first_of("eE") == std::string_view::npos;
}

std::size_t MendNumber(std::string_view text, std::size_t at, std::string& out) {
  const std::size_t end = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
  const std::string_view number = text.substr(at, end - at);
  if (IsExact(number)) {
    out += number;
  } else {
    out.append("\"").append(number).append("\"");
  }
  return end;
}

}  // namespace

std::optional<JsonFault> FindJsonFault(std::string_view text, int max_depth) {
  return Scanner(text, max_depth).Run();
}

std::size_t FirstInvalidUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = SequenceLength(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return text.size();
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = FirstInvalidUtf8(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty()) break;
    out += kReplacement;
    text.remove_prefix(1);
  }
  return out;
}

std::string MendJson(std::string_view text) {
  const std::string valid = ReplaceInvalidUtf8(text);
  text = valid;
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = MendString(text, at, out);
    } else if (c == '-' || IsDigit(c)) {
      at = MendNumber(text, at, out);
    } else {
      if (c == '}' || c == ']') {
        std::size_t end = out.size();
        while (end > 0 && IsSpace(out[end - 1]))
          --end;
        if (end > 0 && out[end - 1] == ',') out.resize(end - 1);
      }
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace tocsin
