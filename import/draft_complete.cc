// What a draft lacks when all was read: whatever was left out is made whole, and what could not be evaluated is left out.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/strings.h"
#include "config/assumed.h"
#include "config/reach.h"
#include "config/text.h"
#include "escalation/schedule_check.h"
#include "import/draft.h"

namespace tocsin::import {

// A layer that the evaluator refuses is left out; the others of its schedule stay.
void Draft::DropLayers(Schedule& schedule, Organisation& without_layers) {
  if (schedule.layers.size() > limits::kLayersPerSchedule) return;  // that is told
  std::vector<Layer> kept;
  Schedule& alone = *std::ranges::find(without_layers.schedules, schedule.id, &Schedule::id);
  const Schedule bare = std::exchange(alone, {});
  for (Layer& layer : schedule.layers) {
    alone = bare;
    alone.time_zone = schedule.time_zone;
    alone.layers = {layer};
    const std::vector<std::string> problems = FindScheduleProblems(without_layers);
    if (problems.empty()) {
      kept.push_back(std::move(layer));
      continue;
    }
    report_.Lose(Grade::kWho, absl::StrFormat("schedule %s", JsonQuote(schedule.id.value())), problems.front(),
                 "the layer is left out");
    std::erase_if(schedule.overrides, [&](const tocsin::Override& change) {
      return change.layers.size() == 1 && change.layers.front() == layer.id;
    });
    for (tocsin::Override& change : schedule.overrides)
      std::erase(change.layers, layer.id);
  }
  alone = bare;
  schedule.layers = std::move(kept);
  for (std::size_t i = 0; i < schedule.overrides.size(); ++i)
    schedule.overrides[i].seq = i + 1;
}

void Draft::CompleteSchedules() {
  Organisation whole = organisation_;
  whole.users.insert(whole.users.end(), options_.present.users.begin(), options_.present.users.end());
  const std::vector<std::string> found = FindScheduleProblems(whole);
  if (found.empty()) return;
  Organisation without_layers = whole;
  for (Schedule& schedule : without_layers.schedules) {
    Schedule bare;
    bare.id = schedule.id;
    bare.time_zone = "UTC";
    schedule = std::move(bare);
  }
  // Each layer of those that were found fault with is looked at by itself.
  constexpr std::size_t kMended = 50;
  std::size_t mended = 0;
  for (Schedule& schedule : organisation_.schedules) {
    const std::string name = absl::StrFormat("schedule %s:", JsonQuote(schedule.id.value()));
    const auto of_it = [&](const std::string& problem) { return problem.starts_with(name); };
    if (std::ranges::none_of(found, of_it)) continue;
    if (++mended > kMended) break;  // what remains is a problem
    DropLayers(schedule, without_layers);
  }
  whole.schedules = organisation_.schedules;
  for (const std::string& problem : FindScheduleProblems(whole))
    report_.Problem("the export", problem);
}

void Draft::CompleteUsers() {
  for (User& user : organisation_.users) {
    if (user.contact_methods.empty()) {
      const auto email = emails_.find(user.id);
      const bool usable = email != emails_.end() && CheckEmailAddress(email->second).ok();
      const auto kind = usable ? ContactMethod::Kind::kEmail : ContactMethod::Kind::kTerminal;
      user.contact_methods.push_back(
          {ContactMethodId(tocsin::Name(kind)), kind, usable ? email->second : user.id.value(), "", {}});
      report_.Lose(Grade::kHow, objects_[user.id], "how this person is reached is not in the export",
                   usable ? "by e-mail" : "pages are printed by the server: give the person a contact method");
    }
    if (!user.notification_rules.empty()) continue;
    for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow})
      user.notification_rules.push_back({urgency, absl::ZeroDuration(), user.contact_methods.front().id});
  }
}

