// Whether every alert that one route takes is taken by others, too: by the text of their matchers alone.
#pragma once

#include <span>
#include <vector>

#include "model/matcher.h"

namespace tocsin {

// True when each alert that fits `matchers` fits one of `others`. Equality, lists of words (`=~"a|b"`) and opposites are
// understood; another regular expression only where it is written the same. `budget` is how many matchers may be looked at;
// what was is taken off, and when there is none left the answer is true.
bool AreCovered(std::span<const Matcher> matchers, std::span<const std::span<const Matcher>> others, int& budget);

}  // namespace tocsin
