#include "escalation/policy.h"

#include <algorithm>

#include "base/status.h"

namespace tocsin {
namespace {

std::int32_t StepCount(const EscalationPolicy& policy) {
  return static_cast<std::int32_t>(policy.steps.size());
}

}  // namespace

PolicyMove AfterStep(const EscalationPolicy& policy, PolicyPosition at, bool waits, absl::Duration since_beginning) {
  TOCSIN_CHECK(at.step >= 0 && at.step < StepCount(policy), "a step that the policy has");
  PolicyMove move;
  move.next = {at.step + 1, at.pass};
  move.kind = move.next.step == StepCount(policy) ? PolicyMove::Kind::kEndOfPass : PolicyMove::Kind::kStep;
  const PolicyStep& step = policy.steps[static_cast<std::size_t>(at.step)];
  const bool from_beginning = step.delay_from == PolicyStep::DelayFrom::kBeginning;
  const absl::Duration passed = from_beginning ? since_beginning : absl::ZeroDuration();
  move.wait = waits ? std::max(step.delay - passed, absl::ZeroDuration()) : absl::ZeroDuration();
  return move;
}

absl::Duration SinceBeginning(const EscalationPolicy& policy, std::int32_t step) {
  if (step <= 0 || step > StepCount(policy)) return absl::ZeroDuration();
  const PolicyStep& before = policy.steps[static_cast<std::size_t>(step - 1)];
  return before.delay_from == PolicyStep::DelayFrom::kBeginning ? before.delay : absl::ZeroDuration();
}

bool GoesOnWhenAcknowledged(const EscalationPolicy& policy, PolicyPosition at) {
  const auto goes_on = [](const PolicyStep& step) { return step.unless == PolicyStep::Unless::kResolved; };
  const auto from = policy.steps.begin() + std::min(at.step, StepCount(policy));
  return std::any_of(from, policy.steps.end(), goes_on) ||
         (at.pass < policy.repeats && std::any_of(policy.steps.begin(), policy.steps.end(), goes_on));
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
