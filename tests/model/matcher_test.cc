#include "model/matcher.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using namespace std::string_literals;
using enum MatchOp;

struct Parsed {
  std::string text;
  Matcher matcher;
};

TEST(MatcherParseTest, ReadsTheClassicForm) {
  const Parsed cases[] = {
      {"foo=bar",            {"foo", kEqual, "bar"}      },
      {" foo \t= bar ",      {"foo", kEqual, "bar"}      },
      {"foo=\"bar\"",        {"foo", kEqual, "bar"}      },
      {"foo!=bar",           {"foo", kNotEqual, "bar"}   },
      {"foo=~b.*r",          {"foo", kRegex, "b.*r"}     },
      {"foo!~\"b|r\"",       {"foo", kNotRegex, "b|r"}   },
      {"foo=",               {"foo", kEqual, ""}         },
      {"foo=\"\"",           {"foo", kEqual, ""}         },
      {"foo==bar",           {"foo", kEqual, "=bar"}     },
      {"foo=!bar",           {"foo", kEqual, "!bar"}     },
      {"foo=bar baz",        {"foo", kEqual, "bar baz"}  },
      {"foo=b{a}r,x",        {"foo", kEqual, "b{a}r,x"}  },
      {"_a:9=x",             {"_a:9", kEqual, "x"}       },
      {"foo=\"a\\\"b\"",     {"foo", kEqual, "a\"b"}     },
      {"foo=\"a\\nb\\\\c\"", {"foo", kEqual, "a\nb\\c"}  },
      {"foo=\"\\d\\.\"",     {"foo", kEqual, "\\d\\."}   },
      {"foo=~\\d+",          {"foo", kRegex, "\\d+"}     },
      {"foo=bar\\",          {"foo", kEqual, "bar\\"}    },
      {"foo=a\nb",           {"foo", kEqual, "a\nb"}     },
      {"foo=Fünf🔥",      {"foo", kEqual, "Fünf🔥"}},
      {"foo=it's",           {"foo", kEqual, "it's"}     },
  };
  for (const Parsed& c : cases) {
    const absl::StatusOr<Matcher> matcher = ParseMatcher(c.text);
    ASSERT_TRUE(matcher.ok()) << c.text << ": " << matcher.status();
    EXPECT_EQ(*matcher, c.matcher) << c.text << " read as " << Format(*matcher);
  }
}

TEST(MatcherParseTest, ReadsTheUtf8FormWhereClassicCannot) {
  const Parsed cases[] = {
      {"\"foo\"=bar",                 {"foo", kEqual, "bar"}      },
      {"\"foo bar\" = \"baz\"",       {"foo bar", kEqual, "baz"}  },
      {"Σ=Θ",                       {"Σ", kEqual, "Θ"}        },
      {"🙂!~\"a|b\"",               {"🙂", kNotRegex, "a|b"}  },
      {"0foo=bar",                    {"0foo", kEqual, "bar"}     },
      {"foo.bar-baz=1",               {"foo.bar-baz", kEqual, "1"}},
      {"\"a\\tb\"=\"\\x41\\102\"",    {"a\tb", kEqual, "AB"}      },
      {"\"\\u00fc\"=\"\\U0001f525\"", {"ü", kEqual, "🔥"}      },
      {"\"a\\\"b\\\\\"=c",            {"a\"b\\", kEqual, "c"}     },
      {"\u00A0Σ\u2003=\u3000x",      {"Σ", kEqual, "x"}         },
  };
  for (const Parsed& c : cases) {
    const absl::StatusOr<Matcher> matcher = ParseMatcher(c.text);
    ASSERT_TRUE(matcher.ok()) << c.text << ": " << matcher.status();
    EXPECT_EQ(*matcher, c.matcher) << c.text << " read as " << Format(*matcher);
  }
}

TEST(MatcherParseTest, ClassicWinsWhereBothReadButDiffer) {
  EXPECT_EQ(ParseMatcher("foo=\"\\t\"").value(), (Matcher{"foo", kEqual, "\\t"}));
  EXPECT_EQ(ParseMatcher("foo=\"\\u00fc\"").value(), (Matcher{"foo", kEqual, "\\u00fc"}));
  EXPECT_EQ(ParseMatchers("{foo=\"\\x41\"}").value(), (std::vector<Matcher>{
                                                          {"foo", kEqual, "\\x41"}
  }));
}

