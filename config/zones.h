// Which time zone somebody may have meant.
#pragma once

#include <string>
#include <string_view>

namespace tocsin {

// ` (did you mean "Europe/Berlin"?)` for "Europe/Belrin", "berlin" or "europe/berlin"; "" when none is near, or this machine has no list
// of zones.
std::string ZoneSuggestion(std::string_view name);

}  // namespace tocsin
