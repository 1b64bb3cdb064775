// Self-test pages: messages that ask a person to confirm that a contact method reaches them, before it has to.
#pragma once

#include "absl/time/time.h"

namespace tocsin {

struct SelfTests {
  bool enabled = false;
  absl::Duration interval = absl::Hours(24 * 30);  // after the last test or confirmation
  bool at_creation = true;                         // of a method that is new; else first after `interval`
  bool at_shift_start = true;                      // of whoever is on call and has not confirmed it for a week
  bool widen_steps = true;  // a step whose people have not confirmed any method pages somebody besides
  friend bool operator==(const SelfTests&, const SelfTests&) = default;
};

}  // namespace tocsin