TEST(MatcherParseTest, ErrorsAreAlertmanagers) {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"",                                      "bad matcher format: "                                    },
      {"nonsense",                              "bad matcher format: nonsense"                            },
      {"=x",                                    "bad matcher format: =x"                                  },
      {"foo!bar",                               "bad matcher format: foo!bar"                             },
      {"{alertname=\"A\"}",                     "bad matcher format: {alertname=\"A\"}"                   },
      {"alertname=A}",                          "bad matcher format: alertname=A}"                        },
      {"foo=b\"r",                              "matcher value contains unescaped double quote: b\"r"     },
      {"foo=\"bar",                             "matcher value contains unescaped double quote: \"bar"    },
      {"foo=bar\"",                             "matcher value contains unescaped double quote: bar\""    },
      {"foo=\"bar\\\"",                         "matcher value contains unescaped double quote: \"bar\\\""},
      {"alertname=\"A\",severity=\"critical\"",
       "matcher value contains unescaped double quote: \"A\",severity=\"critical\""                       },
      {"foo=\"\xFF\"",                          "matcher value not valid UTF-8: \"\xFF\""                 },
      {"\"foo=bar",                             "bad matcher format: \"foo=bar"                           },
      {"\"\"=bar",                              "bad matcher format: \"\"=bar"                            },
      {"Σ=",                                   "bad matcher format: Σ="                                 },
      {"Σ=a b",                                "bad matcher format: Σ=a b"                              },
      {"Σ=\"\\q\"",                            "bad matcher format: Σ=\"\\q\""                          },
      {"Σ=\"\\ud800\"",                        "bad matcher format: Σ=\"\\ud800\""                      },
      {"Σ=\"\\xff\"",                          "bad matcher format: Σ=\"\\xff\""                        },
      {"Σ=\"\\777\"",                          "bad matcher format: Σ=\"\\777\""                        },
      {"Σ=\"a\nb\"",                           "bad matcher format: Σ=\"a\nb\""                         },
      {"a\xFF=b",                               "bad matcher format: a\xFF=b"                             },
  };
  for (const Case& c : cases) {
    const absl::StatusOr<Matcher> matcher = ParseMatcher(c.text);
    ASSERT_EQ(matcher.status().code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_EQ(Message(matcher.status()), c.error);
  }
}

TEST(MatcherParseTest, ReadsLists) {
  struct Case {
    std::string text;
    std::vector<Matcher> matchers;
  };
  const Matcher a{"a", kEqual, "1"};
  const Matcher b{"b", kRegex, "2,}"};
  const Case cases[] = {
      {"",                         {}                                         },
      {"  ",                       {}                                         },
      {"{}",                       {}                                         },
      {" { } ",                    {}                                         },
      {"a=1",                      {a}                                        },
      {"{a=1}",                    {a}                                        },
      {"{a=1",                     {a}                                        }, // classic: each brace is optional
      {"a=1}",                     {a}                                        },
      {"{a=1,}",                   {a}                                        },
      {"a=1,",                     {a}                                        },
      {"{a=1,b=~\"2,}\"}",         {a, b}                                     },
      {" {a=1 , b=~\"2,}\" } ",    {a, b}                                     },
      {"a=\"x\\\",y\",b=~\"2,}\"", {{"a", kEqual, "x\",y"}, b}                },
      {"{\"a b\"=1,Σ=2}",         {{"a b", kEqual, "1"}, {"Σ", kEqual, "2"}}},
      {"a=1,\"b c\"!=2,",          {a, {"b c", kNotEqual, "2"}}               },
  };
  for (const Case& c : cases) {
    const absl::StatusOr<std::vector<Matcher>> matchers = ParseMatchers(c.text);
    ASSERT_TRUE(matchers.ok()) << c.text << ": " << matchers.status();
    EXPECT_EQ(*matchers, c.matchers) << c.text << " read as " << Format(*matchers);
  }
}

TEST(MatcherParseTest, RefusesBrokenLists) {
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {",",            "bad matcher format: "                              },
      {"{,}",          "bad matcher format: "                              },
      {"a=1,,b=2",     "bad matcher format: "                              },
      {"{a=1,nope}",   "bad matcher format: nope"                          },
      {"{\"a b\"=1",   "bad matcher format: \"a b\"=1"                     },
      {"\"a b\"=1}",   "bad matcher format: \"a b\"=1"                     },
      {"{\"a b\"=1}}", "bad matcher format: \"a b\"=1}"                    },
      {"a=\"1",        "matcher value contains unescaped double quote: \"1"},
  };
  for (const Case& c : cases) {
    const absl::StatusOr<std::vector<Matcher>> matchers = ParseMatchers(c.text);
    ASSERT_FALSE(matchers.ok()) << c.text << " read as " << Format(*matchers);
    EXPECT_EQ(Message(matchers.status()), c.error) << c.text;
  }
}

CompiledMatchers Compile(std::vector<Matcher> matchers) {
  absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(matchers);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *std::move(compiled) : CompiledMatchers();
}

