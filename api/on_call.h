// The roster that the API answers from.
#pragma once

#include "absl/status/statusor.h"

#include "api/methods.h"
#include "escalation/roster.h"

namespace tocsin {

// The one that pages go by; copied out, so that the responder is not held up by a year of shifts.
absl::StatusOr<Roster> CurrentRoster(Api& api);

}  // namespace tocsin
