// What is wrong with a configuration, and where.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tocsin {

struct Problem {
  std::string file;  // empty where the organisation did not come from files
  int line = 0;      // from 1; 0: unknown
  int column = 0;
  std::string path;  // policies[1].steps[0].targets[2].user
  std::string message;
  friend bool operator==(const Problem&, const Problem&) = default;
};

// team.yaml:12:7: policies[1].steps[0].targets[2].user: user "zoe" is unknown
std::string Format(const Problem& problem);

// ` (did you mean "alice"?)` for the candidate that is nearest to `word`, or "" when none is near.
std::string Suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace tocsin
