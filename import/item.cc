#include "import/item.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"

namespace tocsin::import {

std::string Item::Joint(char otherwise) const {
  if (path_.ends_with(":")) return " ";
  return otherwise == 0 ? "" : std::string(1, otherwise);
}

std::string Item::Object() const {
  std::string name = FirstText({"name", "summary", "full_name", "fullName", "username", "id"});
  if (name.empty()) return path_;
  return absl::StrFormat("%s %s", path_, JsonQuote(TruncateUtf8(name, 80)));
}

Item Item::operator[](std::string_view name) const {
  const Value* found = value_ == nullptr ? nullptr : value_->Find(name);
  return {found, absl::StrFormat("%s%s%s", path_, Joint('.'), name), report_};
}

std::vector<Item> Item::Items() const {
  std::vector<Item> items;
  if (!present()) return items;
  if (!is_list()) {
    Problem("is not a list; export it again, and do not edit it by hand");
    return items;
  }
  items.reserve(value_->items.size());
  for (std::size_t i = 0; i < value_->items.size(); ++i) {
    items.emplace_back(&value_->items[i], absl::StrFormat("%s%s[%d]", path_, Joint(), i), report_);
  }
  return items;
}

std::vector<std::pair<std::string, Item>> Item::Fields() const {
  std::vector<std::pair<std::string, Item>> fields;
  if (!is_map()) return fields;
  for (const auto& [name, value] : value_->fields) {
    fields.emplace_back(name,
                        Item(&value, absl::StrFormat("%s%s%s", path_, Joint('.'), TruncateUtf8(name, 80)), report_));
  }
  return fields;
}

std::string Item::Text() const {
  return value_ != nullptr && value_->kind == Value::Kind::kText ? value_->text : std::string();
}

std::string Item::FirstText(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (std::string text = Text(name); !text.empty()) return text;
  }
  return "";
}

bool Item::Flag(std::string_view name, bool otherwise) const {
  const std::string text = ToLower(Text(name));
  if (text == "true" || text == "y" || text == "yes" || text == "1") return true;
  if (text == "false" || text == "n" || text == "no" || text == "0") return false;
  return otherwise;
}

std::int64_t Item::Number(std::string_view name, std::int64_t low, std::int64_t high, std::int64_t otherwise) const {
  const Item field = (*this)[name];
  if (!field.present()) return otherwise;
  const std::string text = field.Text();
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !std::isfinite(number) || number != std::floor(number)) {
    field.Problem(absl::StrFormat("%s is not a whole number", JsonQuote(TruncateUtf8(text, 80))));
    return otherwise;
  }
  if (number < static_cast<double>(low) || number > static_cast<double>(high)) {
    field.Problem(absl::StrFormat("is %s, must be %d to %d", TruncateUtf8(text, 80), low, high));
    return otherwise;
  }
  return static_cast<std::int64_t>(number);
}

std::optional<absl::Time> Item::Instant(std::string_view name, const absl::TimeZone& zone) const {
  const Item field = (*this)[name];
  if (!field.present() || field.Text().empty()) return std::nullopt;
  std::optional<absl::Time> time = ParseTime(field.Text(), zone);
  if (!time) field.Problem(absl::StrFormat("%s is not an instant", JsonQuote(TruncateUtf8(field.Text(), 80))));
  return time;
}

std::optional<absl::Time> Item::NeedInstant(std::string_view name, const absl::TimeZone& zone) const {
  if (Text(name).empty()) (*this)[name].Problem("is missing: an instant such as 2026-03-04T09:00:00Z");
  return Instant(name, zone);
}

std::optional<std::int32_t> Item::TimeOfDay(std::string_view name) const {
  const Item field = (*this)[name];
  const std::string text = field.Text();
  if (text.starts_with("24:00")) return 24 * 60;
  const absl::StatusOr<std::int32_t> minutes = ParseTimeOfDay(std::string_view(text).substr(0, 5));
  if (!minutes.ok() || (text.size() != 5 && text.size() != 8)) {
    field.Problem(absl::StrFormat("%s is not a time of day such as 09:00", JsonQuote(TruncateUtf8(text, 80))));
    return std::nullopt;
  }
  return *minutes;
}

void Item::Expect(std::string_view kind, std::initializer_list<std::string_view> known) const {
  static constexpr std::string_view kEverywhere[] = {"id",   "name",     "type",       "summary",
                                                     "self", "html_url", "description"};
  if (!is_map()) return;
  for (const auto& [name, value] : value_->fields) {
    const std::string_view field = name;
    const bool told = std::ranges::find(known, field) != known.end();
    if (!told && std::ranges::find(kEverywhere, field) == std::end(kEverywhere)) report_->Unknown(kind, name, path_);
  }
}

std::optional<absl::Time> ParseTime(std::string_view text, const absl::TimeZone& zone) {
  absl::Time time;
  const bool digits = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    constexpr std::int64_t kFirstMilliseconds = 100'000'000'000;  // as seconds this would be the year 5138
    time = number < kFirstMilliseconds ? absl::FromUnixSeconds(number) : absl::FromUnixMillis(number);
  } else {
    bool read = false;
    for (const char* format : {"%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d%ET%H:%M:%E*S%z", "%Y-%m-%d%ET%H:%M:%E*S",
                               "%Y-%m-%d %H:%M:%E*S%Ez", "%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d%ET%H:%M", "%Y-%m-%d %H:%M"}) {
      read = read || absl::ParseTime(format, ToAbsl(text), zone, &time, nullptr);
    }
    if (!read) return std::nullopt;
  }
  // Beyond these nothing can be scheduled, and arithmetic would have to be checked everywhere.
  if (time < absl::FromUnixSeconds(-2'000'000'000) || time > absl::FromUnixSeconds(8'000'000'000)) return std::nullopt;
  return time;
}

absl::Time WholeMinute(absl::Time time) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), absl::Minutes(1));
}

std::string Span(std::int64_t seconds) {
  return DurationText(absl::Seconds(seconds));
}

std::string Show(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%MZ", time, absl::UTCTimeZone());
}

}  // namespace tocsin::import
