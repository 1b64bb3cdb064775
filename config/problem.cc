#include "config/problem.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kLongestWord = 64;

// Levenshtein's distance, transpositions of neighbours counted as one.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(current);
  }
  return last[b.size()];
}

}  // namespace

std::string Format(const Problem& problem) {
  std::string text;
  if (!problem.file.empty()) text += problem.file + ":";
  if (problem.line > 0) text += absl::StrFormat("%d:%d:", problem.line, problem.column);
  if (!text.empty()) text += " ";
  if (!problem.path.empty()) text += problem.path + ": ";
  return text + problem.message;
}

std::string Suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kLongestWord) return "";
  const std::string lower = ToLower(word);
  std::string_view nearest;
  std::size_t least = 1 + std::max<std::size_t>(1, word.size() / 3);  // farther than that is not a slip of the fingers
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kLongestWord) continue;
    const std::size_t distance = Distance(lower, ToLower(candidate));
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : absl::StrFormat(" (did you mean %s?)", JsonQuote(nearest));
}

}  // namespace tocsin