TEST(CompiledMatchersTest, EachOperatorOnPresentMissingAndOddValues) {
  struct Case {
    MatchOp op;
    std::string pattern;
    std::string value;  // empty: the label is missing
    bool match;
  };
  const Case cases[] = {
      {kEqual,    "x",       "x",     true },
      {kEqual,    "x",       "X",     false},
      {kEqual,    "",        "",      true },
      {kEqual,    "x",       "",      false},
      {kNotEqual, "x",       "y",     true },
      {kNotEqual, "x",       "",      true },
      {kNotEqual, "",        "",      false},
      {kRegex,    "db.*",    "db-1",  true },
      {kRegex,    "db",      "db-1",  false}, // anchored at both ends
      {kRegex,    "b-1",     "db-1",  false},
      {kRegex,    "a|db-1",  "db-1",  true },
      {kRegex,    "a|db",    "db-1",  false}, // anchors bind looser than |
      {kRegex,    "",        "",      true },
      {kRegex,    ".+",      "",      false},
      {kRegex,    ".*",      "",      true },
      {kRegex,    "a.b",     "a\nb",  false}, // as Go: . is no line break
      {kRegex,    "(?s)a.b", "a\nb",  true },
      {kRegex,    "(?i)DB",  "db",    true },
      {kRegex,    "F.nf",    "Fünf", true }, // a code point, not a byte
      {kNotRegex, "db.*",    "web",   true },
      {kNotRegex, "db.*",    "db",    false},
      {kNotRegex, ".+",      "",      true },
  };
  for (const Case& c : cases) {
    const Matcher matcher{"name", c.op, c.pattern};
    Labels labels = {
        {"a", "other"}
    };
    if (!c.value.empty()) labels.push_back({"name", c.value});
    EXPECT_EQ(Compile({matcher}).Match(labels), c.match) << Format(matcher) << " on " << Format(labels);
  }
}

TEST(CompiledMatchersTest, AllMustMatchAndNoneMatchesEverything) {
  const Labels labels = {
      {"a", "1"},
      {"b", "2"}
  };
  EXPECT_TRUE(CompiledMatchers().Match(labels));
  EXPECT_TRUE(Compile({
                          {"a", kEqual, "1"    },
                          {"b", kRegex, "[0-9]"}
  })
                  .Match(labels));
  EXPECT_FALSE(Compile({
                           {"a", kEqual, "1"},
                           {"b", kEqual, "1"}
  })
                   .Match(labels));
}

TEST(CompiledMatchersTest, RegexErrorsAreWordedAsGoWordsThem) {
  struct Case {
    std::string pattern;
    std::string error;
  };
  const Case cases[] = {
      {"(",                                  "error parsing regexp: missing closing ): `^(?:()$`"                },
      {")",                                  "error parsing regexp: unexpected ): `^(?:))$`"                     },
      {"[a",                                 "error parsing regexp: missing closing ]: `[a"                      },
      {"*",                                  "error parsing regexp: missing argument to repetition operator: `*`"},
      {"a**",                                "error parsing regexp: invalid nested repetition operator: `**`"    },
      {"a{1001}",                            "error parsing regexp: invalid repeat count: `{1001}`"              },
      {"\\8",                                "error parsing regexp: invalid escape sequence: `\\8`"              },
      {"(?=a)",                              "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"   },
      {"[z-a]",                              "error parsing regexp: invalid character class range: `z-a`"        },
      {"((((a{100}){100}){100}){100}){100}", "error parsing regexp: "                                            },
  };
  for (const Case& c : cases) {
    const Matcher matcher{"name", kRegex, c.pattern};
    const absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile(std::span(&matcher, 1));
    ASSERT_FALSE(compiled.ok()) << c.pattern;
    EXPECT_THAT(Message(compiled.status()), ::testing::StartsWith(c.error));
  }
}

TEST(CompiledMatchersTest, APatternHasAMaximalLength) {
  const Matcher fits{"name", kRegex, std::string(4096, 'a')};
  const Matcher too_long{"name", kNotRegex, std::string(4097, 'a')};
  EXPECT_TRUE(CompiledMatchers::Compile(std::span(&fits, 1)).ok());
  EXPECT_EQ(CompiledMatchers::Compile(std::span(&too_long, 1)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CompiledMatchersTest, AHostilePatternOnALongValueTakesLinearTime) {
  // Exponential for a backtracking engine: this test would never end.
  EXPECT_FALSE(Compile({
                           {"name", kRegex, "(a*)*(a*)*(a*)*b"}
  })
                   .Match(Labels{{"name", std::string(4096, 'a')}}));
}

}  // namespace
}  // namespace tocsin
