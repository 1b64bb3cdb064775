#include "config/warn.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/coverage.h"
#include "config/text.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

// Who refers to whom.
struct Uses {
  std::set<UserId> users;
  std::set<TeamId> teams;
  std::set<ScheduleId> schedules;
  std::set<PolicyId> policies;
  std::set<ReceiverId> receivers;

  void Add(const Target& target) {
    if (const auto* user = std::get_if<UserTarget>(&target)) users.insert(user->user);
    if (const auto* team = std::get_if<TeamTarget>(&target)) teams.insert(team->team);
    if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) schedules.insert(schedule->schedule);
    if (const auto* policy = std::get_if<PolicyTarget>(&target)) policies.insert(policy->policy);
  }
  void Add(const std::vector<Target>& targets) {
    for (const Target& target : targets)
      Add(target);
  }
  void Add(const Route& route) {
    policies.insert(route.policy);
    receivers.insert(route.receiver);
    for (const Route& child : route.children)
      Add(child);
  }
};

Uses FindUses(const Organisation& organisation) {
  Uses uses;
  uses.Add(organisation.route);
  for (const IncidentRule& rule : organisation.incident_rules)
    uses.policies.insert(rule.policy);
  for (const EscalationPolicy& policy : organisation.policies) {
    for (const PolicyStep& step : policy.steps) {
      uses.Add(step.targets);
      uses.receivers.insert(step.receivers.begin(), step.receivers.end());
    }
  }
  for (const Schedule& schedule : organisation.schedules) {
    for (const Layer& layer : schedule.layers) {
      ForEachCrew(layer, [&](const std::vector<Target>& crew) { uses.Add(crew); });
    }
    for (const Override& change : schedule.overrides)
      uses.Add(change.users);
    for (const TemporarySchedule& temporary : schedule.temporary_schedules) {
      for (const FixedShift& shift : temporary.shifts)
        uses.Add(shift.members);
    }
  }
  return uses;
}

class Warner {
 public:
  explicit Warner(const Organisation& organisation) : organisation_(organisation), uses_(FindUses(organisation)) {}

  std::vector<Problem> Run() {
    LookAtPeople();
    LookAtPolicies();
    LookAtProviders();
    LookAtRoute("route", organisation_.route);
    return std::move(warnings_);
  }

 private:
  void Warn(std::string path, std::string message) {
    warnings_.push_back({"", 0, 0, std::move(path), std::move(message)});
  }

  // Whoever may be paged, and could not be woken.
  void LookAtPeople() {
    std::set<UserId> meant = uses_.users;
    for (std::size_t i = 0; i < organisation_.teams.size(); ++i) {
      const Team& team = organisation_.teams[i];
      if (!uses_.teams.contains(team.id)) continue;
      meant.insert(team.members.begin(), team.members.end());
      if (team.members.empty()) {
        Warn(absl::StrFormat("teams[%d].members", i), "is empty, although policies or schedules page this team");
      }
    }
    for (std::size_t i = 0; i < organisation_.users.size(); ++i) {
      const User& user = organisation_.users[i];
      const bool wakes = std::ranges::any_of(
          user.notification_rules, [](const NotificationRule& rule) { return rule.urgency == Urgency::kHigh; });
      if (wakes || !meant.contains(user.id)) continue;
      Warn(absl::StrFormat("users[%d]", i),
           absl::StrFormat(
               "%s may be paged, but has no notification rule of high urgency: such pages go to the next step",
               JsonQuote(user.id.value())));
    }
  }

  void LookAtPolicies() {
    for (std::size_t i = 0; i < organisation_.policies.size(); ++i) {
      const EscalationPolicy& policy = organisation_.policies[i];
      const std::string path = absl::StrFormat("policies[%d]", i);
      if (!uses_.policies.contains(policy.id)) Warn(path, "no route and no incident rule leads to it");
      for (std::size_t k = 0; k < policy.steps.size(); ++k) {
        const PolicyStep& step = policy.steps[k];
        const bool waits = step.on_empty == PolicyStep::OnEmpty::kWait;
        if (!step.targets.empty() || !step.receivers.empty() || waits) continue;
        Warn(absl::StrFormat("%s.steps[%d].targets", path, k), "is empty: the step is skipped at once, its delay too");
      }
    }
    for (std::size_t i = 0; i < organisation_.schedules.size(); ++i) {
      if (uses_.schedules.contains(organisation_.schedules[i].id)) continue;
      Warn(absl::StrFormat("schedules[%d]", i), "no policy and no other schedule refers to it");
    }
    for (std::size_t i = 0; i < organisation_.receivers.size(); ++i) {
      if (uses_.receivers.contains(organisation_.receivers[i].id)) continue;
      Warn(absl::StrFormat("receivers[%d]", i), "no route leads to it");
    }
  }

