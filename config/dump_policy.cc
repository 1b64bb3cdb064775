#include <utility>

#include "config/dump_fields.h"

namespace tocsin {
namespace {

YamlValue DumpStep(const PolicyStep& step) {
  const PolicyStep assumed;
  YamlValue map = YamlValue::Map();
  SetDuration(map, "delay", step.delay);
  SetWord(map, "delay_from", words::kDelayFrom, step.delay_from, assumed.delay_from);
  SetWord(map, "unless", words::kUnless, step.unless, assumed.unless);
  SetNames(map, "only_during", step.only_during);
  SetWord(map, "outside", words::kOutside, step.outside, assumed.outside);
  if (step.min_rate != assumed.min_rate) {
    YamlValue rate = YamlValue::Map();
    rate.Set("alerts", absl::StrFormat("%d", step.min_rate.count));
    rate.Set("within", DurationText(step.min_rate.window));
    map.Set("min_rate", std::move(rate));
  }
  SetList(map, "targets", step.targets, DumpTarget);
  SetNames(map, "receivers", step.receivers);
  SetWord(map, "strategy", words::kStrategies, step.strategy, assumed.strategy);
  SetWord(map, "on_empty", words::kOnEmpty, step.on_empty, assumed.on_empty);
  SetFlag(map, "each_acknowledges", step.each_acknowledges, false);
  SetFlag(map, "page_at_handoff", step.page_at_handoff, false);
  SetFlag(map, "important", step.important, false);
  return map;
}

}  // namespace

YamlValue DumpPolicy(const EscalationPolicy& policy) {
  const EscalationPolicy assumed;
  YamlValue map = YamlValue::Map();
  map.Set("id", policy.id.value());
  map.SetUnless("name", policy.name, policy.id.value());
  map.SetUnless("team", policy.team.value(), "");
  SetList(map, "steps", policy.steps, DumpStep);
  SetNumber(map, "repeats", policy.repeats, 0);
  SetDuration(map, "repeat_interval", policy.repeat_interval);
  SetFlag(map, "repeats_page_again", policy.repeats_page_again, true);
  SetFlag(map, "resolve_when_exhausted", policy.resolve_when_exhausted, false);
  SetDuration(map, "acknowledge_timeout", policy.acknowledge_timeout);
  SetWord(map, "catch_up", words::kCatchUp, policy.catch_up, assumed.catch_up);
  SetWord(map, "low_urgency", words::kLowUrgency, policy.low_urgency, assumed.low_urgency);
  SetFlag(map, "low_urgency_escalates", policy.low_urgency_escalates, false);
  return map;
}

}  // namespace tocsin
