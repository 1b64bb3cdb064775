#include "config/reach.h"

#include <algorithm>

namespace tocsin {

bool Reach::Reaches(const UserId& id, Urgency urgency) const {
  const User* user = users_.Find(organisation_.users, id);
  if (user == nullptr) return false;
  return std::ranges::any_of(user->notification_rules, [&](const NotificationRule& rule) {
    return rule.urgency == urgency &&
           std::ranges::find(user->contact_methods, rule.method, &ContactMethod::id) != user->contact_methods.end();
  });
}

bool Reach::Reaches(std::span<const Target> targets, Urgency urgency) {
  return std::ranges::any_of(targets, [&](const Target& target) { return ReachesTarget(target, urgency); });
}

bool Reach::Reaches(const EscalationPolicy& policy, Urgency urgency) {
  return std::ranges::any_of(policy.steps, [&](const PolicyStep& step) { return Reaches(step.targets, urgency); });
}

bool Reach::ReachesTarget(const Target& target, Urgency urgency) {
  if (const auto* user = std::get_if<UserTarget>(&target)) return Reaches(user->user, urgency);
  if (const auto* team = std::get_if<TeamTarget>(&target)) return ReachesTeam(team->team, urgency);
  if (const auto* policy = std::get_if<PolicyTarget>(&target)) {
    const EscalationPolicy* inner = policies_.Find(organisation_.policies, policy->policy);
    const bool enters = inner != nullptr && entered_.insert(policy->policy).second;
    if (!enters) return false;
    const bool reaches = Reaches(*inner, urgency);
    entered_.erase(policy->policy);
    return reaches;
  }
  return ReachesSchedule(std::get<ScheduleTarget>(target).schedule, urgency);
}

bool Reach::ReachesTeam(const TeamId& id, Urgency urgency) const {
  const Team* team = organisation_.Find(id);
  return team != nullptr &&
         std::ranges::any_of(team->members, [&](const UserId& member) { return Reaches(member, urgency); });
}

bool Reach::ReachesSchedule(const ScheduleId& id, Urgency urgency) {
  const auto [known, is_new] = known_.try_emplace({id, urgency}, false);
  if (!is_new) return known->second;
  const Schedule* schedule = organisation_.Find(id);
  const bool reaches = schedule != nullptr && Search(*schedule, urgency);
  known_[{id, urgency}] = reaches;
  return reaches;
}

bool Reach::Search(const Schedule& schedule, Urgency urgency) {
  for (const Layer& layer : schedule.layers) {
    bool reaches = false;
    ForEachCrew(layer, [&](const std::vector<Target>& crew) { reaches = reaches || Reaches(crew, urgency); });
    if (reaches) return true;
  }
  for (const Override& change : schedule.overrides) {
    if (change.type != Override::Type::kRemove && Reaches(change.users, urgency)) return true;
    if (change.to_user.set() && Reaches(change.to_user, urgency)) return true;
  }
  for (const TemporarySchedule& temporary : schedule.temporary_schedules) {
    for (const FixedShift& shift : temporary.shifts) {
      if (Reaches(shift.members, urgency)) return true;
    }
  }
  return false;
}

}  // namespace tocsin
