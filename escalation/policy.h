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

// After executing the step at `at`, `since_beginning` after the pass began. `waits`: somebody is behind it, or it waits all
// the same; a step that reaches nobody does not. Requires 0 <= at.step < policy.steps.size().
PolicyMove AfterStep(const EscalationPolicy& policy, PolicyPosition at, bool waits, absl::Duration since_beginning);

// At the end of `pass`. `reached`: somebody was reached in it.
PolicyMove AfterPass(const EscalationPolicy& policy, std::int32_t pass, bool reached);

// How long before now the pass began, as seen from a run that (re)starts with the step `step`: steps whose times count
// from the beginning keep their distances.
absl::Duration SinceBeginning(const EscalationPolicy& policy, std::int32_t step);

// Whether anything is left to be done from `at` on once somebody has acknowledged: a step that goes on until it is
// resolved, in this pass or in another.
bool GoesOnWhenAcknowledged(const EscalationPolicy& policy, PolicyPosition at);

// "step 2 of 3 (pass 1 of 2)", for people: both count from 1.
std::string Describe(const EscalationPolicy& policy, PolicyPosition at);

}  // namespace tocsin
