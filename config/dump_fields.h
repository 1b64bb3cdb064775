// Writing fields of YAML maps, for the dump files of this folder: what has its assumed value is left out.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/strings/str_format.h"

#include "config/text.h"
#include "config/words.h"
#include "config/yaml_writer.h"
#include "model/organisation.h"

namespace tocsin {

YamlValue DumpSchedule(const Schedule& schedule);
YamlValue DumpHandoffNotices(const HandoffNotices& notices);
YamlValue DumpHolidayCalendar(const HolidayCalendar& calendar);
YamlValue DumpIntegration(const Integration& integration);
YamlValue DumpHeartbeat(const HeartbeatRule& heartbeat);
YamlValue DumpPolicy(const EscalationPolicy& policy);

inline void SetDuration(YamlValue& map, std::string_view name, absl::Duration duration, absl::Duration assumed = {}) {
  if (duration != assumed) map.Set(name, DurationText(duration));
}
inline void SetNumber(YamlValue& map, std::string_view name, std::int64_t number, std::int64_t assumed) {
  if (number != assumed) map.Set(name, absl::StrFormat("%d", number));
}
inline void SetFlag(YamlValue& map, std::string_view name, bool flag, bool assumed) {
  if (flag != assumed) map.Set(name, flag ? "true" : "false");
}
template <typename E, std::size_t N>
void SetWord(YamlValue& map, std::string_view name, const Choice<E> (&choices)[N], E value, E assumed) {
  if (value != assumed) map.Set(name, words::WordFor(choices, value));
}
inline void SetTexts(YamlValue& map, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  YamlValue list = YamlValue::List();
  for (const std::string& text : texts)
    list.Add(text);
  map.Set(name, std::move(list));
}
template <typename Tag>
void SetNames(YamlValue& map, std::string_view name, const std::vector<StrongName<Tag>>& names) {
  std::vector<std::string> texts;
  for (const StrongName<Tag>& each : names)
    texts.push_back(each.value());
  SetTexts(map, name, texts);
}
inline void SetMatchers(YamlValue& map, const std::vector<Matcher>& matchers, std::string_view name = "matchers") {
  std::vector<std::string> texts;
  for (const Matcher& matcher : matchers)
    texts.push_back(Format(matcher));
  SetTexts(map, name, texts);
}
template <typename T>
void SetList(YamlValue& map, std::string_view name, const std::vector<T>& items, YamlValue (*dump)(const T&)) {
  if (items.empty()) return;
  YamlValue list = YamlValue::List();
  for (const T& item : items)
    list.Add(dump(item));
  map.Set(name, std::move(list));
}

inline YamlValue DumpTarget(const Target& target) {
  YamlValue map = YamlValue::Map();
  if (const auto* user = std::get_if<UserTarget>(&target)) map.Set("user", user->user.value());
  if (const auto* team = std::get_if<TeamTarget>(&target)) map.Set("team", team->team.value());
  if (const auto* policy = std::get_if<PolicyTarget>(&target)) map.Set("policy", policy->policy.value());
  if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) {
    map.Set("schedule", schedule->schedule.value());
    SetWord(map, "turn", words::kTurns, schedule->turn, ScheduleTarget::Turn::kPresent);
  }
  return map;
}

}  // namespace tocsin
