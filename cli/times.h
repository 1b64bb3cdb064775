// How commands write and read instants.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tocsin {

// "2026-11-21 03:04:05 UTC", as the server writes them; where the terminal's zone is another one, "2026-11-21 04:04:05+01:00". Either
// can be given to an option again, in quotes.
std::string ShowTime(absl::Time at);

// Where a beginning is asked for: an instant (ParseInstant), or "2h" or "7d" for so long ago.
absl::StatusOr<absl::Time> ParseSince(std::string_view text);

}  // namespace tocsin
