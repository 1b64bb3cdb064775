// Receivers, routes, incident rules, and how messages leave.
#include <algorithm>
#include <map>

#include "base/limits.h"
#include "config/check_context.h"
#include "config/reach.h"

namespace tocsin {
namespace {

void CheckRouteTimes(CheckContext& context, const std::string& path, const Route& route) {
  constexpr absl::Duration kLongest = absl::Hours(24 * 365);
  if (route.group_wait < absl::ZeroDuration() || route.group_wait > kLongest) {
    context.Report(path + ".group_wait", "must be 0s to 1 year");
  }
  if (route.group_interval < absl::Seconds(1) || route.group_interval > kLongest) {
    context.Report(path + ".group_interval", "must be 1s to 1 year");
  }
  if (route.repeat_interval < absl::Seconds(1) || route.repeat_interval > kLongest) {
    context.Report(path + ".repeat_interval", "must be 1s to 1 year");
  }
  if (route.repeat_interval < route.group_interval) {
    context.Report(path + ".repeat_interval",
                   absl::StrFormat("is %s, shorter than group_interval (%s): a repeat is only looked for then",
                                   DurationText(route.repeat_interval), DurationText(route.group_interval)));
  }
}

constexpr std::uint32_t kLongestCount = 1'000'000;
constexpr std::uint32_t kMostChanges = 100;
constexpr std::size_t kBreakThroughLabels = 8;

void CheckSpan(CheckContext& context, const std::string& path, absl::Duration span) {
  if (span < absl::Seconds(1) || span > absl::Hours(24 * 7)) context.Report(path, "must be 1s to 1w");
}

// Zero switches it off.
void CheckSpanOrNone(CheckContext& context, const std::string& path, absl::Duration span, absl::Duration longest) {
  const bool fits = span >= absl::Seconds(1) && span <= longest;
  if (span != absl::ZeroDuration() && !fits) {
    context.Report(path, absl::StrFormat("must be 1s to %s, or 0s for none", DurationText(longest)));
  }
}

// Durable counters stand behind these numbers, so they are bounded.
void CheckGroupLife(CheckContext& context, const std::string& path, const Route& route) {
  if (route.threshold.count > kLongestCount) {
    context.Report(path + ".threshold.count", absl::StrFormat("must be at most %d", kLongestCount));
  }
  if (route.threshold.count > 1) CheckSpan(context, path + ".threshold.window", route.threshold.window);
  if (route.flapping.changes > kMostChanges || route.flapping.changes == 1 || route.flapping.changes == 2) {
    context.Report(path + ".flapping.changes", absl::StrFormat("must be 3 to %d, or 0 for never", kMostChanges));
  }
  if (route.flapping.changes > 0) {
    CheckSpan(context, path + ".flapping.window", route.flapping.window);
    CheckSpan(context, path + ".flapping.stable_for", route.flapping.stable_for);
  }
  if (route.break_through.labels.size() > kBreakThroughLabels) {
    context.Report(path + ".break_through.labels", absl::StrFormat("at most %d labels", kBreakThroughLabels));
  }
  CheckLabelNames(context, path + ".break_through.labels", route.break_through.labels);
  CheckSpanOrNone(context, path + ".acknowledgement.timeout",
                  route.acknowledgement.timeout.value_or(absl::ZeroDuration()), absl::Hours(24 * 7));
  CheckSpanOrNone(context, path + ".reopen_window", route.reopen_window, absl::Hours(12));
  CheckSpanOrNone(context, path + ".auto_close", route.auto_close, absl::Hours(24 * 365));
}

class RouteChecker {
 public:
  explicit RouteChecker(CheckContext& context) : context_(context), reach_(context.organisation()) {}