void Draft::CompleteFallback() {
  if (options_.present.fallback_user.set()) {
    organisation_.fallback_user = options_.present.fallback_user;
    return;
  }
  if (organisation_.users.empty()) {
    User operator_user;
    operator_user.id = UserId(users_.Claim("operator"));
    operator_user.name = "Operator";
    operator_user.time_zone = "UTC";
    operator_user.contact_methods.push_back(
        {ContactMethodId("terminal"), ContactMethod::Kind::kTerminal, "operator", "", {}});
    operator_user.notification_rules = {
        {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("terminal")},
        {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("terminal")}
    };
    organisation_.users.push_back(operator_user);
  }
  const auto reachable = [](const User& user) {
    return std::ranges::any_of(user.notification_rules,
                               [](const auto& rule) { return rule.urgency == Urgency::kHigh; });
  };
  auto chosen = std::ranges::find_if(organisation_.users, reachable);
  if (chosen == organisation_.users.end()) {
    chosen = organisation_.users.begin();
    chosen->notification_rules.push_back({Urgency::kHigh, absl::ZeroDuration(), chosen->contact_methods.front().id});
  }
  organisation_.fallback_user = chosen->id;
  report_.Lose(Grade::kCosmetic, "the organisation", "who is paged when nobody else can be: no source says it",
               absl::StrFormat("fallback_user is %s: choose", JsonQuote(chosen->id.value())));
}

// Whatever a policy's people are, somebody is reached: what would be refused when it is applied is mended here, and told.
void Draft::CompletePolicies() {
  Organisation whole = organisation_;
  whole.users.insert(whole.users.end(), options_.present.users.begin(), options_.present.users.end());
  const bool leads_somewhere = organisation_.route.policy.set() || organisation_.route.receiver.set();
  if (organisation_.policies.empty() && !leads_somewhere && !IsBesideARoute()) {
    EscalationPolicy policy;
    policy.id = PolicyId(policies.Claim("imported"));
    policy.name = "Imported";
    Target target = UserTarget{organisation_.fallback_user};
    if (!organisation_.schedules.empty()) target = ScheduleTarget{organisation_.schedules.front().id};
    policy.steps.push_back({absl::Minutes(5), {target}});
    organisation_.policies.push_back(std::move(policy));
    whole.policies = organisation_.policies;
  }
  Reach reach(whole);
  for (EscalationPolicy& policy : organisation_.policies) {
    if (reach.Reaches(policy, Urgency::kHigh)) continue;
    policy.steps.push_back({absl::ZeroDuration(), {UserTarget{organisation_.fallback_user}}});
    report_.Lose(Grade::kWho, absl::StrFormat("policy %s", JsonQuote(policy.id.value())), "it reaches nobody",
                 absl::StrFormat("%s is paged by it", JsonQuote(organisation_.fallback_user.value())));
  }
}

// Only one tree can be declared: where it is beside this, schedules alone need no other.
bool Draft::IsBesideARoute() const {
  return options_.present.route.policy.set() || options_.present.route.receiver.set();
}

void Draft::CompleteRoute() {
  Organisation whole = organisation_;
  whole.users.insert(whole.users.end(), options_.present.users.begin(), options_.present.users.end());
  Reach reach(whole);
  Route& root = organisation_.route;
  if (IsBesideARoute() && root.children.empty() && !root.policy.set() && !root.receiver.set()) {
    root = AssumedRoute();  // says nothing, and is not written
    root.id = RouteId("root");
    return;
  }
  if (!root.policy.set() && !root.receiver.set() && organisation_.policies.empty()) {
    root.policy = options_.present.route.policy;
    root.receiver = options_.present.route.receiver;
  }
  if (!root.policy.set() && !root.receiver.set()) {
    root.policy = organisation_.policies.front().id;
    report_.Lose(Grade::kHow, "the route", "where alerts go that belong to no service",
                 absl::StrFormat("to policy %s: choose", JsonQuote(root.policy.value())));
  }
  const auto mend = [&](const auto& self, Route& route) -> void {
    if (!route.policy.set() && !route.receiver.set()) route.policy = root.policy;  // it is muted for good
    const EscalationPolicy* policy = whole.Find(route.policy);
    if (policy != nullptr && route.urgency != Urgency::kHigh && !reach.Reaches(*policy, Urgency::kLow)) {
      route.urgency = Urgency::kHigh;
      report_.Lose(Grade::kHow, absl::StrFormat("route %s", JsonQuote(route.id.value())),
                   absl::StrFormat("policy %s reaches nobody at low urgency", JsonQuote(route.policy.value())),
                   "all of its alerts are of high urgency");
    }
    for (Route& child : route.children)
      self(self, child);
  };
  mend(mend, root);
}

}  // namespace tocsin::import
