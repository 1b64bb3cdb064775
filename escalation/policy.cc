#include "escalation/policy.h"

#include <algorithm>

#include "base/status.h"

namespace tocsin {
namespace {

std::int32_t StepCount(const EscalationPolicy& policy) {
  return static_cast<std::int32_t>(policy.steps.size());
}

}  // namespace

PolicyMove AfterStep(const EscalationPolicy& policy, PolicyPosition at, bool reached) {
  TOCSIN_CHECK(at.step >= 0 && at.step < StepCount(policy), "a step that the policy has");
  PolicyMove move;
  move.next = {at.step + 1, at.pass};
  move.kind = move.next.step == StepCount(policy) ? PolicyMove::Kind::kEndOfPass : PolicyMove::Kind::kStep;
  move.wait = reached ? policy.steps[static_cast<std::size_t>(at.step)].delay : absl::ZeroDuration();
  return move;
}

PolicyMove AfterPass(const EscalationPolicy& policy, std::int32_t pass, bool reached) {
  PolicyMove move;
  move.next = {0, pass + 1};
  if (!reached) {
    const absl::Duration first = policy.steps.empty() ? absl::ZeroDuration() : policy.steps.front().delay;
    move.kind = PolicyMove::Kind::kFallback;
    move.wait = std::max(first, kShortestEmptyRetry);
  } else if (pass < policy.repeats) {
    move.kind = PolicyMove::Kind::kRepeat;
    move.wait = policy.repeat_interval;
  } else {
    move.kind = PolicyMove::Kind::kExhausted;
    move.next = {StepCount(policy), pass};
    move.wait = absl::InfiniteDuration();
  }
  return move;
}

std::string Describe(const EscalationPolicy& policy, PolicyPosition at) {
  std::string text = at.step >= StepCount(policy) ? std::string("the end of the steps")
                                                  : absl::StrFormat("step %d of %d", at.step + 1, StepCount(policy));
  if (policy.repeats > 0 || at.pass > 0) {
    text += absl::StrFormat(" (pass %d of %d)", at.pass + 1, std::max(policy.repeats, at.pass) + 1);
  }
  return text;
}

}  // namespace tocsin