  void Run() {
    const Route& root = context_.organisation().route;
    if (!root.matchers.empty())
      context_.Report("route.matchers", "the root takes every alert: it can have no matchers");
    if (root.continue_matching) context_.Report("route.continue", "the root has no siblings to go on to");
    CheckRoute("route", root, 1);
    if (count_ > limits::kRoutes)
      context_.Report("route", absl::StrFormat("%d routes, at most %d", count_, limits::kRoutes));
    if (without_key_ > limits::kRoutesWithoutKey) {
      context_.Report("route",
                      absl::StrFormat("%d routes without a matcher that says what a label is equal to, at most %d: "
                                      "alert after alert is tried against them",
                                      without_key_, limits::kRoutesWithoutKey));
    }
  }

 private:
  void CheckRoute(const std::string& path, const Route& route, int depth) {
    ++count_;
    const auto is_key = [](const Matcher& matcher) { return matcher.op == MatchOp::kEqual && !matcher.value.empty(); };
    if (std::ranges::none_of(route.matchers, is_key)) ++without_key_;
    if (depth > limits::kRouteDepth) {
      context_.Report(path, absl::StrFormat("routes are nested deeper than %d", limits::kRouteDepth));
      return;
    }
    context_.Require(path + ".id", CheckId(route.id.value(), /*slashes=*/true));
    const auto [first, is_new] = ids_.try_emplace(route.id, path);
    if (!is_new) {
      context_.Report(path + ".id", absl::StrFormat("route %s is declared twice (first: %s)",
                                                    JsonQuote(route.id.value()), first->second));
    }
    CheckMatchers(context_, path + ".matchers", route.matchers);
    CheckLabelNames(context_, path + ".group_by", route.group_by);
    CheckRouteTimes(context_, path, route);
    CheckGroupLife(context_, path, route);
    if (route.service.set()) context_.Refer(path + ".service", route.service.value(), context_.services);
    if (route.receiver.set()) context_.Refer(path + ".receiver", route.receiver.value(), context_.receivers);
    CheckIntervals(path + ".mute_time_intervals", route.mute_time_intervals);
    CheckIntervals(path + ".active_time_intervals", route.active_time_intervals);
    CheckReach(path, route);
    for (std::size_t i = 0; i < route.children.size(); ++i) {
      CheckRoute(absl::StrFormat("%s.routes[%d]", path, i), route.children[i], depth + 1);
    }
  }

  void CheckIntervals(const std::string& path, const std::vector<TimeIntervalId>& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
      context_.Refer(absl::StrFormat("%s[%d]", path, i), names[i].value(), context_.time_intervals);
  }

  void CheckReach(const std::string& path, const Route& route) {
    if (!route.policy.set() && !route.receiver.set()) {
      context_.Report(path, "has neither policy nor receiver: its alerts would reach nobody");
    }
    if (!route.policy.set()) return;
    context_.Refer(path + ".policy", route.policy.value(), context_.policies);
    const auto position = context_.policies.position.find(route.policy.value());
    if (position == context_.policies.position.end()) return;
    const EscalationPolicy* policy = &context_.organisation().policies[position->second];
    for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow}) {
      if (route.urgency && *route.urgency != urgency) continue;
      if (reach_.Reaches(*policy, urgency)) continue;
      const char* word = urgency == Urgency::kHigh ? "high" : "low";
      context_.Report(path + ".policy",
                      absl::StrFormat("policy %s reaches nobody at %s urgency: no person behind its steps has a "
                                      "notification rule for it",
                                      JsonQuote(route.policy.value()), word));
    }
  }

  CheckContext& context_;
  Reach reach_;
  std::map<RouteId, std::string> ids_;  // to the path of the first
  std::size_t count_ = 0;
  std::size_t without_key_ = 0;
};

void CheckWindow(CheckContext& context, const std::string& path, absl::Duration window) {
  if (window < absl::Seconds(1) || window > absl::Hours(24 * 7)) context.Report(path, "must be 1s to 1w");
}

