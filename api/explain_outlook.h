// What would come then: whom a policy would page, when a route is muted. Looking ahead, by the configuration and the schedules as
// they are now.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

#include "api/methods.h"
#include "engine/shard.h"
#include "escalation/time_intervals.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// The first edge of any of `intervals` after `at` at which `holds`; InfiniteFuture when there is none for more than a year.
absl::Time FirstAfter(absl::Time at,
                      std::span<const TimeIntervals> intervals,
                      absl::FunctionRef<bool(absl::Time)> holds);

struct Muting {
  std::string why;   // "inside of time interval nights"
  absl::Time until;  // InfiniteFuture: no end in sight
};
// nullopt: the route is not muted at `at`.
std::optional<Muting> MutedAt(const Organisation& organisation, const Route& route, absl::Time at);

// What becomes at `at` of an alert that nothing holds back any more, or of a whole group, as the end of a sentence: "group G17
// goes on: step 1 of policy default pages ann (schedule primary: layer always)".
std::string Outlook(Api& api, const AlertRecord& alert, absl::Time at);
std::string Outlook(Api& api, const Group& group, absl::Time at);

}  // namespace tocsin
