#include "api/paging.h"

#include <algorithm>
#include <charconv>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {

std::size_t PageSize(std::uint32_t asked) {
  return asked == 0 ? kDefaultPage : std::min<std::size_t>(asked, kLargestPage);
}

absl::StatusOr<Cursor> ParseCursor(std::string_view text) {
  Cursor cursor{0, 0};
  if (text.empty()) return cursor;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, cursor.first);
  bool ok = first.ec == std::errc() && first.ptr != end && *first.ptr == '.';
  if (ok) {
    const auto second = std::from_chars(first.ptr + 1, end, cursor.second);
    ok = second.ec == std::errc() && second.ptr == end;
  }
  if (!ok) return Invalid("cursor: %s is not one that a list has returned", JsonQuote(TruncateUtf8(text, 40)));
  return cursor;
}

std::string FormatCursor(const Cursor& cursor) {
  return std::to_string(cursor.first) + "." + std::to_string(cursor.second);
}

}  // namespace tocsin