void CheckCondition(CheckContext& context, const std::string& path, const IncidentCondition& condition, int depth) {
  using Kind = IncidentCondition::Kind;
  if (depth > limits::kConditionDepth) {
    context.Report(path, absl::StrFormat("conditions are nested deeper than %d", limits::kConditionDepth));
    return;
  }
  switch (condition.kind) {
    case Kind::kAll:
    case Kind::kAny: {
      const std::string list = path + (condition.kind == Kind::kAll ? ".all" : ".any");
      if (condition.operands.empty()) context.Report(list, "is empty");
      for (std::size_t i = 0; i < condition.operands.size(); ++i) {
        CheckCondition(context, absl::StrFormat("%s[%d]", list, i), condition.operands[i], depth + 1);
      }
      return;
    }
    case Kind::kGroupSize:
      if (condition.count == 0) context.Report(path + ".group_size", "must be at least 1");
      return;
    case Kind::kRate:
      if (condition.count == 0) context.Report(path + ".rate.count", "must be at least 1");
      CheckWindow(context, path + ".rate.window", condition.window);
      return;
    case Kind::kSeverity:
      if (condition.severity == Severity::kUnknown)
        context.Report(path + ".severity", "every alert is at least unknown");
      return;
    case Kind::kUnacknowledged: CheckWindow(context, path + ".unacknowledged", condition.window); return;
    case Kind::kExhausted: return;
    case Kind::kMatchers:
      if (condition.matchers.empty()) context.Report(path + ".matchers", "is empty");
      CheckMatchers(context, path + ".matchers", condition.matchers);
      return;
  }
}

// {{labels.NAME}}, {{group}}, {{service}} and nothing else in double braces.
absl::Status CheckTitle(std::string_view title) {
  TOCSIN_TRY(CheckLine(title));
  if (title.empty()) return Invalid("is empty");
  while (true) {
    const std::size_t open = title.find("{{");
    if (open == std::string_view::npos) return absl::OkStatus();
    const std::size_t close = title.find("}}", open);
    if (close == std::string_view::npos) return Invalid("{{ without }}");
    const std::string_view name = Trim(title.substr(open + 2, close - open - 2));
    const bool known = name == "group" || name == "service" || (name.starts_with("labels.") && name.size() > 7);
    if (!known) return Invalid("{{%s}} is none of {{labels.NAME}}, {{group}} and {{service}}", name);
    title.remove_prefix(close + 2);
  }
}

}  // namespace

void CheckReceivers(CheckContext& context) {
  const std::vector<Receiver>& receivers = context.organisation().receivers;
  context.CheckIds("receivers", receivers, "receiver");
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    const std::string path = absl::StrFormat("receivers[%d].targets", i);
    if (receivers[i].targets.empty()) context.Report(path, "is empty: the receiver would reach nobody");
    context.CheckIds(path, receivers[i].targets, "target");
    for (std::size_t k = 0; k < receivers[i].targets.size(); ++k) {
      CheckContactMethod(context, absl::StrFormat("%s[%d]", path, k), receivers[i].targets[k], /*used=*/true);
    }
  }
}

void CheckRoutes(CheckContext& context) {
  RouteChecker(context).Run();
}

void CheckIncidentRules(CheckContext& context) {
  const std::vector<IncidentRule>& rules = context.organisation().incident_rules;
  context.CheckIds("incident_rules", rules, "incident rule");
  Reach reach(context.organisation());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const IncidentRule& rule = rules[i];
    const std::string path = absl::StrFormat("incident_rules[%d]", i);
    CheckCondition(context, path + ".when", rule.condition, 1);
    if (rule.incident_severity < 1 || rule.incident_severity > 5) context.Report(path + ".severity", "must be 1 to 5");
    context.Require(path + ".title", CheckTitle(rule.title));
    CheckLabelNames(context, path + ".join_by", rule.join_by);
    if (rule.join_window < absl::ZeroDuration() || rule.join_window > absl::Hours(24 * 7)) {
      context.Report(path + ".join_window", "must be 0s to 1w");
    }
    if (!rule.policy.set()) continue;
    context.Refer(path + ".policy", rule.policy.value(), context.policies);
    const EscalationPolicy* policy = context.organisation().Find(rule.policy);
    if (policy != nullptr && !reach.Reaches(*policy, Urgency::kHigh)) {
      context.Report(path + ".policy", absl::StrFormat("policy %s reaches nobody", JsonQuote(rule.policy.value())));
    }
  }
}

