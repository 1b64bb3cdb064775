#include "cli/table.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kGap = 2;              // columns between columns
constexpr std::size_t kNarrowestColumn = 8;  // a cell that is cut further says nothing

struct Range {
  char32_t first;
  char32_t last;
};
// Marks that stand on the letter before them, joiners and variation selectors.
constexpr Range kNoColumns[] = {
    {0x0300,  0x036F },
    {0x0483,  0x0489 },
    {0x0591,  0x05BD },
    {0x0610,  0x061A },
    {0x064B,  0x065F },
    {0x093C,  0x093C },
    {0x0941,  0x0948 },
    {0x094D,  0x094D },
    {0x0E31,  0x0E31 },
    {0x0E34,  0x0E3A },
    {0x0E47,  0x0E4E },
    {0x1AB0,  0x1AFF },
    {0x1DC0,  0x1DFF },
    {0x200B,  0x200D },
    {0x20D0,  0x20FF },
    {0xFE00,  0xFE0F },
    {0xFE20,  0xFE2F },
    {0xFEFF,  0xFEFF },
    {0xE0100, 0xE01EF},
};
// Unicode's East Asian Wide and Fullwidth, in blocks.
constexpr Range kTwoColumns[] = {
    {0x1100,  0x115F },
    {0x231A,  0x231B },
    {0x23E9,  0x23EC },
    {0x2614,  0x2615 },
    {0x26A1,  0x26A1 },
    {0x26D4,  0x26D4 },
    {0x2705,  0x2705 },
    {0x274C,  0x274C },
    {0x2753,  0x2757 },
    {0x2E80,  0x303E },
    {0x3041,  0x33FF },
    {0x3400,  0x4DBF },
    {0x4E00,  0x9FFF },
    {0xA000,  0xA4CF },
    {0xA960,  0xA97C },
    {0xAC00,  0xD7A3 },
    {0xF900,  0xFAFF },
    {0xFE30,  0xFE6F },
    {0xFF01,  0xFF60 },
    {0xFFE0,  0xFFE6 },
    {0x1F1E6, 0x1F1FF},
    {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF},
    {0x1F900, 0x1FAFF},
    {0x20000, 0x3FFFD},
};

bool IsIn(const auto& ranges, char32_t c) {
  const auto* const after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

std::size_t ColumnsOf(char32_t c) {
  if (c < 0x0300) return 1;
  if (IsIn(kNoColumns, c)) return 0;
  return IsIn(kTwoColumns, c) ? 2 : 1;
}

// ANSI's select graphic rendition: what every terminal of the last thirty years understands.
std::string_view Code(Tone tone) {
  switch (tone) {
    case Tone::kPlain: return "";
    case Tone::kGood: return "32";
    case Tone::kWatch: return "33";
    case Tone::kBad: return "31";
    case Tone::kFaint: return "2";
    case Tone::kStrong: return "1";
  }
  return "";
}

Screen& Standard() {
  static Screen screen;
  return screen;
}

}  // namespace

const Screen& StandardOutput() {
  return Standard();
}

void SetStandardOutput(const Screen& screen) {
  Standard() = screen;
}

bool WantsColours(std::string_view wanted, bool is_terminal, std::string_view no_color, std::string_view terminal) {
  if (wanted == "always") return true;
  if (wanted == "never") return false;
  return is_terminal && no_color.empty() && terminal != "dumb";
}

std::size_t TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    width += ColumnsOf(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string Shorten(std::string_view text, std::size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 1;  // of the ellipsis
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    used += ColumnsOf(point.value);
    if (used > width) break;
    out += text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return width == 0 ? "" : out + "…";
}

std::string Paint(std::string_view text, Tone tone, const Screen& screen) {
  if (!screen.colours || tone == Tone::kPlain || text.empty()) return std::string(text);
  return "\x1b[" + std::string(Code(tone)) + "m" + std::string(text) + "\x1b[0m";
}

Table::Table(std::vector<std::string> header) {
  std::vector<Cell> row;
  for (std::string& name : header)
    row.emplace_back(std::move(name), Tone::kStrong);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::Widths(std::size_t limit) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], DisplayWidth(row[i].text));
  }
  if (limit == 0 || widths.size() < 2) return widths;
  std::size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (total > limit) {
    const auto widest = std::max_element(widths.begin() + 1, widths.end());
    if (*widest <= kNarrowestColumn) break;  // the terminal breaks the line: better than saying nothing
    --*widest;
    --total;
  }
  return widths;
}

std::string Table::Render(const Screen& screen) const {
  const std::vector<std::size_t> widths = Widths(screen.width);
  std::string out;
  for (const auto& row : rows_) {
    std::size_t owed = 0;  // blanks before the next cell that says something: no line ends in blanks
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string shown = screen.width == 0 ? row[i].text : Shorten(row[i].text, widths[i]);
      if (!shown.empty()) {
        out.append(owed, ' ');
        out += Paint(shown, row[i].tone, screen);
        owed = 0;
      }
      owed += widths[i] - DisplayWidth(shown) + kGap;
    }
    out += '\n';
  }
  return out;
}

void Table::Print() const {
  const std::string text = Render(StandardOutput());
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace tocsin
