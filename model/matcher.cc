#include "model/matcher.h"

#include <algorithm>

#include <re2/re2.h>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kOperators[] = {"=", "!=", "=~", "!~"};

bool IsPlainName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  };
  return !name.empty() && std::ranges::all_of(name, plain);
}

// RE2's complaint in the words of Go's regexp package, which users and scripts know from Alertmanager.
absl::Status RegexError(std::string_view pattern, const re2::RE2& regex) {
  const std::string anchored = "^(?:" + std::string(pattern) + ")$";
  const auto error = [](std::string_view what, std::string_view where) {
    return Invalid("error parsing regexp: %s: `%s`", what, where);
  };
  const std::string& where = regex.error_arg();
  switch (regex.error_code()) {
    case re2::RE2::ErrorBadEscape: return error("invalid escape sequence", where);
    case re2::RE2::ErrorBadCharClass: return error("invalid character class", where);
    case re2::RE2::ErrorBadCharRange: return error("invalid character class range", where);
    case re2::RE2::ErrorMissingBracket: return error("missing closing ]", where);
    case re2::RE2::ErrorMissingParen: return error("missing closing )", anchored);
    case re2::RE2::ErrorUnexpectedParen: return error("unexpected )", anchored);
    case re2::RE2::ErrorTrailingBackslash: return error("trailing backslash at end of expression", where);
    case re2::RE2::ErrorRepeatArgument: return error("missing argument to repetition operator", where);
    case re2::RE2::ErrorRepeatSize: return error("invalid repeat count", where);
    case re2::RE2::ErrorRepeatOp: return error("invalid nested repetition operator", where);
    case re2::RE2::ErrorBadPerlOp: return error("invalid or unsupported Perl syntax", where);
    case re2::RE2::ErrorBadUTF8: return error("invalid UTF-8", where);
    case re2::RE2::ErrorBadNamedCapture: return error("invalid named capture", where);
    case re2::RE2::ErrorPatternTooLarge: return error("expression too large", anchored);
    case re2::RE2::ErrorInternal:
    case re2::RE2::NoError: break;
  }
  return error("internal error", anchored);
}

// Bounds what a pattern from outside may cost: RE2 is linear in the text, and its automata stay below this.
constexpr std::int64_t kRegexMemoryBytes = 1 << 20;

absl::StatusOr<std::shared_ptr<const re2::RE2>> CompileRegex(const Matcher& matcher) {
  if (matcher.value.size() > limits::kRegexBytes) {
    return Invalid("regular expression for %s has %d bytes, at most %d", JsonQuote(matcher.name), matcher.value.size(),
                   limits::kRegexBytes);
  }
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_never_capture(true);
  options.set_max_mem(kRegexMemoryBytes);
  auto regex = std::make_shared<const re2::RE2>(matcher.value, options);
  if (!regex->ok()) return RegexError(matcher.value, *regex);
  return regex;
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
  std::string out = IsPlainName(matcher.name) ? matcher.name : GoQuote(matcher.name);
  out += kOperators[static_cast<std::size_t>(matcher.op)];
  if (!IsPlainName(matcher.name)) return out + GoQuote(matcher.value);  // only the UTF-8 form reads a quoted name
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

absl::StatusOr<CompiledMatchers> CompiledMatchers::Compile(std::span<const Matcher> matchers) {
  CompiledMatchers compiled;
  for (const Matcher& matcher : matchers) {
    std::shared_ptr<const re2::RE2> regex;
    if (matcher.op == MatchOp::kRegex || matcher.op == MatchOp::kNotRegex) {
      TOCSIN_ASSIGN(regex, CompileRegex(matcher));
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
