#include "notify/text.h"

#include <string>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace tocsin::notify {
namespace {

TEST(TextTest, OneLineHoldsNothingThatATerminalOrAHeaderObeys) {
  struct Case {
    const char* name;
    std::string text;
    const char* clean;
  };
  const Case cases[] = {
      {"plain",             "disk full",           "disk full"  },
      {"spaces are joined", "  a \t b\r\n\r\nc  ", "a b c"      },
      {"escape sequence",   "\x1b[31mred\x1b[0m",  "[31mred[0m" },
      {"one-byte CSI",
       "\xC2\x9B"
       "31mred",                                   "31mred"     },
      {"NUL",               std::string("a\0b",    3),            "ab"},
      {"line separator",
       "a\xE2\x80\xA8"
       "b",                         "a b"                                                      },
      {"paragraph separator",
       "a\xE2\x80\xA9"
       "b",                    "a b"                                                      },
      {"next line",
       "a\xC2\x85"
       "b",                              "a b"                                                      },
      {"override",
       "a\xE2\x80\xAE"
       "b",                               "ab"                                                      },
      {"isolate",
       "a\xE2\x81\xA6"
       "b",                                "ab"                                                      },
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a",                        "a"                                                      },
      {"tag characters",
       "a\xF3\xA0\x81\x81"
       "b",                         "ab"                                                      },
      {"invalid bytes",
       "a\xFF"
       "b",                          "a\xEF\xBF\xBD"
       "b"                                                      },
      {"emoji stays",                   "\xF0\x9F\x94\xA5 hot",                            "\xF0\x9F\x94\xA5 hot"},
      {"umlaut stays",                   "größer",                           "größer"                                                                 },
  };
  for (const Case& c : cases)
    EXPECT_EQ(CleanLine(c.text, 100), c.clean) << c.name;
}

TEST(TextTest, CutsAtTheLimitWithoutSplittingACharacter) {
  EXPECT_EQ(CleanLine("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(CleanLine("abcdefghi", 8), "abcde...");
  EXPECT_EQ(CleanLine("ääääää", 8), "ää...");
  EXPECT_EQ(CleanLine("abc", 2), "ab");
  EXPECT_EQ(CleanLine("abc", 0), "");
}

TEST(TextTest, SeveralLinesKeepTheirBreaksWhateverTheyWere) {
  EXPECT_EQ(CleanText("a\r\nb\rc\xE2\x80\xA8"
                      "d\n\ne\n",
                      100, 10),
            "a\nb\nc\nd\n\ne");
  EXPECT_EQ(CleanText("1\n2\n3\n4", 100, 2), "1\n2\n...");
  EXPECT_EQ(CleanText("1\n2\n\n\n", 100, 2), "1\n2");
  EXPECT_EQ(CleanText("\x1b[2Ja\tb", 100, 2), "[2Ja b");
}

TEST(TextTest, CleanTextOfAnythingIsValidBoundedAndStaysAsItIs) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const std::uint64_t length = random.Below(60);
    for (std::uint64_t i = 0; i < length; ++i) {
      if (random.OneIn(3)) {
        AppendUtf8(text, static_cast<char32_t>(random.Below(0x3000)));
      } else {
        text += static_cast<char>(random.Below(256));
      }
    }
    const std::string line = CleanLine(text, 40);
    EXPECT_TRUE(IsValidUtf8(line));
    EXPECT_LE(line.size(), 40U);
    EXPECT_EQ(CleanLine(line, 40), line);
    EXPECT_EQ(line.find_first_of("\r\n\x1b"), std::string::npos);
    const std::string several = CleanText(text, 40, 5);
    EXPECT_TRUE(IsValidUtf8(several));
    EXPECT_LE(several.size(), 40U);
    EXPECT_EQ(several.find_first_of("\r\x1b"), std::string::npos);
  }
}

TEST(TextTest, OnlyPlainHttpLinksAreLinks) {
  EXPECT_EQ(CleanLink("https://a.example/x?y=1&z=%20#f"), "https://a.example/x?y=1&z=%20#f");
  for (const char* text : {"javascript:alert(1)", "ftp://a", "https://a b", "https://a\nb", "https://a\"b",
                           "https://a<b>", "", "HTTPS//", " https://a", "https://\xC3\xA4"}) {
    EXPECT_EQ(CleanLink(text), "") << text;
  }
}

TEST(TextTest, XmlHoldsNoMarkupOfOthers) {
  EXPECT_EQ(XmlEscape("</Say><Dial>+1900</Dial> & \"'"),
            "&lt;/Say&gt;&lt;Dial&gt;+1900&lt;/Dial&gt; &amp; &quot;&apos;");
  EXPECT_EQ(XmlEscape(std::string("a\0\x1b\x0B"
                                  "b\n",
                                  6)),
            "ab\n");
  EXPECT_EQ(XmlEscape("\xFF"), "\xEF\xBF\xBD");
}

TEST(TextTest, FormsEscapeAllButUnreservedCharacters) {
  EXPECT_EQ(FormEscape("a+b &=%~-._ä\n"), "a%2Bb%20%26%3D%25~-._%C3%A4%0A");
}

}  // namespace
}  // namespace tocsin::notify
