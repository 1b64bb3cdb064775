#include "model/matcher.h"

#include <algorithm>
#include <optional>

#include <re2/re2.h>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool IsClassicNameChar(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

// The operator at the start of `text`: the two-character ones first.
std::optional<MatchOp> OperatorAt(std::string_view text) {
  if (text.starts_with("=~")) return MatchOp::kRegex;
  if (text.starts_with("!=")) return MatchOp::kNotEqual;
  if (text.starts_with("!~")) return MatchOp::kNotRegex;
  if (text.starts_with("=")) return MatchOp::kEqual;
  return std::nullopt;
}

std::size_t OperatorLength(MatchOp op) {
  return kOperators[static_cast<std::size_t>(op)].size();
}

// The classic value: optional double quotes; \" \n \\ are escapes, any other backslash is itself.
absl::StatusOr<std::string> UnescapeClassic(std::string_view raw) {
  const bool opens = raw.starts_with('"');
  std::string_view rest = opens ? raw.substr(1) : raw;
  std::string value;
  bool closed = false;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '\\' && i + 1 < rest.size()) {
      const char next = rest[++i];
      if (next == 'n') {
        value += '\n';
      } else if (next == '"' || next == '\\') {
        value += next;
      } else {
        value += c;
        value += next;
      }
    } else if (c == '"') {
      if (!opens || i + 1 != rest.size()) {
        return Invalid("matcher value contains unescaped double quote: %s", raw);
      }
      closed = true;
    } else {
      value += c;
    }
  }
  if (opens && !closed) return Invalid("matcher value contains unescaped double quote: %s", raw);
  if (!IsValidUtf8(value)) return Invalid("matcher value not valid UTF-8: %s", raw);
  return value;
}

absl::StatusOr<Matcher> ParseClassic(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  std::size_t end = 0;
  while (end < trimmed.size() && IsClassicNameChar(trimmed[end], end == 0))
    ++end;
  std::size_t at = end;
  while (at < trimmed.size() && IsSpace(trimmed[at]))
    ++at;
  const std::optional<MatchOp> op = OperatorAt(trimmed.substr(at));
  if (end == 0 || !op) return Invalid("bad matcher format: %s", text);
  TOCSIN_ASSIGN(std::string value, UnescapeClassic(Trim(trimmed.substr(at + OperatorLength(*op)))));
  return Matcher{std::string(trimmed.substr(0, end)), *op, std::move(value)};
}

bool IsReserved(char c) {
  return IsSpace(c) || std::string_view("{}!=~,\\\"'`").find(c) != std::string_view::npos;
}

// A UTF-8 token: a run of unreserved characters, or a double-quoted string with the escapes that both forms share.
absl::StatusOr<std::string> ReadToken(std::string_view& text) {
  text = Trim(text);
  std::string token;
  if (text.starts_with('"')) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '"') {
        text.remove_prefix(i + 1);
        return token;
      }
      if (text[i] == '\\' && i + 1 < text.size()) {
        ++i;
        switch (text[i]) {
          case 'n': token += '\n'; break;
          case 't': token += '\t'; break;
          case 'r': token += '\r'; break;
          default: token += text[i];
        }
      } else {
        token += text[i];
      }
    }
    return Invalid("unterminated quote");
  }
  std::size_t end = 0;
  while (end < text.size() && !IsReserved(text[end]))
    ++end;
  if (end == 0) return Invalid("expected a name or a value");
  token = text.substr(0, end);
  text.remove_prefix(end);
  return token;
}

absl::StatusOr<Matcher> ParseUtf8(std::string_view text) {
  Matcher matcher;
  TOCSIN_ASSIGN(matcher.name, ReadToken(text));
  text = Trim(text);
  const std::optional<MatchOp> op = OperatorAt(text);
  if (!op) return Invalid("expected an operator such as '=', '!=', '=~' or '!~'");
  matcher.op = *op;
  text.remove_prefix(OperatorLength(*op));
  TOCSIN_ASSIGN(matcher.value, ReadToken(text));
  if (!Trim(text).empty()) return Invalid("unexpected text after the value");
  if (matcher.name.empty() || !IsValidUtf8(matcher.name) || !IsValidUtf8(matcher.value)) return Invalid("not UTF-8");
  return matcher;
}

