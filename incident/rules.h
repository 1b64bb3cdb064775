// When a group becomes an incident: a rule's condition evaluated over the facts of one group. Pure.
//
// A verdict always carries its reason in words, with values and thresholds: `group size 53 >= 50`. That goes on the
// timeline and is what `explain` prints; a "no" names the threshold that was not met.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/labels.h"
#include "model/matcher.h"
#include "model/organisation.h"
#include "model/report.h"

namespace tocsin {

// What a rule can see of a group at one instant.
struct GroupFacts {
  std::uint32_t firing = 0;
  Severity highest = Severity::kUnknown;
  bool acknowledged = false;
  bool exhausted = false;  // its escalation has run out of steps
  absl::Duration open_for;
  std::span<const Label> labels;
  std::span<const AlertSummary> alerts;  // the listed ones
  // Alerts that began to fire within the last `window`.
  absl::FunctionRef<std::uint64_t(absl::Duration window)> fired_within;
};

struct Verdict {
  bool met = false;
  std::string reason;
};

class CompiledIncidentRule {
 public:
  // Fails when a matcher does not compile; the message names it.
  static absl::StatusOr<CompiledIncidentRule> Compile(const IncidentRule& rule);

  Verdict Evaluate(const GroupFacts& facts) const;
  // The least open_for beyond `open_for` at which the verdict may change although nothing happens; nullopt: never.
  std::optional<absl::Duration> NextCheck(absl::Duration open_for) const;
  // The longest window of a rate condition; zero without one.
  absl::Duration LongestRateWindow() const;
  const IncidentRule& rule() const { return rule_; }

 private:
  struct Node {
    IncidentCondition condition;  // without operands
    CompiledMatchers matchers;
    std::vector<Node> operands;
  };
  static absl::StatusOr<Node> CompileNode(const IncidentCondition& condition, int depth);
  static Verdict EvaluateNode(const Node& node, const GroupFacts& facts);
  static Verdict Combine(const Node& node, const GroupFacts& facts);

  IncidentRule rule_;
  Node root_;
};

}  // namespace tocsin
