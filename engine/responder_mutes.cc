#include "engine/responder_mutes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"
#include "model/hold_words.h"

namespace tocsin {

std::string WhyMuted(const Turn& turn, const Route& route) {
  for (const TimeIntervalId& name : route.mute_time_intervals) {
    const TimeIntervals* intervals = turn.index()->FindIntervals(name);
    if (intervals != nullptr && intervals->Contains(turn.now().wall)) {
      return absl::StrCat(ToAbsl(kMutedBy), route.id.value(), " inside of time interval ", name.value());
    }
  }
  if (route.active_time_intervals.empty()) return "";
  const bool active = std::ranges::any_of(route.active_time_intervals, [&](const TimeIntervalId& name) {
    const TimeIntervals* intervals = turn.index()->FindIntervals(name);
    return intervals == nullptr || intervals->Contains(turn.now().wall);
  });
  if (active) return "";
  const auto append = [](std::string* out, const TimeIntervalId& name) { out->append(name.value()); };
  return absl::StrCat(ToAbsl(kMutedBy), route.id.value(), " outside of time interval ",
                      absl::StrJoin(route.active_time_intervals, ", ", append));
}

}  // namespace tocsin