// Splits at commas outside of double quotes.
std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ',' && !quoted) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(std::min(start, text.size())));
  return parts;
}

template <typename L>
bool MatchAll(std::span<const Matcher> matchers, std::span<const L> labels, const auto& match_value) {
  for (std::size_t i = 0; i < matchers.size(); ++i) {
    if (!match_value(i, Find(labels, matchers[i].name))) return false;
  }
  return true;
}

}  // namespace

std::string Format(const Matcher& matcher) {
  std::string out = matcher.name;
  if (!std::ranges::all_of(matcher.name, [](char c) { return IsClassicNameChar(c, false); })) {
    out = JsonQuote(matcher.name);
  }
  out += kOperators[static_cast<std::size_t>(matcher.op)];
  out += '"';
  for (const char c : matcher.value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string Format(std::span<const Matcher> matchers) {
  std::string out = "{";
  for (const Matcher& matcher : matchers) {
    if (out.size() > 1) out += ",";
    out += Format(matcher);
  }
  return out + "}";
}

absl::StatusOr<Matcher> ParseMatcher(std::string_view text) {
  absl::StatusOr<Matcher> classic = ParseClassic(text);
  if (classic.ok()) return classic;
  absl::StatusOr<Matcher> utf8 = ParseUtf8(text);
  return utf8.ok() ? utf8 : classic;
}

absl::StatusOr<std::vector<Matcher>> ParseMatchers(std::string_view text) {
  std::string_view rest = Trim(text);
  if (rest.starts_with('{') != rest.ends_with('}')) return Invalid("bad matcher format: %s", text);
  if (rest.starts_with('{')) rest = Trim(rest.substr(1, rest.size() - 2));
  if (rest.ends_with(',')) rest.remove_suffix(1);
  std::vector<Matcher> matchers;
  if (Trim(rest).empty()) return matchers;
  for (const std::string_view part : SplitList(rest)) {
    TOCSIN_ASSIGN(Matcher matcher, ParseMatcher(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

absl::StatusOr<CompiledMatchers> CompiledMatchers::Compile(std::span<const Matcher> matchers) {
  CompiledMatchers compiled;
  for (const Matcher& matcher : matchers) {
    std::shared_ptr<const re2::RE2> regex;
    if (matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex) {
      if (matcher.value.size() > limits::kRegexBytes) {
        return Invalid("regular expression for %s has %d bytes, at most %d", JsonQuote(matcher.name),
                       matcher.value.size(), limits::kRegexBytes);
      }
      re2::RE2::Options options(re2::RE2::Quiet);
      options.set_dot_nl(true);
      options.set_max_mem(1 << 20);
      regex = std::make_shared<const re2::RE2>(matcher.value, options);
      if (!regex->ok()) {
        return Invalid("invalid regular expression %s: %s", JsonQuote(matcher.value), regex->error());
      }
    }
    compiled.matchers_.push_back(matcher);
    compiled.regexes_.push_back(std::move(regex));
  }
  return compiled;
}

bool CompiledMatchers::MatchValue(std::size_t index, std::string_view value) const {
  const Matcher& matcher = matchers_[index];
  switch (matcher.op) {
    case MatchOp::kEqual: return value == matcher.value;
    case MatchOp::kNotEqual: return value != matcher.value;
    case MatchOp::kRegex: return re2::RE2::FullMatch({value.data(), value.size()}, *regexes_[index]);
    case MatchOp::kNotRegex: return !re2::RE2::FullMatch({value.data(), value.size()}, *regexes_[index]);
  }
  return false;
}

bool CompiledMatchers::Match(std::span<const LabelView> labels) const {
  return MatchAll<LabelView>(matchers_, labels, [this](std::size_t i, std::string_view v) { return MatchValue(i, v); });
}

bool CompiledMatchers::Match(std::span<const Label> labels) const {
  return MatchAll<Label>(matchers_, labels, [this](std::size_t i, std::string_view v) { return MatchValue(i, v); });
}

}  // namespace tocsin
