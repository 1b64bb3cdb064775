#include "cli/times.h"

#include "absl/time/clock.h"

#include "base/status.h"
#include "cli/session.h"

namespace tocsin {

std::string ShowTime(absl::Time at) {
  const absl::TimeZone zone = absl::LocalTimeZone();
  const bool is_utc = zone.At(at).offset == 0;
  return absl::FormatTime(is_utc ? "%Y-%m-%d %H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S%Ez", at, zone);
}

absl::StatusOr<absl::Time> ParseSince(std::string_view text) {
  if (const absl::StatusOr<absl::Duration> ago = ParseSpan(text); ago.ok()) return absl::Now() - *ago;
  absl::StatusOr<absl::Time> at = ParseInstant(text);
  if (at.ok()) return at;
  return Invalid("%s; or how long ago: 2h, 7d", Message(at.status()));
}

}  // namespace tocsin
