// The one place where absl::string_view is named: on Debian 12 it is not std::string_view. Everywhere else our text is
// std::string and std::string_view; pass ToAbsl(x) to an Abseil function that insists.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace tocsin {

inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view ToStd(absl::string_view text) {
  return {text.data(), text.size()};
}

// For hash tables keyed by std::string that are looked up by std::string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
struct StringEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

bool IsAscii(std::string_view text);
bool IsValidUtf8(std::string_view text);

// The code point at the start of a text that is not empty. Invalid UTF-8: `valid` is false and `bytes` is 1.
struct CodePoint {
  char32_t value = U'\uFFFD';
  std::size_t bytes = 1;
  bool valid = false;
};
CodePoint FirstCodePoint(std::string_view text);
void AppendUtf8(std::string& out, char32_t code_point);

// `text` as a JSON string literal, quotes included. Invalid UTF-8 becomes U+FFFD.
std::string JsonQuote(std::string_view text);

// `text` as Go's %q prints it, quotes included: all that is visible as it is; control, format and other invisible code
// points and invalid bytes escaped. The result never holds a line break or anything else that a terminal obeys.
std::string GoQuote(std::string_view text);

// Cuts `text` to at most `bytes` bytes without splitting a UTF-8 sequence. Invalid UTF-8 is cut where it comes.
std::string_view TruncateUtf8(std::string_view text, std::size_t bytes);

std::string ToLower(std::string_view text);
std::string_view Trim(std::string_view text);

}  // namespace tocsin
