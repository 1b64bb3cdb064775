#include "engine/receiver_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tocsin {

TellReason WhyTell(const Group& group, bool send_resolved, EngineTime now) {
  if (group.firing == 0) return TellReason::kNothingNew;
  if (group.last_notified_at == absl::Time()) return TellReason::kFirst;
  // Totals only differ; less than before means that the shard's table began anew.
  if (group.fired_total != group.notified_fired_total) return TellReason::kNewAlerts;
  if (send_resolved && group.resolved_total != group.notified_resolved_total) return TellReason::kSomeResolved;
  if (now - group.notified_engine >= group.route.repeat_interval) return TellReason::kRepeat;
  return TellReason::kNothingNew;
}

TellReason WhyTell(const Standing* known,
                   const Standing& standing,
                   bool send_resolved,
                   absl::Duration since_told,
                   absl::Duration repeat_interval) {
  if (known == nullptr) return standing.firing.empty() ? TellReason::kNothingNew : TellReason::kFirst;
  if (!std::ranges::includes(known->firing, standing.firing)) return TellReason::kNewAlerts;
  if (standing.firing.empty()) return known->firing.empty() ? TellReason::kNothingNew : TellReason::kAllResolved;
  if (send_resolved && !std::ranges::includes(known->resolved, standing.resolved)) return TellReason::kSomeResolved;
  return since_told > repeat_interval ? TellReason::kRepeat : TellReason::kNothingNew;
}

std::string Describe(TellReason reason, const Group& group) {
  switch (reason) {
    case TellReason::kNothingNew: return "";
    case TellReason::kFirst: return "the group is new";
    case TellReason::kNewAlerts:
      return group.fired_total > group.notified_fired_total
                 ? absl::StrCat(group.fired_total - group.notified_fired_total, " alerts began to fire")
                 : "alerts began to fire";
    case TellReason::kAllResolved: return "all alerts have resolved";
    case TellReason::kSomeResolved: return "some alerts have resolved";
    case TellReason::kRepeat:
      return absl::StrCat("still firing, repeated after ", absl::FormatDuration(group.route.repeat_interval));
  }
  return "";
}

}  // namespace tocsin
