// What is read off a group, a route or an actor by itself (engine/responder_groups.h).
#include "absl/strings/str_format.h"

#include "engine/message.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_groups.h"

namespace tocsin {

Urgency UrgencyOf(const Route& route, Severity severity) {
  if (route.urgency) return *route.urgency;
  switch (severity) {
    case Severity::kUnknown:
    case Severity::kHigh:
    case Severity::kCritical: return Urgency::kHigh;
    case Severity::kInfo:
    case Severity::kLow:
    case Severity::kWarning: return Urgency::kLow;
  }
  return Urgency::kHigh;
}

std::string Describe(const Group& group) {
  const std::uint64_t generation = group.generation.value();
  switch (group.state) {
    case Group::State::kOpen: return absl::StrFormat("is open (generation %d)", generation);
    case Group::State::kAcknowledged:
      return absl::StrFormat("was %s by %s at %s%s (generation %d)", group.snoozed ? "snoozed" : "acknowledged",
                             group.acknowledged_by, Instant(group.acknowledged_at), DescribeEnd(group), generation);
    case Group::State::kResolved:
      return absl::StrFormat("was resolved by %s at %s (generation %d)", group.resolved_by, Instant(group.resolved_at),
                             generation);
    case Group::State::kMerged:
      return absl::StrFormat("is a part of G%d (generation %d)", group.merged_into.value(), generation);
  }
  return "";
}

UserId PersonBehind(std::string_view actor) {
  for (const std::string_view prefix : {"user:", "link:"}) {
    if (actor.starts_with(prefix)) return UserId(actor.substr(prefix.size()));
  }
  return {};
}

}  // namespace tocsin
