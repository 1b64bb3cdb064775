// How a reason why somebody is held back begins, whoever writes it; lists and counts know it by that.
#pragma once

#include <string_view>

namespace tocsin {

inline constexpr std::string_view kSilencedBy = "silenced by ";
inline constexpr std::string_view kInMaintenance = "in maintenance ";
inline constexpr std::string_view kInhibitedBy = "inhibited by rule ";
inline constexpr std::string_view kMutedBy = "muted by route ";
inline constexpr std::string_view kHeldBack = "held back: ";  // by a service that another one depends on

// For a column: "silenced"; empty when the reason tells of nothing that is held back.
constexpr std::string_view HoldWord(std::string_view reason) {
  for (const std::string_view word : {"silenced", "in maintenance", "inhibited", "muted", "held back"}) {
    if (reason.starts_with(word)) return word;
  }
  return {};
}

}  // namespace tocsin
