// Label matchers: the four operators of Prometheus and Alertmanager. Regular expressions are RE2 (linear time: they come
// from users), anchored at both ends. A missing label matches as the empty string.
//
// Text forms (specs/wire-compat.md 1.11): `severity="critical"`, `instance=~"db.*"`, lists with optional braces.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/labels.h"

namespace re2 {
class RE2;
}

namespace tocsin {

enum class MatchOp : std::uint8_t {
  kEqual,
  kNotEqual,
  kRegex,
  kNotRegex
};

// As written. A value; compile it to use it.
struct Matcher {
  std::string name;
  MatchOp op = MatchOp::kEqual;
  std::string value;
  friend bool operator==(const Matcher&, const Matcher&) = default;
};

// `name="value"`: the canonical form, which ParseMatcher reads back.
std::string Format(const Matcher& matcher);
std::string Format(std::span<const Matcher> matchers);

// One matcher in classic or UTF-8 syntax. Errors are worded as Alertmanager's: `bad matcher format: nonsense`.
absl::StatusOr<Matcher> ParseMatcher(std::string_view text);
// A comma-separated list, braces optional.
absl::StatusOr<std::vector<Matcher>> ParseMatchers(std::string_view text);

// Several matchers, ANDed, ready to be evaluated. Immutable after Compile: any thread may match.
class CompiledMatchers {
 public:
  CompiledMatchers() = default;  // matches everything
  static absl::StatusOr<CompiledMatchers> Compile(std::span<const Matcher> matchers);

  bool Match(std::span<const LabelView> labels) const;
  bool Match(std::span<const Label> labels) const;
  const std::vector<Matcher>& matchers() const { return matchers_; }

 private:
  bool MatchValue(std::size_t index, std::string_view value) const;

  std::vector<Matcher> matchers_;
  std::vector<std::shared_ptr<const re2::RE2>> regexes_;  // parallel to matchers_; null for = and !=
};

}  // namespace tocsin
