#include "base/strings.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using namespace std::string_view_literals;

struct Utf8Case {
  std::string_view name;
  std::string_view text;
  bool valid;
};

// The ranges of RFC 3629, section 4, each at both edges.
constexpr Utf8Case kUtf8Cases[] = {
    {"empty",                         ""sv,                     true },
    {"ascii",                         "plain"sv,                true },
    {"nul",                           "a\0b"sv,                 true },
    {"delete",                        "\x7F"sv,                 true },
    {"first of two bytes",            "\xC2\x80"sv,             true },
    {"last of two bytes",             "\xDF\xBF"sv,             true },
    {"first of three bytes",          "\xE0\xA0\x80"sv,         true },
    {"last before surrogates",        "\xED\x9F\xBF"sv,         true },
    {"first after surrogates",        "\xEE\x80\x80"sv,         true },
    {"last of three bytes",           "\xEF\xBF\xBF"sv,         true },
    {"first of four bytes",           "\xF0\x90\x80\x80"sv,     true },
    {"last code point",               "\xF4\x8F\xBF\xBF"sv,     true },
    {"mixed",                         "ü→🔥x"sv,           true },
    {"lone continuation",             "\x80"sv,                 false},
    {"overlong two bytes",            "\xC0\xAF"sv,             false},
    {"overlong two bytes, last",      "\xC1\xBF"sv,             false},
    {"overlong three bytes",          "\xE0\x9F\xBF"sv,         false},
    {"overlong four bytes",           "\xF0\x8F\xBF\xBF"sv,     false},
    {"first surrogate",               "\xED\xA0\x80"sv,         false},
    {"last surrogate",                "\xED\xBF\xBF"sv,         false},
    {"beyond the last code point",    "\xF4\x90\x80\x80"sv,     false},
    {"five byte form",                "\xF8\x88\x80\x80\x80"sv, false},
    {"never a byte",                  "\xFF"sv,                 false},
    {"cut two bytes",                 "\xC2"sv,                 false},
    {"cut three bytes",               "\xE2\x82"sv,             false},
    {"cut four bytes",                "\xF0\x9F\x94"sv,         false},
    {"lead where a continuation was", "\xE2\xC2\x80"sv,         false},
    {"good then bad",                 "good\xFE"sv,             false},
};

TEST(Utf8Test, KnowsValidFromInvalid) {
  for (const Utf8Case& c : kUtf8Cases)
    EXPECT_EQ(IsValidUtf8(c.text), c.valid) << c.name;
}

TEST(Utf8Test, FindsABadByteAtEveryPlaceOfALongText) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    EXPECT_TRUE(IsValidUtf8(text));
    text[at] = '\x80';
    EXPECT_FALSE(IsValidUtf8(text)) << at;
  }
}

TEST(Utf8Test, EveryCodePointSurvivesEncodingAndDecoding) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    std::string text;
    AppendUtf8(text, c);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    const CodePoint point = FirstCodePoint(text);
    ASSERT_EQ(point.valid, !surrogate) << static_cast<std::uint32_t>(c);
    if (surrogate) continue;
    ASSERT_EQ(point.value, c);
    ASSERT_EQ(point.bytes, text.size());
  }
}

TEST(Utf8Test, TruncationNeverSplitsASequence) {
  const std::string_view text = "aü→🔥z";
  for (std::size_t bytes = 0; bytes <= text.size() + 2; ++bytes) {
    const std::string_view cut = TruncateUtf8(text, bytes);
    EXPECT_LE(cut.size(), bytes);
    EXPECT_TRUE(text.starts_with(cut) && IsValidUtf8(cut)) << bytes;
    EXPECT_TRUE(cut.size() + 4 > bytes || cut == text) << "cut more than a sequence at " << bytes;
  }
}

TEST(Utf8Test, TruncationOfHostileBytesKeepsNearlyAllOfThem) {
  const std::string continuations(100, '\x80');
  EXPECT_GE(TruncateUtf8(continuations, 50).size(), 47U);
  EXPECT_EQ(TruncateUtf8("\x80\x80", 0), "");
}

