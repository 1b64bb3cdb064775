// What one replay may hold in memory and show.
#pragma once

#include <cstddef>

namespace tocsin::replay::limits {

inline constexpr std::size_t kEpisodes = 100'000;  // groups and incidents that paged; further ones are counted
inline constexpr std::size_t kPages = 100'000;     // of one person, with their times
inline constexpr std::size_t kAlerts = 1'000'000;  // of which it is known what group lists them
inline constexpr std::size_t kListed = 100;        // episodes in each list of the result
inline constexpr std::size_t kRows = 1000;         // people, routes, services in the result

}  // namespace tocsin::replay::limits
