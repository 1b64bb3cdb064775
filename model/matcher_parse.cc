// The two text forms of matchers, and how they are tried: as Alertmanager since 0.27 does in its fallback mode. What both
// read, and what only classic reads, is classic; what neither reads is reported in classic's words.
#include <array>
#include <optional>

#include "base/status.h"
#include "base/strings.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

// The operator at the start of `text`: the two-character ones first.
struct Operator {
  MatchOp op;
  std::size_t bytes;
};
std::optional<Operator> OperatorAt(std::string_view text) {
  if (text.starts_with("=~")) return Operator{MatchOp::kRegex, 2};
  if (text.starts_with("!=")) return Operator{MatchOp::kNotEqual, 2};
  if (text.starts_with("!~")) return Operator{MatchOp::kNotRegex, 2};
  if (text.starts_with("=")) return Operator{MatchOp::kEqual, 1};
  return std::nullopt;
}

// ---- Classic: ^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*((?s).*?)\s*$

bool IsNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

std::string_view TrimClassic(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\f\r";  // RE2's \s
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Optional double quotes; \" \n \\ are escapes, any other backslash is itself.
absl::StatusOr<std::string> UnescapeClassic(std::string_view raw) {
  if (!IsValidUtf8(raw)) return Invalid("matcher value not valid UTF-8: %s", raw);
  std::string_view rest = raw;
  bool quote_is_open = rest.starts_with('"');
  if (quote_is_open) rest.remove_prefix(1);
  std::string value;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const bool last = i + 1 == rest.size();
    if (rest[i] == '\\' && !last) {
      const char next = rest[++i];
      if (next != 'n' && next != '"' && next != '\\') value += '\\';
      value += next == 'n' ? '\n' : next;
    } else if (rest[i] == '"') {
      if (!quote_is_open || !last) return Invalid("matcher value contains unescaped double quote: %s", raw);
      quote_is_open = false;
    } else {
      value += rest[i];
    }
  }
  if (quote_is_open) return Invalid("matcher value contains unescaped double quote: %s", raw);
  return value;
}

absl::StatusOr<Matcher> ParseClassic(std::string_view text) {
  const std::string_view trimmed = TrimClassic(text);
  std::size_t name_bytes = 0;
  while (name_bytes < trimmed.size() && IsNameChar(trimmed[name_bytes], name_bytes == 0))
    ++name_bytes;
  const std::string_view rest = TrimClassic(trimmed.substr(name_bytes));
  const std::optional<Operator> op = OperatorAt(rest);
  if (name_bytes == 0 || !op) return Invalid("bad matcher format: %s", text);
  TOCSIN_ASSIGN(std::string value, UnescapeClassic(TrimClassic(rest.substr(op->bytes))));
  return Matcher{std::string(trimmed.substr(0, name_bytes)), op->op, std::move(value)};
}

// Splits at commas outside of double quotes. Blank text after the last comma is no matcher.
std::vector<std::string_view> SplitClassic(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  bool escaped = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' && !quoted) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    } else if (text[i] == '"') {
      if (!escaped) quoted = !quoted;
      escaped = false;
    } else {
      escaped = text[i] == '\\' && !escaped;
    }
  }
  if (const std::string_view last = TrimClassic(text.substr(start)); !last.empty()) parts.push_back(last);
  return parts;
}

