#include "config/coverage.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_split.h"

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kFacts = 200;  // in one case; each is a level of recursion
constexpr std::string_view kNoWord = "\\^$.[]()*+?{}";

using Facts = std::vector<Matcher>;

Matcher Opposite(Matcher matcher) {
  switch (matcher.op) {
    case MatchOp::kEqual: matcher.op = MatchOp::kNotEqual; break;
    case MatchOp::kNotEqual: matcher.op = MatchOp::kEqual; break;
    case MatchOp::kRegex: matcher.op = MatchOp::kNotRegex; break;
    case MatchOp::kNotRegex: matcher.op = MatchOp::kRegex; break;
  }
  return matcher;
}

bool Fits(const Matcher& matcher, const std::string& value) {
  if (matcher.op == MatchOp::kEqual) return matcher.value == value;
  if (matcher.op == MatchOp::kNotEqual) return matcher.value != value;
  const auto compiled = CompiledMatchers::Compile(std::span(&matcher, 1));
  const Label label{matcher.name, value};
  return compiled.ok() && compiled->Match(std::span(&label, 1));
}

// Absent: it may be so or not.
std::optional<bool> Holds(const Facts& facts, const Matcher& matcher) {
  for (const Matcher& fact : facts) {
    if (fact == matcher) return true;
    if (fact == Opposite(matcher)) return false;
    if (fact.op == MatchOp::kEqual && fact.name == matcher.name) return Fits(matcher, fact.value);
  }
  return std::nullopt;
}

// Splits the case in two by the first matcher of which it does not say whether it holds.
class Search {
 public:
  Search(std::span<const std::span<const Matcher>> others, int& budget) : others_(others), budget_(budget) {}

  // `left`: matchers that are still to become facts.
  bool Expand(Facts facts, std::span<const Matcher> left) {
    if (left.empty()) return IsCovered(facts);
    const Matcher& next = left.front();
    if (next.op != MatchOp::kRegex || next.value.find_first_of(kNoWord) != std::string::npos) {
      facts.push_back(next);
      return Expand(std::move(facts), left.subspan(1));
    }
    for (const auto word : absl::StrSplit(next.value, '|')) {
      if (budget_ <= 0) return true;
      Facts one = facts;
      one.push_back({next.name, MatchOp::kEqual, std::string(word)});
      if (!Expand(std::move(one), left.subspan(1))) return false;
    }
    return true;
  }

 private:
  bool IsCovered(const Facts& facts) {
    const Matcher* open = nullptr;
    for (const auto& other : others_) {
      if (budget_ <= 0 || facts.size() > kFacts) return true;
      const Matcher* unknown = nullptr;
      const bool may_take = std::ranges::all_of(other, [&](const Matcher& matcher) {
        --budget_;
        const std::optional<bool> holds = Holds(facts, matcher);
        if (!holds && unknown == nullptr) unknown = &matcher;
        return holds.value_or(true);
      });
      if (may_take && unknown == nullptr) return true;
      if (may_take && open == nullptr) open = unknown;
    }
    if (open == nullptr) return false;
    for (const Matcher& fact : {*open, Opposite(*open)}) {
      Facts more = facts;
      more.push_back(fact);
      if (!IsCovered(more)) return false;
    }
    return true;
  }

  std::span<const std::span<const Matcher>> others_;
  int& budget_;
};

}  // namespace

bool AreCovered(std::span<const Matcher> matchers, std::span<const std::span<const Matcher>> others, int& budget) {
  return Search(others, budget).Expand({}, matchers);
}

}  // namespace tocsin
