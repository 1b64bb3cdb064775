// Policies and their steps.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "config/check_context.h"

namespace tocsin {
namespace {

constexpr absl::Duration kLongestDelay = absl::Hours(24 * 7);
constexpr std::size_t kStepsPerPolicy = 100;

// Timings that cannot be meant.
void CheckPolicyTimes(CheckContext& context, const std::string& path, const EscalationPolicy& policy) {
  absl::Duration pass = policy.repeat_interval;
  for (std::size_t i = 0; i < policy.steps.size(); ++i) {
    CheckDelay(context, absl::StrFormat("%s.steps[%d].delay", path, i), policy.steps[i].delay);
    const PolicyStep& step = policy.steps[i];
    pass = step.delay_from == PolicyStep::DelayFrom::kStep ? pass + step.delay
                                                           : std::max(pass, policy.repeat_interval + step.delay);
  }
  CheckDelay(context, path + ".repeat_interval", policy.repeat_interval);
  CheckDelay(context, path + ".acknowledge_timeout", policy.acknowledge_timeout);
  if (policy.repeats < 0) context.Report(path + ".repeats", "must not be negative");
  if (policy.repeats > 0 && pass < absl::Seconds(1)) {
    context.Report(path + ".repeats", "all passes would come at once: neither a step nor repeat_interval has a delay");
  }
  if (policy.resolve_when_exhausted && !policy.steps.empty() && policy.steps.back().delay < absl::Minutes(1)) {
    context.Report(absl::StrFormat("%s.steps[%d].delay", path, policy.steps.size() - 1),
                   "must be 1m at least with resolve_when_exhausted: nobody could answer before it is resolved");
  }
  if (policy.repeats == 0 && policy.repeat_interval > absl::ZeroDuration()) {
    context.Report(path + ".repeat_interval", "has no effect without repeats");
  }
  if (policy.acknowledge_timeout > absl::ZeroDuration() && policy.acknowledge_timeout < absl::Seconds(1)) {
    context.Report(path + ".acknowledge_timeout", "is too short to do anything in: at least 1s, or 0s for no timeout");
  }
}

void CheckStep(CheckContext& context, const std::string& path, const PolicyStep& step) {
  CheckTargets(context, path + ".targets", step.targets);
  context.ReferAll(path + ".receivers", step.receivers, context.receivers);
  context.ReferAll(path + ".only_during", step.only_during, context.time_intervals);
  if (step.outside == PolicyStep::Outside::kWait && step.only_during.empty()) {
    context.Report(path + ".outside", "says nothing without only_during");
  }
  if (step.min_rate.count > 0 && (step.min_rate.window < absl::Seconds(1) || step.min_rate.window > absl::Hours(24))) {
    context.Report(path + ".min_rate.within", "must be 1s to 1d");
  }
  if (step.targets.size() > limits::kTargetsPerParticipant) {
    context.Report(path + ".targets",
                   absl::StrFormat("%d targets, at most %d", step.targets.size(), limits::kTargetsPerParticipant));
  }
  if (step.page_at_handoff && step.strategy != PolicyStep::Strategy::kAll) {
    context.Report(path + ".page_at_handoff", "goes with strategy all only: the others page one person");
  }
  if (step.targets.empty() && step.page_at_handoff) {
    context.Report(path + ".page_at_handoff", "says nothing without targets");
  }
}

// Policies that name each other as targets: how deep they go, and where they come round to themselves.
class PolicyNesting {
 public:
  explicit PolicyNesting(CheckContext& context)
      : context_(context), depths_(context.organisation().policies.size(), kNew) {}

  void Check() {
    for (std::size_t i = 0; i < depths_.size(); ++i) {
      if (Depth(i) <= limits::kScheduleNesting) continue;
      context_.Report(absl::StrFormat("policies[%d].steps", i),
                      absl::StrFormat("policies are nested more than %d deep", limits::kScheduleNesting));
    }
  }

 private:
  static constexpr int kNew = -1;
  static constexpr int kOpen = -2;

  // 1 for a policy that names no other. A cycle is reported where it closes, and counts as nothing.
  int Depth(std::size_t at) {
    if (depths_[at] != kNew) return depths_[at];
    if (open_ > 2 * limits::kScheduleNesting) return open_;  // too deep already: the stack is not for the file to fill
    depths_[at] = kOpen;
    ++open_;
    int deepest = 0;
    const EscalationPolicy& policy = context_.organisation().policies[at];
    for (std::size_t step = 0; step < policy.steps.size(); ++step) {
      for (std::size_t i = 0; i < policy.steps[step].targets.size(); ++i) {
        const auto* inner = std::get_if<PolicyTarget>(&policy.steps[step].targets[i]);
        if (inner == nullptr) continue;
        const auto found = context_.policies.position.find(inner->policy.value());
        if (found == context_.policies.position.end()) continue;
        const int depth = Depth(found->second);
        if (depth == kOpen) {
          context_.Report(absl::StrFormat("policies[%d].steps[%d].targets[%d].policy", at, step, i),
                          absl::StrFormat("policy %s leads back to itself this way", JsonQuote(inner->policy.value())));
        }
        deepest = std::max(deepest, depth);
      }
    }
    --open_;
    return depths_[at] = deepest + 1;
  }

  CheckContext& context_;
  std::vector<int> depths_;
  int open_ = 0;  // how many are being looked at, one within the other
};

}  // namespace

void CheckDelay(CheckContext& context, const std::string& path, absl::Duration delay) {
  if (delay < absl::ZeroDuration() || delay > kLongestDelay) {
    context.Report(path, absl::StrFormat("must be 0s to %s", DurationText(kLongestDelay)));
  }
}

void CheckTargets(CheckContext& context, const std::string& path, const std::vector<Target>& targets) {
  for (std::size_t i = 0; i < targets.size(); ++i)
    context.Refer(absl::StrFormat("%s[%d]", path, i), targets[i]);
}

void CheckPolicies(CheckContext& context) {
  const std::vector<EscalationPolicy>& policies = context.organisation().policies;
  context.CheckIds("policies", policies, "policy");
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const EscalationPolicy& policy = policies[i];
    const std::string path = absl::StrFormat("policies[%d]", i);
    context.Require(path + ".name", CheckLine(policy.name));
    if (policy.team.set()) context.Refer(path + ".team", policy.team.value(), context.teams);
    if (policy.steps.empty()) context.Report(path + ".steps", "is empty: there must be at least one step");
    if (policy.steps.size() > kStepsPerPolicy) {
      context.Report(path + ".steps", absl::StrFormat("%d steps, at most %d", policy.steps.size(), kStepsPerPolicy));
    }
    for (std::size_t k = 0; k < policy.steps.size(); ++k)
      CheckStep(context, absl::StrFormat("%s.steps[%d]", path, k), policy.steps[k]);
    CheckPolicyTimes(context, path, policy);
  }
  PolicyNesting(context).Check();
}

}  // namespace tocsin
