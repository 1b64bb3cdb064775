// How configuration spells durations, times, addresses and names. Pure functions; what ...Text writes Parse... reads back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace tocsin {

// 1h30m, 45s, 500ms, 2d, 1w, 0. Units from week to millisecond, each at most once, larger ones first; at most ten years.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
// Rounds down to whole milliseconds.
std::string DurationText(absl::Duration duration);

// 09:00 as minutes of the day, 0 to 1439.
absl::StatusOr<std::int32_t> ParseTimeOfDay(std::string_view text);
std::string TimeOfDayText(std::int32_t minutes);

// monday or mon, in any case: ISO's 1 (Monday) to 7 (Sunday).
absl::StatusOr<std::int32_t> ParseWeekday(std::string_view text);
// For 1 to 7.
std::string_view WeekdayName(std::int32_t day);

// 2024-03-04T09:00 or with a space: a time of day somewhere, not an instant.
absl::StatusOr<absl::CivilMinute> ParseLocalTime(std::string_view text);

// An instant: with an offset (2024-03-04T09:00:00+01:00, ...Z), or local in `zone`. Where the local time does not exist,
// the instant of the jump; where it is lived twice, the first pass.
absl::StatusOr<absl::Time> ParseInstant(std::string_view text, const absl::TimeZone& zone);
// In UTC.
std::string InstantText(absl::Time time);

// An IANA zone such as Europe/Berlin that this machine knows. Names that lead elsewhere than into the zone database are not
// known: absolute or climbing paths, localtime, fixed offsets.
absl::Status CheckTimeZone(std::string_view name);

// What an id may be: letters, digits, and . _ - @ inside; at most 100 bytes. A route's may hold slashes.
absl::Status CheckId(std::string_view id, bool slashes = false);
// Text that is shown or sent in one line: UTF-8 without control characters, at most `limit` bytes.
absl::Status CheckLine(std::string_view text, std::size_t limit = 500);

// One plain address: no display name, no control characters, ASCII.
absl::Status CheckEmailAddress(std::string_view address);
// E.164: + and 7 to 15 digits.
absl::Status CheckPhoneNumber(std::string_view number);
// http or https, with a host.
absl::Status CheckHttpUrl(std::string_view url);
// smtp or smtps, with a host.
absl::Status CheckSmtpUrl(std::string_view url);
// The host of a URL as it is written, lower-case; brackets of IPv6 stay.
std::string HostOfUrl(std::string_view url);
// Whether the URL's host is this machine: 127.0.0.0/8, ::1, localhost.
bool IsLoopbackUrl(std::string_view url);

}  // namespace tocsin
