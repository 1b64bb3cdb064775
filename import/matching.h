// Private to import: what sources say of an alert's text, as matchers of labels.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/matcher.h"

namespace tocsin::import {

enum class Likeness : std::uint8_t {
  kIs,
  kContains,
  kBegins,
  kEnds,
  kWildcards,  // * stands for any text
  kRegex,      // of the whole value
};

// `negated`: alerts of which it is not so. nullopt: no label can have that name, or it is no regular expression.
std::optional<Matcher> MatcherOf(std::string_view label, Likeness likeness, std::string_view text, bool negated);

// Whether a route may have them: not too many, each of which compiles.
bool AreUsable(const std::vector<Matcher>& matchers);

}  // namespace tocsin::import