absl::StatusOr<std::vector<Matcher>> ParseClassicList(std::string_view text) {
  // Each brace is optional by itself: so it has always been, and saved configurations rely on it.
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  std::vector<Matcher> matchers;
  for (const std::string_view part : SplitClassic(text)) {
    TOCSIN_ASSIGN(Matcher matcher, ParseClassic(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

// ---- UTF-8: names and values are runs of unreserved code points, or double-quoted with Go's escapes.

bool IsSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsReserved(char32_t c) {
  return IsSpace(c) ||
         (c < 0x80 && std::string_view("{}!=~,\\\"'`").find(static_cast<char>(c)) != std::string_view::npos);
}

std::optional<char32_t> ReadNumber(std::string_view& text, std::size_t digits, std::uint32_t base) {
  if (text.size() < digits) return std::nullopt;
  char32_t value = 0;
  for (const char c : text.substr(0, digits)) {
    std::uint32_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A') + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
  }
  text.remove_prefix(digits);
  return value;
}

// What follows a backslash, as strconv.Unquote reads it. False: there is no such escape.
bool ReadEscape(std::string_view& text, std::string& out) {
  constexpr std::string_view kLetters = "abtnvfr";  // U+0007 ... U+000D
  if (text.empty()) return false;
  const char letter = text[0];
  if (letter >= '0' && letter <= '7') {
    const std::optional<char32_t> byte = ReadNumber(text, 3, 8);
    if (!byte || *byte > 0xFF) return false;
    out += static_cast<char>(static_cast<unsigned char>(*byte));
    return true;
  }
  text.remove_prefix(1);
  if (const std::size_t at = kLetters.find(letter); at != std::string_view::npos) {
    out += static_cast<char>(0x07 + at);
    return true;
  }
  if (letter == '"' || letter == '\\') {
    out += letter;
    return true;
  }
  if (letter == 'x') {
    const std::optional<char32_t> byte = ReadNumber(text, 2, 16);
    if (byte) out += static_cast<char>(static_cast<unsigned char>(*byte));
    return byte.has_value();
  }
  if (letter != 'u' && letter != 'U') return false;
  const std::optional<char32_t> point = ReadNumber(text, letter == 'u' ? 4 : 8, 16);
  if (!point || *point > 0x10FFFF || (*point >= 0xD800 && *point <= 0xDFFF)) return false;
  AppendUtf8(out, *point);
  return true;
}

// Reads tokens from the front of a text.
class Utf8Reader {
 public:
  explicit Utf8Reader(std::string_view text) : rest_(text) { SkipSpace(); }

  bool done() const { return rest_.empty(); }
  bool NextIs(char c) const { return rest_.starts_with(c); }
  bool Accept(char c) {
    if (!NextIs(c)) return false;
    rest_.remove_prefix(1);
    SkipSpace();
    return true;
  }

  absl::StatusOr<Matcher> ReadMatcher() {
    Matcher matcher;
    TOCSIN_ASSIGN(matcher.name, ReadToken());
    const std::optional<Operator> op = OperatorAt(rest_);
    if (!op) return Invalid("expected an operator such as '=', '!=', '=~' or '!~'");
    matcher.op = op->op;
    rest_.remove_prefix(op->bytes);
    SkipSpace();
    TOCSIN_ASSIGN(matcher.value, ReadToken());
    if (matcher.name.empty()) return Invalid("a label name is empty");
    return matcher;
  }

 private:
  void SkipSpace() {
    while (!rest_.empty()) {
      const CodePoint point = FirstCodePoint(rest_);
      if (!point.valid || !IsSpace(point.value)) return;
      rest_.remove_prefix(point.bytes);
    }
  }

  absl::StatusOr<std::string> ReadToken() {
    std::string token;
    if (NextIs('"')) {
      TOCSIN_ASSIGN(token, ReadQuoted());
    } else {
      while (!rest_.empty()) {
        const CodePoint point = FirstCodePoint(rest_);
        if (point.valid && IsReserved(point.value)) break;
        token += rest_.substr(0, point.bytes);
        rest_.remove_prefix(point.bytes);
      }
      if (token.empty()) return Invalid("expected a label name or a value");
    }
    if (!IsValidUtf8(token)) return Invalid("not UTF-8");
    SkipSpace();
    return token;
  }

  absl::StatusOr<std::string> ReadQuoted() {
    std::string token;
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (c == '\n') return Invalid("line break in quotes");
      rest_.remove_prefix(1);
      if (c == '"') return token;
      if (c != '\\') {
        token += c;
      } else if (!ReadEscape(rest_, token)) {
        return Invalid("bad escape in quotes");
      }
    }
    return Invalid("unterminated quote");
  }

  std::string_view rest_;
};

absl::StatusOr<Matcher> ParseUtf8(std::string_view text) {
  Utf8Reader reader(text);
  TOCSIN_ASSIGN(Matcher matcher, reader.ReadMatcher());
  if (!reader.done()) return Invalid("unexpected text after the value");
  return matcher;
}

absl::StatusOr<std::vector<Matcher>> ParseUtf8List(std::string_view text) {
  Utf8Reader reader(text);
  const bool braces = reader.Accept('{');
  std::vector<Matcher> matchers;
  while (!reader.done() && !reader.NextIs('}')) {
    TOCSIN_ASSIGN(Matcher matcher, reader.ReadMatcher());
    matchers.push_back(std::move(matcher));
    if (!reader.Accept(',')) break;
  }
  if (braces != reader.Accept('}')) return Invalid("braces do not balance");
  if (!reader.done()) return Invalid("unexpected text after the last matcher");
  return matchers;
}

}  // namespace

absl::StatusOr<Matcher> ParseMatcher(std::string_view text) {
  if (text.starts_with('{') || text.ends_with('}')) return Invalid("bad matcher format: %s", text);
  absl::StatusOr<Matcher> classic = ParseClassic(text);
  if (classic.ok()) return classic;
  absl::StatusOr<Matcher> utf8 = ParseUtf8(text);
  return utf8.ok() ? utf8 : classic;
}

absl::StatusOr<std::vector<Matcher>> ParseMatchers(std::string_view text) {
  absl::StatusOr<std::vector<Matcher>> classic = ParseClassicList(text);
  if (classic.ok()) return classic;
  absl::StatusOr<std::vector<Matcher>> utf8 = ParseUtf8List(text);
  return utf8.ok() ? utf8 : classic;
}

}  // namespace tocsin
