#include "escalation/reason.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace tocsin {
namespace {

std::string Describe(const Override& change) {
  std::string text = "override";
  if (!change.id.empty()) text += " " + change.id;
  if (!change.created_by.empty()) text += " by " + change.created_by;
  switch (change.type) {
    case Override::Type::kAssign: text += ": assign"; break;
    case Override::Type::kAdd: text += ": add"; break;
    case Override::Type::kRemove: text += ": remove"; break;
    case Override::Type::kSwap: text += ": swap for " + change.from_user.value(); break;
  }
  if (!change.reason.empty()) text += " (" + change.reason + ")";
  return text;
}

std::string Minute(Instant at) {
  return absl::FormatTime("%Y-%m-%dT%H:%MZ", ToTime(at), absl::UTCTimeZone());
}

// Which of several versions of a layer; empty where there is one.
std::string Version(const Schedule& schedule, const Layer& layer) {
  const auto versions = std::ranges::count(schedule.layers, layer.id, &Layer::id);
  if (versions < 2) return "";
  if (layer.effective_until) return " (until " + Minute(ToInstant(*layer.effective_until)) + ")";
  return layer.effective_since ? " (from " + Minute(ToInstant(*layer.effective_since)) + ")" : "";
}

std::string Describe(const CompiledOrganisation& organisation, const Cause& cause) {
  if (cause.kind == Cause::Kind::kTeam) return "team " + organisation.teams[cause.item]->id.value();
  const Schedule& schedule = *cause.schedule->source;
  std::string start = "schedule " + schedule.id.value();
  if (cause.schedule->until != kNever) start += " as it was until " + Minute(cause.schedule->until);
  start += ": ";
  switch (cause.kind) {
    case Cause::Kind::kNamed:
    case Cause::Kind::kTeam: break;
    case Cause::Kind::kLayer: {
      const Layer& layer = schedule.layers[cause.item];
      const std::string_view name = layer.name.empty() ? layer.id.value() : layer.name;
      start += absl::StrFormat("layer %s%s", name, Version(schedule, layer));
      if (std::holds_alternative<FixedShifts>(layer.pattern)) return start + ", a fixed shift";
      return start + absl::StrFormat(", turn %d", cause.turn);
    }
    case Cause::Kind::kOverride: return start + Describe(schedule.overrides[cause.item]);
    case Cause::Kind::kTemporary:
      return start + "temporary schedule of " + Minute(cause.schedule->temporaries[cause.item].start);
  }
  return start;
}

}  // namespace

std::string Reason(const CompiledOrganisation& organisation, const Causes& causes, std::int32_t cause) {
  if (cause < 0) return "named directly";
  std::string text;
  for (; cause >= 0; cause = causes[static_cast<std::size_t>(cause)].via) {
    const std::string part = Describe(organisation, causes[static_cast<std::size_t>(cause)]);
    text = text.empty() ? part : part + ": " + text;
  }
  return text;
}

}  // namespace tocsin
