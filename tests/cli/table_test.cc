#include "cli/table.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DisplayWidthTest, CountsWhatATerminalShows) {
  const struct {
    std::string_view text;
    std::size_t width;
  } cases[] = {
      {"",                 0},
      {"disk",             4},
      {"Größe",          5},
      {"漢字",           4},
      {"e\xCC\x81",        1}, // e and a combining acute
      {"\xF0\x9F\x94\xA5", 2}, // fire
      {"\xEF\xBC\xA1",     2}, // fullwidth A
      {"a\xE2\x80\x8B"
       "b",         2}, // zero width space
      {"\xFF",             1}, // invalid
      {"한국어",        6},
  };
  for (const auto& [text, width] : cases)
    EXPECT_EQ(DisplayWidth(text), width) << text;
}

TEST(ShortenTest, CutsAtAColumnAndSaysSo) {
  EXPECT_EQ(Shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten("abcdef", 4), "abc…");
  EXPECT_EQ(Shorten("漢字漢字", 6), "漢字…");  // half of a wide letter cannot be shown
  EXPECT_EQ(Shorten("漢字漢字", 5), "漢字…");
  EXPECT_EQ(Shorten("abc", 0), "");
  for (std::size_t width = 0; width < 12; ++width)
    EXPECT_LE(DisplayWidth(Shorten("a漢e\xCC\x81\xF0\x9F\x94\xA5zzzzz", width)), width);
}

TEST(TableTest, AlignsByWidthAndEndsNoLineInBlanks) {
  Table table({"NAME", "STATE", "NOTE"});
  table.Add({"漢字", "ok", "one"});
  table.Add({"plain text", "", ""});
  EXPECT_EQ(table.Render({}),
            "NAME        STATE  NOTE\n"
            "漢字        ok     one\n"
            "plain text\n");
}

TEST(TableTest, CutsTheWidestColumnAndNeverTheFirst) {
  Table table({"GROUP", "LABELS"});
  table.Add({"a-very-long-name-of-a-row", std::string(100, 'x')});
  const std::string narrow = table.Render({.width = 50});
  EXPECT_THAT(narrow, HasSubstr("a-very-long-name-of-a-row"));
  EXPECT_THAT(narrow, HasSubstr("x…\n"));
  std::size_t start = 0;
  for (std::size_t end = narrow.find('\n'); end != narrow.npos; start = end + 1, end = narrow.find('\n', start))
    EXPECT_LE(DisplayWidth(std::string_view(narrow).substr(start, end - start)), 50U);
  EXPECT_THAT(table.Render({}), HasSubstr(std::string(100, 'x')));
}

TEST(TableTest, ColoursDoNotChangeTheAlignment) {
  Table table({"A", "STATE", "B"});
  table.Add({"1", Cell("open", Tone::kBad), "b"});
  EXPECT_THAT(table.Render({.colours = true}), HasSubstr("1  \x1b[31mopen\x1b[0m   b\n"));
  EXPECT_THAT(table.Render({}), Not(HasSubstr("\x1b")));
}

TEST(ColoursTest, KnowWhenNotToBe) {
  const struct {
    std::string_view wanted;
    bool is_terminal;
    std::string_view no_color;
    std::string_view terminal;
    bool colours;
  } cases[] = {
      {"auto",   true,  "",  "xterm", true },
      {"auto",   false, "",  "xterm", false},
      {"auto",   true,  "1", "xterm", false},
      {"auto",   true,  "",  "dumb",  false},
      {"always", false, "1", "dumb",  true },
      {"never",  true,  "",  "xterm", false},
  };
  for (const auto& row : cases)
    EXPECT_EQ(WantsColours(row.wanted, row.is_terminal, row.no_color, row.terminal), row.colours) << row.wanted;
}

TEST(RelativeTest, SaysItAsPeopleDo) {
  const struct {
    absl::Duration from_now;
    std::string_view said;
  } cases[] = {
      {absl::Milliseconds(-900), "now"     },
      {absl::Seconds(-42),       "42s ago" },
      {absl::Seconds(-119),      "1m ago"  },
      {absl::Minutes(-125),      "2h5m ago"},
      {absl::Hours(76),          "in 3d4h" },
      {absl::Hours(-24 * 40),    "40d ago" },
      {absl::Seconds(5),         "in 5s"   },
  };
  for (const auto& [from_now, said] : cases)
    EXPECT_EQ(Relative(from_now), said);
}

}  // namespace
}  // namespace tocsin
