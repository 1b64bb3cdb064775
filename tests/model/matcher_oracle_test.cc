// Random matchers against naive readings of the same rules, and random text against the parser.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

// A regular expression as a tree, with its text and a matcher that keeps the set of all places where it may end. Slow,
// obviously right, never for production.
class Expression {
 public:
  static Expression Make(Random& random, int depth) {
    Expression e;
    e.kind_ = depth == 0 ? random.Below(2) : random.Below(5);
    e.letter_ = static_cast<char>('a' + random.Below(3));
    for (int i = 0; i < kOperands[e.kind_]; ++i)
      e.operands_.push_back(Make(random, depth - 1));
    return e;
  }
  std::string Text() const {
    switch (kind_) {
      case 0: return std::string(1, letter_);
      case 1: return ".";
      case 2: return operands_[0].Text() + operands_[1].Text();
      case 3: return "(" + operands_[0].Text() + "|" + operands_[1].Text() + ")";
      default: return "(?:" + operands_[0].Text() + ")*";
    }
  }
  bool Matches(std::string_view text) const { return Ends(text, {0}).contains(text.size()); }

 private:
  static constexpr std::array<int, 5> kOperands = {0, 0, 2, 2, 1};

  std::set<std::size_t> Ends(std::string_view text, const std::set<std::size_t>& starts) const {
    std::set<std::size_t> ends;
    switch (kind_) {
      case 0:
      case 1:
        for (const std::size_t at : starts) {
          if (at < text.size() && (kind_ == 1 ? text[at] != '\n' : text[at] == letter_)) ends.insert(at + 1);
        }
        return ends;
      case 2: return operands_[1].Ends(text, operands_[0].Ends(text, starts));
      case 3:
        ends = operands_[0].Ends(text, starts);
        ends.merge(operands_[1].Ends(text, starts));
        return ends;
      default:
        ends = starts;
        for (std::size_t before = 0; before != ends.size();) {
          before = ends.size();
          ends.merge(operands_[0].Ends(text, std::set<std::size_t>(ends)));
        }
        return ends;
    }
  }

  std::uint64_t kind_ = 0;
  char letter_ = 'a';
  std::vector<Expression> operands_;
};

std::string RandomValue(Random& random) {
  std::string value(random.Below(6), 'a');
  for (char& c : value)
    c = random.OneIn(12) ? '\n' : static_cast<char>('a' + random.Below(3));
  return value;
}

// A list of matchers, and what it means.
struct RandomList {
  struct Part {
    std::string name;
    bool negated = false;
    std::optional<Expression> expression;  // else equality with `value`
    std::string value;
  };
  std::vector<Matcher> matchers;
  std::vector<Part> parts;

  explicit RandomList(Random& random) {
    for (std::uint64_t i = 1 + random.Below(2); i > 0; --i) {
      const auto op = static_cast<MatchOp>(random.Below(4));
      Part& part = parts.emplace_back();
      part.name = std::string(1, static_cast<char>('w' + random.Below(4)));
      part.negated = op == MatchOp::kNotEqual || op == MatchOp::kNotRegex;
      if (op == MatchOp::kRegex || op == MatchOp::kNotRegex) part.expression = Expression::Make(random, 3);
      part.value = part.expression ? part.expression->Text() : RandomValue(random);
      matchers.push_back({part.name, op, part.value});
    }
  }
  bool Matches(const Labels& labels) const {
    return std::ranges::all_of(parts, [&](const Part& part) {
      const std::string value(Find(labels, part.name));
      return (part.expression ? part.expression->Matches(value) : value == part.value) != part.negated;
    });
  }
};

TEST(MatcherOracleTest, AMillionRandomMatchesAgreeWithTheNaiveReading) {
  constexpr int kLists = 10'000;
  constexpr int kAlertsPerList = 100;
  Random random(41);
  int matches = 0;
  for (int round = 0; round < kLists; ++round) {
    const RandomList list(random);
    const absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(list.matchers);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    for (int i = 0; i < kAlertsPerList; ++i) {
      Labels labels;
      for (const char* name : {"x", "y", "z"}) {
        if (const std::string value = RandomValue(random); !value.empty()) labels.push_back({name, value});
      }
      const bool expected = list.Matches(labels);
      ASSERT_EQ(compiled->Match(labels), expected) << Format(list.matchers) << " on " << Format(labels);
      std::vector<LabelView> views;
      for (const Label& label : labels)
        views.push_back({label.name, label.value});
      ASSERT_EQ(compiled->Match(views), expected);
      matches += expected ? 1 : 0;
    }
  }
  EXPECT_GT(matches, 100'000) << "the generator must make both kinds";
  EXPECT_LT(matches, 900'000);
}

std::string RandomText(Random& random) {
  constexpr std::string_view kPieces[] = {"a", "foo", "7",  " ",  "=", "!", "~",   "\"",    "\\",   "n", ",",     "{",
                                          "}", "ü",   "\n", "\t", "'", "`", "x41", "u00fc", "\x01", ".", "\u00A0"};
  std::string text;
  for (std::uint64_t i = random.Below(10); i > 0; --i)
    text += kPieces[random.Below(std::size(kPieces))];
  return text;
}

TEST(MatcherOracleTest, WhateverIsFormattedIsReadBackTheSame) {
  Random random(42);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Matcher> matchers;
    for (std::uint64_t i = 1 + random.Below(3); i > 0; --i) {
      const std::string name = random.OneIn(2) ? "plain" : RandomText(random);
      if (!name.empty()) matchers.push_back({name, static_cast<MatchOp>(random.Below(4)), RandomText(random)});
    }
    for (const Matcher& matcher : matchers) {
      const absl::StatusOr<Matcher> read = ParseMatcher(Format(matcher));
      ASSERT_TRUE(read.ok()) << Format(matcher) << ": " << read.status();
      ASSERT_EQ(*read, matcher) << Format(matcher);
    }
    const absl::StatusOr<std::vector<Matcher>> read = ParseMatchers(Format(matchers));
    ASSERT_TRUE(read.ok()) << Format(matchers) << ": " << read.status();
    ASSERT_EQ(*read, matchers) << Format(matchers);
  }
}

TEST(MatcherOracleTest, RandomTextIsReadStablyOrRefused) {
  Random random(43);
  int read_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    const std::string text = RandomText(random);
    const absl::StatusOr<Matcher> matcher = ParseMatcher(text);
    if (!matcher.ok()) continue;
    ++read_count;
    ASSERT_FALSE(matcher->name.empty()) << text;
    ASSERT_TRUE(IsValidUtf8(matcher->name) && IsValidUtf8(matcher->value)) << text;
    ASSERT_EQ(ParseMatcher(Format(*matcher)).value(), *matcher) << text;
  }
  EXPECT_GT(read_count, 500);
}

}  // namespace
}  // namespace tocsin
