#include "ingest/timestamps.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "absl/time/civil_time.h"

#include "base/status.h"
#include "base/strings.h"
#include "model/event.h"

namespace tocsin {
namespace {

// Takes exactly `digits` digits off the front.
bool TakeNumber(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeFraction(std::string_view& text, absl::Duration& fraction) {
  if (!TakeChar(text, ".,")) return true;
  std::int64_t ns = 0;
  std::int64_t scale = 100'000'000;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, scale /= 10) {
    ns += scale * (text[digits] - '0');
  }
  text.remove_prefix(digits);
  fraction = absl::Nanoseconds(ns);
  return digits > 0;
}

// Z, z, +hh:mm, +hhmm, +hh, UTC, or nothing; with or without a blank before it.
bool TakeZone(std::string_view& text, absl::Duration& offset) {
  TakeChar(text, " ");
  if (text == "UTC" || text == "GMT") text = {};
  if (text.empty() || TakeChar(text, "Zz")) return true;
  const bool is_west = text[0] == '-';
  int hours = 0;
  int minutes = 0;
  if (!TakeChar(text, "+-") || !TakeNumber(text, 2, hours)) return false;
  if (!text.empty()) {
    TakeChar(text, ":");
    if (!TakeNumber(text, 2, minutes)) return false;
  }
  offset = (is_west ? -1 : 1) * (absl::Hours(hours) + absl::Minutes(minutes));
  return hours < 24 && minutes < 60;
}

// Of a number since 1970.
absl::Duration UnitOf(double number) {
  constexpr double kFirstMs = 1e11;  // the year 5138 in seconds
  constexpr double kFirstUs = 1e14;
  constexpr double kFirstNs = 1e17;
  if (number >= kFirstNs) return absl::Nanoseconds(1);
  if (number >= kFirstUs) return absl::Microseconds(1);
  return number >= kFirstMs ? absl::Milliseconds(1) : absl::Seconds(1);
}

// 1726142400.25 as it is written: no double holds nanoseconds of today.
std::optional<absl::Time> ParseUnixTime(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole <= 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  absl::Duration fraction;
  if (!text.empty() && (!TakeFraction(text, fraction) || !text.empty())) return std::nullopt;
  const absl::Duration unit = UnitOf(static_cast<double>(whole));
  return absl::UnixEpoch() + whole * unit + fraction / (absl::Seconds(1) / unit);
}

constexpr std::size_t kLongestTime = 64;

// What people's formats are, beside RFC 3339. Only those that say UTC: other names of zones mean several things.
constexpr std::string_view kOtherFormats[] = {
    "%a, %d %b %Y %H:%M:%E*S GMT",  // RFC 1123: AWS Health
    "%a, %d %b %Y %H:%M:%E*S %z",   // RFC 5322
    "%a %b %d %H:%M:%E*S UTC %Y",   // date(1), Java: AppDynamics
    "%a %b %d %H:%M:%E*S GMT %Y",   //
    "%m/%d/%Y %I:%M:%E*S %p UTC",   // Sumo Logic
};

// Nearly RFC 3339: Go's "2025-02-15 14:59:03.26 +0000 UTC", Wazuh's "2025-02-03T21:41:42.853014+01.00".
std::string AsRfc3339(std::string_view text) {
  if (text.ends_with(" UTC")) text.remove_suffix(4);
  std::string time(text);
  const std::size_t sign = time.find_last_of("+-");
  if (sign == std::string::npos || sign < 1) return time;
  if (const std::size_t dot = time.find('.', sign); dot != std::string::npos) time[dot] = ':';
  if (time[sign - 1] == ' ') time.erase(sign - 1, 1);
  return time;
}

}  // namespace

absl::StatusOr<std::optional<absl::Time>> ParseTimestamp(std::string_view text) {
  const std::string_view whole = text;
  if (text.empty()) return std::nullopt;
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  absl::Duration fraction;
  absl::Duration offset;
  const bool parsed = TakeNumber(text, 4, year) && TakeChar(text, "-") && TakeNumber(text, 2, month) &&
                      TakeChar(text, "-") && TakeNumber(text, 2, day) && TakeChar(text, "Tt ") &&
                      TakeNumber(text, 2, hour) && TakeChar(text, ":") && TakeNumber(text, 2, minute) &&
                      TakeChar(text, ":") && TakeNumber(text, 2, second) && TakeFraction(text, fraction) &&
                      TakeZone(text, offset) && text.empty();
  const absl::CivilSecond civil(year, month, day, hour, minute,
                                std::min(second, 59));  // a leap second is the one before
  const bool is_real = parsed && civil.month() == month && civil.day() == day && civil.hour() == hour &&
                       civil.minute() == minute && second <= 60;
  if (!is_real) return Invalid("%s is not a time such as 2026-11-21T10:00:00Z", JsonQuote(TruncateUtf8(whole, 64)));
  if (year <= 1) return std::nullopt;
  return absl::FromCivil(civil, absl::UTCTimeZone()) + fraction - offset;
}

std::optional<absl::Time> ParseAnyTime(std::string_view text) {
  text = Trim(text);
  if (const std::optional<absl::Time> exact = ParseUnixTime(text)) return exact;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (!(number > 0) || number >= 1e19) return std::nullopt;
    return absl::UnixEpoch() + number * UnitOf(number);
  }
  if (text.size() > kLongestTime) return std::nullopt;
  absl::StatusOr<std::optional<absl::Time>> time = ParseTimestamp(text);
  if (!time.ok()) time = ParseTimestamp(AsRfc3339(text));
  if (time.ok()) return *time;
  for (const std::string_view format : kOtherFormats) {
    if (absl::Time other; absl::ParseTime(ToAbsl(format), ToAbsl(text), &other, nullptr)) return other;
  }
  return std::nullopt;
}

std::int64_t ToEventNs(absl::Time time) {
  const std::int64_t ns = absl::ToUnixNanos(time);  // saturates at both ends
  return std::max(ns, EventHeader::kAbsent + 1);
}

}  // namespace tocsin
