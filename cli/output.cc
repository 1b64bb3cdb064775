#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <google/protobuf/util/json_util.h>

#include "base/strings.h"
#include "cli/times.h"

namespace tocsin {
namespace {

// What a terminal obeys or what makes a line look like another one: controls (of C1 too: U+009B begins an escape sequence
// just as ESC [ does), line separators, direction overrides.
bool IsUnfit(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = FirstCodePoint(text);
    if (point.value == '\n' || point.value == '\t') {
      out += ' ';
    } else if (!point.valid || IsUnfit(point.value)) {
      out += '?';
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string Show(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return ShowTime(absl::FromUnixSeconds(time.seconds()));
}

std::string Relative(absl::Duration from_now) {
  const bool is_past = from_now < absl::ZeroDuration();
  const std::int64_t seconds = absl::ToInt64Seconds(absl::AbsDuration(from_now));
  if (seconds == 0) return "now";
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  std::string text;
  if (seconds < kMinute) {
    text = absl::StrFormat("%ds", seconds);
  } else if (seconds < kHour) {
    text = absl::StrFormat("%dm", seconds / kMinute);
  } else if (seconds < kDay) {
    text = absl::StrFormat("%dh%dm", seconds / kHour, seconds % kHour / kMinute);
  } else if (seconds < 10 * kDay) {
    text = absl::StrFormat("%dd%dh", seconds / kDay, seconds % kDay / kHour);
  } else {
    text = absl::StrFormat("%dd", seconds / kDay);
  }
  return is_past ? text + " ago" : "in " + text;
}

std::string When(const google::protobuf::Timestamp& time) {
  if (StandardOutput().absolute_times || (time.seconds() == 0 && time.nanos() == 0)) return Show(time);
  return Relative(absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()) - absl::Now());
}

Cell StateCell(std::string word) {
  constexpr std::string_view kBad[] = {"open", "firing", "UNANSWERED", "failed", "dead", "unreachable"};
  constexpr std::string_view kGood[] = {"resolved", "delivered", "accepted"};
  constexpr std::string_view kFaint[] = {"cancelled", "ended", "expired"};
  Tone tone = Tone::kWatch;
  if (std::ranges::find(kBad, word) != std::end(kBad)) tone = Tone::kBad;
  if (std::ranges::find(kGood, word) != std::end(kGood)) tone = Tone::kGood;
  if (std::ranges::find(kFaint, word) != std::end(kFaint)) tone = Tone::kFaint;
  return {std::move(word), tone};
}

std::string EnumWord(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return name.empty() ? "?" : ToLower(name);
}

void PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (google::protobuf::util::MessageToJsonString(message, &json, options).ok()) std::printf("%s", json.c_str());
}

void PrintJson(std::span<const std::pair<std::string_view, std::string>> fields) {
  std::string json = "{\n";
  for (const auto& [name, value] : fields)
    json += " " + JsonQuote(name) + ": " + JsonQuote(value) + (&name == &fields.back().first ? "\n" : ",\n");
  std::printf("%s}\n", json.c_str());
}

}  // namespace tocsin
