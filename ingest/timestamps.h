// Private to ingest: the times that senders write. Shown to people, compared with our own clock; never trusted further.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin {

// RFC 3339 with 0 to 9 fraction digits and any offset; also without a zone (UTC) and with a blank for the T. Absent: "" and the year 1
// (Go's zero time). An error when it is something else.
absl::StatusOr<std::optional<absl::Time>> ParseTimestamp(std::string_view text);

// The same, the times of mails, of date(1), of Go and Java programs where they say UTC, and Unix time in seconds, milliseconds, microseconds or nanoseconds (told apart by size). Absent when it is
// none of these: for senders whose times are decoration.
std::optional<absl::Time> ParseAnyTime(std::string_view text);

// Nanoseconds since 1970, clamped to what an EventHeader holds.
std::int64_t ToEventNs(absl::Time time);

}  // namespace tocsin
