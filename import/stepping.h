// Private to import: who is on call by a source's own rules, worked out the slow way, for exports that do not say it. Handoffs and
// windows are stepped to one by one and local times are looked up in the zone; nothing is shared with the evaluator of
// schedules, nor with the mapping onto its model. What both agree on is right, or wrong twice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "import/draft.h"
#include "import/item.h"

namespace tocsin::import {

struct SteppedLayer {
  absl::TimeZone zone;
  absl::CivilSecond start;        // of the first turn
  std::int64_t turn_seconds = 1;  // on the wall clock
  bool elapsed = false;           // rather than of time that passes
  absl::Time since = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();
  std::vector<std::vector<UserId>> crews;  // in turn order; an empty one is nobody
  struct Window {
    int day = 0;  // ISO; 0: each day
    std::int64_t start_minute = 0;
    std::int64_t minutes = 0;
  };
  std::vector<Window> windows;  // none: always
};
struct SteppedOverride {
  absl::Time start;
  absl::Time end;
  std::vector<UserId> users;
  std::vector<std::size_t> layers;  // none: of the whole schedule
};
struct SteppedSchedule {
  std::vector<SteppedLayer> layers;  // the first hides the others where it has anybody, if they do hide
  bool hide = false;
  std::vector<SteppedOverride> overrides;  // the last wins
};

// From `since` on for `span`.
Rendering StepThrough(const SteppedSchedule& schedule, const ScheduleId& id, absl::Time since, absl::Duration span);

// As the sources describe them. nullopt where something in them is not steps of time.
std::optional<SteppedSchedule> PagerDutySteps(const Item& item, const std::vector<Item>& overrides, Draft& draft);
std::optional<SteppedSchedule> OpsgenieSteps(const Item& item, const std::vector<Item>& overrides, Draft& draft);

}  // namespace tocsin::import