  // Two that share one fate are one.
  void LookAtProviders() {
    const auto look = [&](const char* path, std::string_view first, std::string_view second) {
      const std::string host = HostOfUrl(second);
      if (host.empty() || host != HostOfUrl(first)) return;
      Warn(path, absl::StrFormat("is at %s as well: what keeps the first from working keeps the second", host));
    };
    if (organisation_.second_twilio != Twilio())
      look("second_twilio.url", organisation_.twilio.url, organisation_.second_twilio.url);
    look("second_smtp.url", organisation_.smtp.url, organisation_.second_smtp.url);
  }

  void LookAtRoute(const std::string& path, const Route& route) {
    std::string taker;  // the first child that lets nothing pass to those behind it
    std::unordered_map<std::string, std::size_t> first_with;  // the same matchers, of those that let nothing pass
    for (std::size_t i = 0; i < route.children.size(); ++i) {
      const Route& child = route.children[i];
      const std::string child_path = absl::StrFormat("%s.routes[%d]", path, i);
      if (!taker.empty()) Warn(child_path, absl::StrFormat("gets no alert: %s before it takes every one", taker));
      if (taker.empty() && child.matchers.empty() && !child.continue_matching) taker = child_path;
      std::string matchers;
      for (const Matcher& matcher : child.matchers)
        matchers += Format(matcher) + '\n';
      if (const auto same = first_with.find(matchers); same != first_with.end()) {
        Warn(child_path,
             absl::StrFormat("gets no alert: %s.routes[%d] before it has the same matchers", path, same->second));
      }
      if (!child.continue_matching && !matchers.empty()) first_with.try_emplace(std::move(matchers), i);
      LookAtContinue(route, i, child_path);
      LookAtRoute(child_path, child);
    }
  }

  static bool Pages(const Route& route) { return route.policy.set() || std::ranges::any_of(route.children, Pages); }

  // A route that only tells somebody beside what else happens: but nothing else does, unless another route takes the alert.
  void LookAtContinue(const Route& parent, std::size_t i, const std::string& path) {
    const Route& child = parent.children[i];
    if (!child.continue_matching || !parent.policy.set() || Pages(child)) return;
    std::vector<std::span<const Matcher>> others;
    for (std::size_t k = 0; k < parent.children.size(); ++k) {
      const Route& other = parent.children[k];
      if (k > i || (k < i && other.continue_matching)) others.emplace_back(other.matchers);
    }
    if (AreCovered(child.matchers, others, coverage_budget_)) return;
    Warn(path,
         absl::StrFormat("pages nobody, and keeps what it takes from policy %s of the route above, which is for alerts "
                         "that none of its routes take: an alert that matches here and in no route behind is only "
                         "told. A last route without matchers takes the rest",
                         JsonQuote(parent.policy.value())));
  }

  const Organisation& organisation_;
  Uses uses_;
  std::vector<Problem> warnings_;
  int coverage_budget_ = 100'000;
};

}  // namespace

std::vector<Problem> Warnings(const Organisation& organisation) {
  return Warner(organisation).Run();
}

// The sample's keys for PagerDuty's and Opsgenie's clients have the form that those insist on.
constexpr std::size_t kPeerKeyBytes = 32;

std::vector<IntegrationId> WithSampleKeys(const Organisation& organisation) {
  std::vector<IntegrationId> ids;
  for (const Integration& integration : organisation.integrations) {
    std::string letters = "demokeyfor" + integration.source;
    letters.resize(kPeerKeyBytes, '0');
    if (integration.key_hash == HashKey("demo-key-for-" + integration.source) ||
        integration.key_hash == HashKey(letters))
      ids.push_back(integration.id);
  }
  return ids;
}

}  // namespace tocsin
