#include "config/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <boost/url/parse.hpp>

#include "base/status.h"
#include "base/strings.h"
#include "config/zones.h"

namespace tocsin {
namespace {

constexpr std::size_t kLongestId = 100;
constexpr std::int64_t kLongestDays = 3660;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit kUnits[] = {
    {"w",  7LL * 24 * 3600 * 1000},
    {"d",  24LL * 3600 * 1000    },
    {"h",  3600LL * 1000         },
    {"m",  60LL * 1000           },
    {"s",  1000                  },
    {"ms", 1                     },
};

constexpr std::string_view kWeekdays[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Reads `digits` decimal digits at the start of `text`, no fewer.
std::optional<std::int32_t> ReadDigits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits || !std::ranges::all_of(text.substr(0, digits), IsDigit)) return std::nullopt;
  std::int32_t value = 0;
  std::from_chars(text.data(), text.data() + digits, value);
  text.remove_prefix(digits);
  return value;
}

bool SkipOne(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

struct LocalTime {
  absl::CivilSecond second;
  std::string_view rest;  // what follows in the text: an offset, or nothing
};

// YYYY-MM-DD, then T or a space, HH:MM, perhaps :SS.
std::optional<LocalTime> ReadLocalTime(std::string_view text) {
  const auto year = ReadDigits(text, 4);
  const bool first = year && SkipOne(text, "-");
  const auto month = first ? ReadDigits(text, 2) : std::nullopt;
  const bool second = month && SkipOne(text, "-");
  const auto day = second ? ReadDigits(text, 2) : std::nullopt;
  const bool third = day && SkipOne(text, "T ");
  const auto hour = third ? ReadDigits(text, 2) : std::nullopt;
  const bool fourth = hour && SkipOne(text, ":");
  const auto minute = fourth ? ReadDigits(text, 2) : std::nullopt;
  if (!minute) return std::nullopt;
  std::int32_t seconds = 0;
  if (SkipOne(text, ":")) {
    const auto read = ReadDigits(text, 2);
    if (!read) return std::nullopt;
    seconds = *read;
  }
  const absl::CivilSecond civil(*year, *month, *day, *hour, *minute, seconds);
  // Civil time carries over (31 June is 1 July); what was written must be what is meant.
  const bool exact = civil.year() == *year && civil.month() == *month && civil.day() == *day && civil.hour() == *hour &&
                     civil.minute() == *minute && civil.second() == seconds;
  if (!exact) return std::nullopt;
  return LocalTime{civil, text};
}

// Z, +01:00, -0330.
std::optional<absl::Duration> ReadOffset(std::string_view text) {
  if (text == "Z" || text == "z") return absl::ZeroDuration();
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const bool negative = text.front() == '-';
  text.remove_prefix(1);
  const auto hours = ReadDigits(text, 2);
  if (!hours) return std::nullopt;
  SkipOne(text, ":");
  const auto minutes = ReadDigits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const absl::Duration offset = absl::Hours(*hours) + absl::Minutes(*minutes);
  return negative ? -offset : offset;
}

bool IsPort(std::string_view text) {
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port > 0;
}

// 127.x.y.z, nothing behind it.
bool IsLoopbackAddress(std::string_view host) {
  int dots = 0;
  for (const char c : host) {
    if (c == '.') ++dots;
    if (c != '.' && !IsDigit(c)) return false;
  }
  return dots == 3 && host.starts_with("127.");
}

// The host of a URL with an authority, as written: what stands between // (or userinfo) and the port, path, query or
// fragment. Boost.URL 1.81 takes the host of smtp://127.0.0.1.example.com to be 127.0.0.1.
std::string_view HostOf(std::string_view url) {
  const std::size_t slashes = url.find("://");
  if (slashes == std::string_view::npos) return {};
  std::string_view host = url.substr(slashes + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

absl::Status CheckUrl(std::string_view url, std::string_view scheme, std::string_view secure_scheme) {
  TOCSIN_TRY(CheckLine(url, 2000));
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  const std::string kinds = absl::StrFormat("%s:// or %s://", scheme, secure_scheme);
  if (!parsed) return Invalid("%s is not a URL; %s is needed", JsonQuote(url), kinds);
  const std::string found = ToLower({parsed->scheme().data(), parsed->scheme().size()});
  if (found != scheme && found != secure_scheme) return Invalid("%s is not a URL of %s", JsonQuote(url), kinds);
  if (HostOf(url).empty()) return Invalid("%s has no host", JsonQuote(url));
  if (parsed->has_port() && !IsPort({parsed->port().data(), parsed->port().size()})) {
    return Invalid("%s has a port that is not 1 to 65535", JsonQuote(url));
  }
  return absl::OkStatus();
}

bool IsDomain(std::string_view domain) {
  std::size_t label = 0;
  for (std::size_t i = 0; i <= domain.size(); ++i) {
    if (i == domain.size() || domain[i] == '.') {
      if (label == 0 || label > 63 || domain[i - 1] == '-') return false;
      label = 0;
    } else if (IsLetter(domain[i]) || IsDigit(domain[i]) || (domain[i] == '-' && label > 0)) {
      ++label;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  const absl::Status bad = Invalid("%s is not a duration such as 30s, 5m or 1h30m", JsonQuote(text));
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return bad;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (read.ec != std::errc() || !IsDigit(rest.front())) return bad;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    const auto letters = static_cast<std::size_t>(std::ranges::find_if_not(rest, IsLetter) - rest.begin());
    const auto* unit = std::ranges::find(kUnits, rest.substr(0, letters), &Unit::name);
    const auto index = static_cast<std::size_t>(unit - std::begin(kUnits));
    if (unit == std::end(kUnits) || index < next_unit) return bad;
    next_unit = index + 1;
    rest.remove_prefix(letters);
    std::int64_t part = 0;
    if (__builtin_mul_overflow(number, unit->milliseconds, &part) || __builtin_add_overflow(total, part, &total) ||
        total > kLongestDays * kUnits[1].milliseconds) {
      return Invalid("%s is longer than ten years", JsonQuote(text));
    }
  }
  return absl::Milliseconds(total);
}

std::string DurationText(absl::Duration duration) {
  std::int64_t left = absl::ToInt64Milliseconds(duration);
  if (left <= 0) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    // Weeks only where they come out even: 1w is clear, 1w3d is not.
    if (unit.name == "w" && left % unit.milliseconds != 0) continue;
    if (left < unit.milliseconds) continue;
    text += absl::StrFormat("%d%s", left / unit.milliseconds, unit.name);
    left %= unit.milliseconds;
  }
  return text;
}

absl::StatusOr<std::int32_t> ParseTimeOfDay(std::string_view text) {
  std::string_view rest = text;
  const auto hour = ReadDigits(rest, 2);
  const auto minute = hour && SkipOne(rest, ":") ? ReadDigits(rest, 2) : std::nullopt;
  if (!minute || !rest.empty() || *hour > 23 || *minute > 59) {
    return Invalid("%s is not a time of day such as 09:00", JsonQuote(text));
  }
  return *hour * 60 + *minute;
}

std::string TimeOfDayText(std::int32_t minutes) {
  return absl::StrFormat("%02d:%02d", minutes / 60, minutes % 60);
}

absl::StatusOr<std::int32_t> ParseWeekday(std::string_view text) {
  const std::string lower = ToLower(text);
  for (std::size_t i = 0; i < std::size(kWeekdays); ++i) {
    if (lower == kWeekdays[i] || lower == kWeekdays[i].substr(0, 3)) return static_cast<std::int32_t>(i + 1);
  }
  return Invalid("%s is not a day of the week such as monday", JsonQuote(text));
}

std::string_view WeekdayName(std::int32_t day) {
  return kWeekdays[static_cast<std::size_t>(day - 1)];
}

absl::StatusOr<absl::CivilMinute> ParseLocalTime(std::string_view text) {
  const std::optional<LocalTime> local = ReadLocalTime(text);
  if (!local || !local->rest.empty() || local->second.second() != 0) {
    return Invalid("%s is not a local time such as 2024-03-04T09:00", JsonQuote(text));
  }
  return absl::CivilMinute(local->second);
}

absl::StatusOr<absl::Time> ParseInstant(std::string_view text, const absl::TimeZone& zone) {
  const std::optional<LocalTime> local = ReadLocalTime(text);
  const std::optional<absl::Duration> offset = local ? ReadOffset(local->rest) : std::nullopt;
  if (!local || (!local->rest.empty() && !offset)) {
    return Invalid("%s is not a time such as 2024-03-04T09:00 or 2024-03-04T09:00:00+01:00", JsonQuote(text));
  }
  if (offset) return absl::FromCivil(local->second, absl::UTCTimeZone()) - *offset;
  const absl::TimeZone::TimeInfo info = zone.At(local->second);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

std::string InstantText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::Status CheckTimeZone(std::string_view name) {
  const absl::Status unknown = Invalid("time zone %s is unknown", JsonQuote(TruncateUtf8(name, 60)));
  const auto permitted = [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '_' || c == '-' || c == '+' || c == '/';
  };
  if (name.empty() || name.size() > 60 || !IsLetter(name.front()) || !std::ranges::all_of(name, permitted))
    return unknown;
  for (const std::string_view elsewhere : {"localtime", "Fixed/", "posix/", "right/", "posixrules", "Factory"}) {
    if (name.starts_with(elsewhere)) return unknown;
  }
  absl::TimeZone zone;
  if (absl::LoadTimeZone(std::string(name), &zone)) return absl::OkStatus();
  return Invalid("time zone %s is unknown%s", JsonQuote(name), ZoneSuggestion(name));
}

absl::Status CheckId(std::string_view id, bool slashes) {
  if (id.empty()) return Invalid("is empty");
  if (id.size() > kLongestId) return Invalid("has %d bytes, at most %d", id.size(), kLongestId);
  const auto permitted = [&](char c) {
    return IsLetter(c) || IsDigit(c) || c == '_' || c == '-' || c == '.' || c == '@' || (slashes && c == '/');
  };
  if (!std::ranges::all_of(id, permitted) || (!IsLetter(id.front()) && !IsDigit(id.front()))) {
    return Invalid("%s is not an id: letters, digits, and . _ - @ after the first", JsonQuote(TruncateUtf8(id, 40)));
  }
  return absl::OkStatus();
}

absl::Status CheckLine(std::string_view text, std::size_t limit) {
  if (text.size() > limit) return Invalid("has %d bytes, at most %d", text.size(), limit);
  if (!IsValidUtf8(text)) return Invalid("is not UTF-8");
  if (std::ranges::any_of(text, IsControl)) return Invalid("has control characters in it");
  return absl::OkStatus();
}

absl::Status CheckEmailAddress(std::string_view address) {
  constexpr std::string_view kInLocalPart = "!#$%&'*+-/=?^_`{|}~.";
  const std::size_t at = address.rfind('@');
  const std::string_view local = address.substr(0, at == std::string_view::npos ? 0 : at);
  const bool fine =
      at != std::string_view::npos && address.size() <= 254 && !local.empty() && local.size() <= 64 &&
      local.front() != '.' && local.back() != '.' &&
      std::ranges::all_of(
          local, [&](char c) { return IsLetter(c) || IsDigit(c) || kInLocalPart.find(c) != std::string_view::npos; }) &&
      IsDomain(address.substr(at + 1));
  return fine ? absl::OkStatus() : Invalid("%s is not an e-mail address", JsonQuote(TruncateUtf8(address, 80)));
}

absl::Status CheckPhoneNumber(std::string_view number) {
  const bool fine = number.size() >= 8 && number.size() <= 16 && number[0] == '+' && number[1] != '0' &&
                    std::ranges::all_of(number.substr(1), IsDigit);
  if (fine) return absl::OkStatus();
  return Invalid("%s is not a phone number such as +4930123456 (E.164: + and 7 to 15 digits)",
                 JsonQuote(TruncateUtf8(number, 40)));
}

absl::Status CheckHttpUrl(std::string_view url) {
  return CheckUrl(url, "http", "https");
}
absl::Status CheckSmtpUrl(std::string_view url) {
  return CheckUrl(url, "smtp", "smtps");
}

std::string HostOfUrl(std::string_view url) {
  return ToLower(HostOf(url));
}

bool IsLoopbackUrl(std::string_view url) {
  const std::string host = HostOfUrl(url);
  return host == "localhost" || host == "[::1]" || IsLoopbackAddress(host);
}

}  // namespace tocsin
