// A silence keeps the alerts that match it quiet between two wall instants. It belongs to the responder; the shards get
// the set that is in effect with each RulesVersion.
//
// A maintenance window is one that was planned: it may hold for a service instead of matchers, and come round.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/matcher.h"
#include "model/time_interval.h"

namespace tocsin {

struct Silence {
  SilenceId id;
  std::vector<Matcher> matchers;  // at least one, not all matching the empty string; none when there is a service
  absl::Time starts_at;
  absl::Time ends_at;  // InfiniteFuture only with a recurrence
  std::string created_by;
  std::string comment;
  absl::Time updated_at;
  // Only maintenance windows have these.
  bool maintenance = false;
  ServiceId service;                      // all of its groups
  std::vector<RecurringTime> recurrence;  // between its start and end, only inside of these; none: all the time
  MaintenanceId declared;                 // in the organisation's YAML, by this name; empty: made by a person
  bool in_effect = false;                 // as of its last edge, so that a wall clock that jumps brings nothing back
  friend bool operator==(const Silence&, const Silence&) = default;

  bool ActiveAt(absl::Time t) const { return starts_at <= t && t < ends_at; }
};

}  // namespace tocsin
