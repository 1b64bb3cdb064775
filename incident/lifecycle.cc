#include "incident/lifecycle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kTitleBytes = 512;

std::string Instant(absl::Time at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", at, absl::UTCTimeZone());
}

// nullopt: not a placeholder that we know.
std::optional<std::string_view> Placeholder(std::string_view name, const IncidentContext& context) {
  constexpr std::string_view kLabels = "labels.";
  if (name == "group") return context.group;
  if (name == "service") return context.service.empty() ? context.about : context.service;
  if (name.starts_with(kLabels)) return Find(context.labels, name.substr(kLabels.size()));
  return std::nullopt;
}

std::string Expand(std::string_view title, const IncidentContext& context) {
  std::string out;
  while (!title.empty()) {
    const std::size_t open = title.find("{{");
    const std::size_t close = open == std::string_view::npos ? open : title.find("}}", open);
    if (close == std::string_view::npos) break;
    out += title.substr(0, open);
    const auto value = Placeholder(Trim(title.substr(open + 2, close - open - 2)), context);
    out += value ? *value : title.substr(open, close + 2 - open);
    title.remove_prefix(close + 2);
  }
  out += title;
  return out;
}

}  // namespace

std::string IncidentTitle(const IncidentRule& rule, const IncidentContext& context) {
  std::string title =
      rule.title.empty() ? absl::StrCat(rule.id.value(), ": ", Format(context.labels)) : Expand(rule.title, context);
  std::ranges::replace_if(
      title, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return std::string(TruncateUtf8(title, kTitleBytes));
}

std::string JoinKey(const IncidentRule& rule, const IncidentContext& context) {
  if (rule.join_by.empty()) return context.service.empty() ? "" : absl::StrCat("service=", JsonQuote(context.service));
  std::string key;
  bool any = false;
  for (const std::string& name : rule.join_by) {
    const std::string_view value = Find(context.labels, name);
    any |= !value.empty();
    absl::StrAppend(&key, key.empty() ? "" : ",", JsonQuote(name), "=", JsonQuote(value));
  }
  if (!any) key.clear();
  return key;
}

absl::Status Acknowledge(Incident& incident, std::string_view actor, const Now& now) {
  if (incident.state == Incident::State::kResolved) {
    return Precondition("incident I%d %s: there is nothing to acknowledge", incident.id.value(), Describe(incident));
  }
  if (incident.state == Incident::State::kAcknowledged) return absl::OkStatus();
  incident.state = Incident::State::kAcknowledged;
  incident.generation = Generation(incident.generation.value() + 1);
  incident.acknowledged_by = actor;
  incident.acknowledged_at = now.wall;
  return absl::OkStatus();
}

absl::Status Resolve(Incident& incident, std::string_view actor, const Now& now) {
  if (incident.state == Incident::State::kResolved) {
    return Precondition("incident I%d %s already", incident.id.value(), Describe(incident));
  }
  incident.state = Incident::State::kResolved;
  incident.generation = Generation(incident.generation.value() + 1);
  incident.resolved_by = actor;
  incident.resolved_at = now.wall;
  return absl::OkStatus();
}

std::string Describe(const Incident& incident) {
  const std::uint64_t generation = incident.generation.value();
  switch (incident.state) {
    case Incident::State::kOpen: return absl::StrFormat("is open (generation %d)", generation);
    case Incident::State::kAcknowledged:
      return absl::StrFormat("was acknowledged by %s at %s (generation %d)", incident.acknowledged_by,
                             Instant(incident.acknowledged_at), generation);
    case Incident::State::kResolved:
      return absl::StrFormat("was resolved by %s at %s (generation %d)", incident.resolved_by,
                             Instant(incident.resolved_at), generation);
  }
  return "";
}

}  // namespace tocsin