namespace {

void CheckSmtp(CheckContext& context, const std::string& section, const Smtp& smtp) {
  if (smtp == Smtp()) return;
  context.Require(section + ".url", CheckSmtpUrl(smtp.url));
  context.Require(section + ".from", CheckEmailAddress(smtp.from));
  context.Require(section + ".username", CheckLine(smtp.username));
  context.Require(section + ".password", CheckLine(smtp.password));
  context.Require(section + ".ca_file", CheckLine(smtp.ca_file, 4096));
  if (smtp.username.empty() != smtp.password.empty()) context.Report(section, "username and password go together");
  if (!smtp.require_tls && !IsLoopbackUrl(smtp.url)) {
    context.Report(section + ".require_tls",
                   "can be false only for a relay on this machine: pages are not for the wire to read");
  }
}

void CheckTwilio(CheckContext& context, const std::string& section, const Twilio& twilio) {
  if (twilio == Twilio()) return;
  context.Require(section + ".url", CheckHttpUrl(twilio.url));
  context.Require(section + ".from", CheckPhoneNumber(twilio.from));
  context.Require(section + ".account_sid", CheckId(twilio.account_sid));
  if (twilio.auth_token.empty()) context.Report(section, "the auth_token is missing");
  context.Require(section + ".auth_token", CheckLine(twilio.auth_token));
  if (twilio.receipts && context.organisation().public_url.empty()) {
    context.Report(section + ".receipts", "the provider reports to this server: public_url must say where that is");
  }
  if (twilio.receipt_timeout < absl::Seconds(10) || twilio.receipt_timeout > absl::Minutes(10)) {
    context.Report(section + ".receipt_timeout", "must be 10s to 10m");
  }
}

}  // namespace

void CheckSenders(CheckContext& context) {
  const Organisation& organisation = context.organisation();
  if (!organisation.public_url.empty()) context.Require("public_url", CheckHttpUrl(organisation.public_url));
  CheckSmtp(context, "smtp", organisation.smtp);
  CheckTwilio(context, "twilio", organisation.twilio);
  CheckSmtp(context, "second_smtp", organisation.second_smtp);
  CheckTwilio(context, "second_twilio", organisation.second_twilio);
  if (organisation.second_smtp != Smtp() && organisation.smtp == Smtp()) {
    context.Report("second_smtp", "takes the place of smtp, which is not there");
  }
  if (organisation.second_twilio != Twilio() && organisation.twilio == Twilio()) {
    context.Report("second_twilio", "takes the place of twilio, which is not there");
  }
  if (organisation.slack != Slack()) {
    context.Require("slack.url", CheckHttpUrl(organisation.slack.url));
    if (organisation.slack.token.empty()) context.Report("slack", "the token is missing");
    context.Require("slack.token", CheckLine(organisation.slack.token));
  }
  if (organisation.dead_man != DeadMan()) {
    context.Require("dead_man.url", CheckHttpUrl(organisation.dead_man.url));
    if (organisation.dead_man.interval < absl::Seconds(1) || organisation.dead_man.interval > absl::Hours(1)) {
      context.Report("dead_man.interval", "must be 1s to 1h");
    }
  }
  if (const SelfTests& tests = organisation.self_tests; tests != SelfTests()) {
    if (tests.interval < absl::Hours(24) || tests.interval > absl::Hours(24 * 366)) {
      context.Report("self_tests.interval", "must be 1d to 366d");
    }
    if (tests.enabled && organisation.public_url.empty()) {
      context.Report("self_tests", "a self-test carries a link: public_url must say where it leads");
    }
  }
}

}  // namespace tocsin
