// Tables for people: columns aligned by what a terminal shows, cut to its width, coloured only where colours are seen.
//
//   Table table({"GROUP", "STATE", "LABELS"});
//   table.Add({"G17", Cell("open", Tone::kBad), labels});
//   table.Print();
//
// A program that reads what is printed gets every cell whole and no escape: nothing is cut and nothing coloured unless
// standard output is a terminal, or --color=always says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

// What a colour means, not which one it is.
enum class Tone : std::uint8_t {
  kPlain,
  kGood,
  kWatch,
  kBad,
  kFaint,
  kStrong
};

// What is known of the place that is printed to.
struct Screen {
  std::size_t width = 0;  // columns; 0: no limit
  bool colours = false;
  bool absolute_times = false;  // in lists, which else say "3m ago"
};

// Of this process's standard output, which there is one of: set once from the options, before anything is printed.
const Screen& StandardOutput();
void SetStandardOutput(const Screen& screen);

// Whether to colour. `wanted`: auto, always or never; `no_color` and `terminal` are $NO_COLOR and $TERM.
bool WantsColours(std::string_view wanted, bool is_terminal, std::string_view no_color, std::string_view terminal);
// Columns of the terminal on standard output; 0 when it is none.
std::size_t TerminalWidth();

// Columns that a terminal needs for `text`: two for wide scripts and most emoji, none for combining marks.
std::size_t DisplayWidth(std::string_view text);
// At most `width` columns of it, the last of them "…" when something was cut.
std::string Shorten(std::string_view text, std::size_t width);
std::string Paint(std::string_view text, Tone tone, const Screen& screen);

struct Cell {
  // What is passed is mostly plain text: conversions are meant.
  Cell(std::string shown) : text(std::move(shown)) {}
  Cell(std::string_view shown) : text(shown) {}
  Cell(const char* shown) : text(shown) {}
  Cell(std::string shown, Tone meant) : text(std::move(shown)), tone(meant) {}
  std::string text;  // fit for a terminal: see Printable
  Tone tone = Tone::kPlain;
};

// When the screen is too narrow the widest columns give way; the first one, which names the row, never does.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  std::size_t rows() const { return rows_.size() - 1; }
  bool empty() const { return rows() == 0; }
  std::string Render(const Screen& screen) const;
  void Print() const;  // on standard output

 private:
  std::vector<std::size_t> Widths(std::size_t limit) const;

  std::vector<std::vector<Cell>> rows_;
};

}  // namespace tocsin
