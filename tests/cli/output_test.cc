#include "cli/output.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(PrintableTest, LeavesNothingThatATerminalObeysOrThatTurnsALineAround) {
  const struct {
    std::string_view text;
    std::string_view printed;
  } cases[] = {
      {"disk 97% voll: Größe 漢字", "disk 97% voll: Größe 漢字"},
      {"\x1b[2J\a\r",                   "?[2J??"                       },
      {"one\ntwo\tthree",               "one two three"                },
      {"\x7f",                          "?"                            },
      {"\xC2\x9B"
       "31m",                    "?31m"                         }, // CSI of C1, in UTF-8
      {"\x9B"
       "31m",                    "?31m"                         }, // and as a byte
      {"\xE2\x80\xAE"
       "gnp.exe",                "?gnp.exe"                     }, // right-to-left override
      {"\xE2\x81\xA6"
       "x",                      "?x"                           }, // isolate
      {"a\xE2\x80\xA8"
       "b",                      "a?b"                          }, // line separator
      {"good \xFF\xFE and \xC3\xA9",    "good ?? and \xC3\xA9"         },
      {"",                              ""                             },
  };
  for (const auto& [text, printed] : cases)
    EXPECT_EQ(Printable(text), printed);
}

TEST(PrintableTest, ShowsAZeroByte) {
  EXPECT_EQ(Printable(std::string("a\0b", 3)), "a?b");
}

}  // namespace
}  // namespace tocsin
