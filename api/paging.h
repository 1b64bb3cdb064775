// Pages of lists: a size with bounds and an opaque cursor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace tocsin {

inline constexpr std::size_t kDefaultPage = 100;
inline constexpr std::size_t kLargestPage = 1000;

std::size_t PageSize(std::uint32_t asked);

// Where a list goes on: up to two numbers, as "12" or "1.345". Empty text is {0, 0}.
using Cursor = std::pair<std::uint64_t, std::uint64_t>;
absl::StatusOr<Cursor> ParseCursor(std::string_view text);
std::string FormatCursor(const Cursor& cursor);

}  // namespace tocsin