TEST(JsonQuoteTest, EscapesWhatJsonMustNotHold) {
  struct Case {
    std::string_view text;
    std::string_view quoted;
  };
  const Case cases[] = {
      {""sv,               R"("")"                        },
      {"plain"sv,          R"("plain")"                   },
      {"a\"b\\c"sv,        R"("a\"b\\c")"                 },
      {"\n\r\t"sv,         R"("\n\r\t")"                  },
      {"\0\x01\x1F\x7F"sv, R"("\u0000\u0001\u001f\u007f")"},
      {"ü🔥"sv,         R"("ü🔥")"                  },
      {"a\xFF"
       "b"sv,       "\"a\xEF\xBF\xBD"
       "b\""                          },
      {"\xE2\x82"sv,       "\"\xEF\xBF\xBD\xEF\xBF\xBD\"" },
  };
  for (const Case& c : cases)
    EXPECT_EQ(JsonQuote(c.text), c.quoted);
}

TEST(GoQuoteTest, AgreesWithGo) {
  struct Case {
    std::string_view text;
    std::string_view quoted;
  };
  // Printed by fmt.Printf("%q").
  const Case cases[] = {
      {""sv,                   R"("")"                  },
      {"a\"b\\c'd"sv,          R"("a\"b\\c'd")"         },
      {"\a\b\t\n\v\f\r"sv,     R"("\a\b\t\n\v\f\r")"    },
      {"\0\x01\x1B\x7F"sv,     R"("\x00\x01\x1b\x7f")"  },
      {"\xFF\xE2\x82"sv,       R"("\xff\xe2\x82")"      },
      {"\u0085\u00A0\u00AD"sv, R"("\u0085\u00a0\u00ad")"},
      {"\u200B\u202E\u2028"sv, R"("\u200b\u202e\u2028")"},
      {"\uFEFF\U000E0001"sv,   R"("\ufeff\U000e0001")"  },
      {"ü→🔥"sv,          R"("ü→🔥")"         },
      {"\uFFFD"sv,             "\"\uFFFD\""             },
  };
  for (const Case& c : cases)
    EXPECT_EQ(GoQuote(c.text), c.quoted);
}

// Blocks of bytes are looked at together: what a byte becomes must not depend on what stands around it.
TEST(QuoteTest, EachByteIsQuotedAsAloneWhereverItStands) {
  const auto within = [](const std::string& quoted) { return quoted.substr(1, quoted.size() - 2); };
  for (int value = 0; value < 256; ++value) {
    const std::string byte(1, static_cast<char>(static_cast<unsigned char>(value)));
    for (std::size_t before = 0; before < 17; ++before) {
      for (const std::size_t after : {0U, 1U, 7U, 8U, 9U, 16U}) {
        const std::string front(before, '!');
        const std::string back(after, '~');
        EXPECT_EQ(JsonQuote(front + byte + back), "\"" + front + within(JsonQuote(byte)) + back + "\"");
        EXPECT_EQ(GoQuote(front + byte + back), "\"" + front + within(GoQuote(byte)) + back + "\"");
      }
    }
  }
}

TEST(GoQuoteTest, NeverEmitsAControlByteWhateverComesIn) {
  Random random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random.Below(40), '\0');
    for (char& c : text)
      c = static_cast<char>(static_cast<unsigned char>(random.Below(256)));
    for (const std::string& quoted : {GoQuote(text), JsonQuote(text)}) {
      ASSERT_TRUE(IsValidUtf8(quoted));
      for (const char c : quoted)
        ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    }
  }
}

TEST(StringsTest, LowersAsciiOnlyAndTrimsBlanks) {
  EXPECT_EQ(ToLower("CRITICAL-Ü9[Z"), "critical-Ü9[z");
  EXPECT_EQ(Trim(" \t\r\n\f\v a b \n"), "a b");
  EXPECT_EQ(Trim(" \t "), "");
  EXPECT_EQ(Trim(""), "");
}

}  // namespace
}  // namespace tocsin
