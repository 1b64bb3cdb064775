#include "import/icinga_rules.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"

#include "base/strings.h"
#include "import/layers.h"
#include "import/matching.h"

namespace tocsin::import::icinga {
namespace {

constexpr std::size_t kFilterBytes = 4096;
constexpr std::size_t kAlternatives = 50;

std::string Decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const bool escaped = text.size() >= 3 && text[0] == '%' &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(text[1])) &&
                         absl::ascii_isxdigit(static_cast<unsigned char>(text[2]));
    if (escaped) {
      decoded += absl::HexStringToBytes(ToAbsl(text.substr(1, 2)));
      text.remove_prefix(3);
    } else {
      decoded += text[0];
      text.remove_prefix(1);
    }
  }
  return decoded;
}

// What the door for Nagios and Icinga calls it.
std::string LabelOf(std::string_view name) {
  if (name == "host.name" || name == "service.name") return std::string(name.substr(0, name.find('.')));
  for (const std::string_view owner : {"host.vars.", "service.vars."}) {
    if (name.starts_with(owner)) return ToLower(name.substr(owner.size()));
  }
  return std::string(name);
}

std::optional<Matcher> ParseTerm(std::string_view term) {
  std::size_t at = term.find('=');
  const bool negated = at != std::string_view::npos && at > 0 && term[at - 1] == '!';
  const std::string name = Decoded(term.substr(0, negated ? at - 1 : at));
  const std::string value = at == std::string_view::npos ? "*" : Decoded(term.substr(at + 1));
  // Membership of a group: there is such a tag, whatever its value.
  for (const std::string_view group : {"hostgroup", "servicegroup"}) {
    if (name.starts_with(group) && name.size() > group.size() && name[group.size()] == '/') {
      return MatcherOf(group, Likeness::kContains, std::string_view(name).substr(group.size() + 1), negated);
    }
  }
  if (name.find_first_of("<>~!()") != std::string::npos) return std::nullopt;
  if (value == "*") return MatcherOf(LabelOf(name), Likeness::kIs, "", !negated);
  return MatcherOf(LabelOf(name), Likeness::kWildcards, value, negated);
}

}  // namespace

std::optional<std::vector<std::vector<Matcher>>> ParseFilter(std::string_view filter) {
  if (filter.size() > kFilterBytes || filter.find_first_of("()") != std::string_view::npos) return std::nullopt;
  std::vector<std::vector<Matcher>> any;
  for (const auto alternative : absl::StrSplit(ToAbsl(filter), '|')) {
    std::vector<Matcher>& all = any.emplace_back();
    for (const auto term : absl::StrSplit(alternative, '&')) {
      const std::optional<Matcher> matcher = ParseTerm(ToStd(term));
      if (!matcher) return std::nullopt;
      all.push_back(*matcher);
    }
    if (!AreUsable(all)) return std::nullopt;
  }
  if (any.size() > kAlternatives) return std::nullopt;
  return any;
}

std::optional<std::vector<Restriction>> WindowsOf(const Item& entry, const std::string& zone) {
  constexpr std::int64_t kWeek = 7 * 1440;
  const auto stretch = StretchOf(entry, "start_time", "end_time");
  if (!stretch) return std::nullopt;
  const absl::CivilMinute start = LocalMinute(stretch->start, zone);
  Restriction window;
  window.type = Restriction::Type::kWeekly;
  window.start_day_of_week = static_cast<std::int32_t>(absl::GetWeekday(absl::CivilDay(start))) + 1;
  window.start_minute = static_cast<std::int32_t>(start.hour() * 60 + start.minute());
  window.duration_minutes =
      static_cast<std::int32_t>(std::min<std::int64_t>((stretch->end - stretch->start) / absl::Minutes(1), kWeek));
  std::string rule = entry.Text("rrule");
  if (rule.starts_with("RRULE:")) rule = rule.substr(6);
  std::vector<Restriction> windows;
  bool daily = false;
  bool weekly = false;
  for (const auto part : absl::StrSplit(rule, ';', absl::SkipEmpty())) {
    const std::string_view text = ToStd(part);
    daily = daily || text == "FREQ=DAILY";
    weekly = weekly || text == "FREQ=WEEKLY";
    const bool plain =
        text == "FREQ=DAILY" || text == "FREQ=WEEKLY" || text == "INTERVAL=1" || text.starts_with("WKST=");
    if (!plain && !text.starts_with("BYDAY=")) return std::nullopt;
    if (plain) continue;
    for (const auto day : absl::StrSplit(ToAbsl(text.substr(6)), ',')) {
      constexpr std::string_view kDays = "MOTUWETHFRSASU";
      const std::size_t at = kDays.find(ToStd(day));
      if (day.size() != 2 || at == std::string_view::npos || at % 2 != 0) return std::nullopt;
      window.start_day_of_week = static_cast<std::int32_t>(at / 2) + 1;
      windows.push_back(window);
    }
  }
  if (daily == weekly) return std::nullopt;
  if (windows.empty() && weekly) windows.push_back(window);
  if (windows.empty()) {
    window.type = Restriction::Type::kDaily;
    window.duration_minutes = std::min(window.duration_minutes, 1440);
    windows.push_back(window);
  }
  return windows;
}

}  // namespace tocsin::import::icinga
