// The step machine of an escalation policy: where a run stands, and what comes next. Pure arithmetic on positions; who is
// behind a step is the roster's business, and what is done about it the responder's.
//
//   step 1 ──delay──▶ step 2 ──delay──▶ ... last step ──delay──▶ end of pass ─┬─ somebody was reached, repeats left:
//     │ nobody behind it: at once                                             │    repeat_interval, then step 1
//     └────────────────▶                                                      ├─ nobody was reached: fallback, then
//                                                                             │    step 1 after max(delay of step 1, 5 min)
//                                                                             └─ else exhausted
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

#include "model/organisation.h"

namespace tocsin {

// An empty pass is tried again, but never in a busy loop.
inline constexpr absl::Duration kShortestEmptyRetry = absl::Minutes(5);

// `step` indexes policy.steps; steps.size() is the end of the pass.
struct PolicyPosition {
  std::int32_t step = 0;
  std::int32_t pass = 0;  // 0 is the first
  friend bool operator==(const PolicyPosition&, const PolicyPosition&) = default;
};

struct PolicyMove {
  enum class Kind : std::uint8_t {
    kStep,       // go on in this pass
    kEndOfPass,  // the last step has been executed
    kRepeat,     // the next pass
    kFallback,   // nobody was reached in a whole pass: page the owners, then try again
    kExhausted,  // nothing more will happen by itself
  };
  Kind kind = Kind::kStep;
  PolicyPosition next;
  absl::Duration wait;  // from now until `next` is due; zero: at once
  friend bool operator==(const PolicyMove&, const PolicyMove&) = default;
};

// After executing the step at `at`. `reached`: somebody is behind it; a step that reaches nobody does not wait.
// Requires 0 <= at.step < policy.steps.size().
PolicyMove AfterStep(const EscalationPolicy& policy, PolicyPosition at, bool reached);

// At the end of `pass`. `reached`: somebody was reached in it.
PolicyMove AfterPass(const EscalationPolicy& policy, std::int32_t pass, bool reached);

// "step 2 of 3 (pass 1 of 2)", for people: both count from 1.
std::string Describe(const EscalationPolicy& policy, PolicyPosition at);

}  // namespace tocsin
