#include "import/matching.h"

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin::import {
namespace {

constexpr std::string_view kAnything = "(?s:.*)";

std::string Quoted(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                       static_cast<unsigned char>(c) >= 0x80;
    if (!plain) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

std::string Wildcards(std::string_view text) {
  std::string regex;
  while (true) {
    const std::size_t star = text.find('*');
    regex += Quoted(text.substr(0, star));
    if (star == std::string_view::npos) return regex;
    regex += kAnything;
    text.remove_prefix(star + 1);
  }
}

std::string RegexOf(Likeness likeness, std::string_view text) {
  const std::string anything(kAnything);
  switch (likeness) {
    case Likeness::kIs: return Quoted(text);
    case Likeness::kContains: return anything + Quoted(text) + anything;
    case Likeness::kBegins: return Quoted(text) + anything;
    case Likeness::kEnds: return anything + Quoted(text);
    case Likeness::kWildcards: return Wildcards(text);
    case Likeness::kRegex: return std::string(text);
  }
  return "";
}

}  // namespace

std::optional<Matcher> MatcherOf(std::string_view label, Likeness likeness, std::string_view text, bool negated) {
  if (label.empty() || label.size() > limits::kLabelNameBytes || !IsValidUtf8(label) || !IsValidUtf8(text)) {
    return std::nullopt;
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
  }
  const bool plain =
      likeness == Likeness::kIs || (likeness == Likeness::kWildcards && text.find('*') == std::string_view::npos);
  Matcher matcher{std::string(label), MatchOp::kEqual, std::string(text)};
  if (plain) {
    if (negated) matcher.op = MatchOp::kNotEqual;
  } else {
    matcher.op = negated ? MatchOp::kNotRegex : MatchOp::kRegex;
    matcher.value = RegexOf(likeness, text);
  }
  if (!AreUsable({matcher})) return std::nullopt;
  return matcher;
}

bool AreUsable(const std::vector<Matcher>& matchers) {
  if (matchers.size() > limits::kMatchersPerRoute) return false;
  // What is written is read again, and label names are checked then.
  return CompiledMatchers::Compile(matchers).ok() && ParseMatchers(Format(matchers)).ok();
}

}  // namespace tocsin::import
