#include "incident/rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"

namespace tocsin {
namespace {

using Kind = IncidentCondition::Kind;

// Configuration refuses deeper trees; this only keeps a hostile row from exhausting the stack.
constexpr int kDeepest = 32;

Verdict Compare(bool met, std::string_view what, std::uint64_t value, std::uint64_t threshold) {
  return {met, absl::StrFormat("%s %d %s %d", what, value, met ? ">=" : "<", threshold)};
}

}  // namespace

absl::StatusOr<CompiledIncidentRule> CompiledIncidentRule::Compile(const IncidentRule& rule) {
  CompiledIncidentRule compiled;
  compiled.rule_ = rule;
  absl::StatusOr<Node> root = CompileNode(rule.condition, 0);
  if (!root.ok()) return Annotate(root.status(), absl::StrCat("incident rule \"", rule.id.value(), "\""));
  compiled.root_ = *std::move(root);
  return compiled;
}

absl::StatusOr<CompiledIncidentRule::Node> CompiledIncidentRule::CompileNode(const IncidentCondition& condition,
                                                                             int depth) {
  if (depth > kDeepest) return Invalid("condition is nested deeper than %d", kDeepest);
  Node node;
  node.condition = condition;
  node.condition.operands.clear();
  TOCSIN_ASSIGN(node.matchers, CompiledMatchers::Compile(condition.matchers));
  for (const IncidentCondition& operand : condition.operands) {
    TOCSIN_ASSIGN(Node child, CompileNode(operand, depth + 1));
    node.operands.push_back(std::move(child));
  }
  return node;
}

Verdict CompiledIncidentRule::Evaluate(const GroupFacts& facts) const {
  return EvaluateNode(root_, facts);
}

// `all` of nothing is not met: a rule without conditions must not open incidents.
Verdict CompiledIncidentRule::Combine(const Node& node, const GroupFacts& facts) {
  const bool all = node.condition.kind == Kind::kAll;
  if (node.operands.empty()) return {false, "no condition is given"};
  std::string met;
  std::string missed;
  bool any_met = false;
  bool all_met = true;
  for (const Node& operand : node.operands) {
    const Verdict verdict = EvaluateNode(operand, facts);
    std::string& list = verdict.met ? met : missed;
    absl::StrAppend(&list, list.empty() ? "" : (verdict.met == all ? " and " : " or "), verdict.reason);
    any_met |= verdict.met;
    all_met &= verdict.met;
  }
  const bool result = all ? all_met : any_met;
  return {result, result ? met : missed};
}

Verdict CompiledIncidentRule::EvaluateNode(const Node& node, const GroupFacts& facts) {
  const IncidentCondition& condition = node.condition;
  switch (condition.kind) {
    case Kind::kAll:
    case Kind::kAny: return Combine(node, facts);
    case Kind::kGroupSize: return Compare(facts.firing >= condition.count, "group size", facts.firing, condition.count);
    case Kind::kRate: {
      const std::uint64_t fired = facts.fired_within(condition.window);
      Verdict verdict = Compare(fired >= condition.count, "alerts fired", fired, condition.count);
      absl::StrAppend(&verdict.reason, " within ", absl::FormatDuration(condition.window));
      return verdict;
    }
    case Kind::kSeverity: {
      const bool met = facts.highest >= condition.severity;
      return {met,
              absl::StrFormat("severity %s %s %s", Name(facts.highest), met ? ">=" : "<", Name(condition.severity))};
    }
    case Kind::kUnacknowledged: {
      if (facts.acknowledged) return {false, "the group is acknowledged"};
      const bool met = facts.open_for >= condition.window;
      return {met,
              absl::StrCat("unacknowledged for ", absl::FormatDuration(absl::Trunc(facts.open_for, absl::Seconds(1))),
                           met ? " >= " : " < ", absl::FormatDuration(condition.window))};
    }
    case Kind::kExhausted:
      return {facts.exhausted, facts.exhausted ? "the escalation is exhausted" : "the escalation is not exhausted"};
    case Kind::kMatchers: {
      const bool met =
          node.matchers.Match(facts.labels) || std::ranges::any_of(facts.alerts, [&](const AlertSummary& alert) {
            return node.matchers.Match(std::span<const Label>(alert.labels));
          });
      return {met, absl::StrCat(met ? "matches " : "does not match ",
                                Format(std::span<const Matcher>(node.matchers.matchers())))};
    }
  }
  return {};
}

std::optional<absl::Duration> CompiledIncidentRule::NextCheck(absl::Duration open_for) const {
  std::optional<absl::Duration> next;
  const auto visit = [&](const auto& self, const Node& node) -> void {
    if (node.condition.kind == Kind::kUnacknowledged && node.condition.window > open_for) {
      next = next ? std::min(*next, node.condition.window) : node.condition.window;
    }
    for (const Node& operand : node.operands)
      self(self, operand);
  };
  visit(visit, root_);
  return next;
}

absl::Duration CompiledIncidentRule::LongestRateWindow() const {
  absl::Duration longest = absl::ZeroDuration();
  const auto visit = [&](const auto& self, const Node& node) -> void {
    if (node.condition.kind == Kind::kRate) longest = std::max(longest, node.condition.window);
    for (const Node& operand : node.operands)
      self(self, operand);
  };
  visit(visit, root_);
  return longest;
}

}  // namespace tocsin
