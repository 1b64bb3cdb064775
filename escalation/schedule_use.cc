#include "escalation/schedule_use.h"

#include <algorithm>
#include <vector>

namespace tocsin {
namespace {

bool Names(const Layer& layer, const std::set<ScheduleId>& schedules) {
  bool named = false;
  ForEachCrew(layer, [&](const std::vector<Target>& targets) {
    for (const Target& target : targets) {
      const auto* nested = std::get_if<ScheduleTarget>(&target);
      named |= nested != nullptr && schedules.contains(nested->schedule);
    }
  });
  return named;
}

bool GoesBy(const Organisation& organisation,
            const EscalationPolicy& policy,
            const std::set<ScheduleId>& schedules,
            std::set<PolicyId>& seen) {
  if (!seen.insert(policy.id).second) return false;
  const auto leads_there = [&](const Target& target) {
    if (const auto* named = std::get_if<ScheduleTarget>(&target)) return schedules.contains(named->schedule);
    const auto* other = std::get_if<PolicyTarget>(&target);
    const EscalationPolicy* next = other != nullptr ? organisation.Find(other->policy) : nullptr;
    return next != nullptr && GoesBy(organisation, *next, schedules, seen);
  };
  return std::ranges::any_of(policy.steps,
                             [&](const PolicyStep& step) { return std::ranges::any_of(step.targets, leads_there); });
}

}  // namespace

std::map<ScheduleId, PolicyId> SchedulesInUse(const Organisation& organisation) {
  std::map<ScheduleId, PolicyId> used;
  for (const EscalationPolicy& policy : organisation.policies) {
    std::set<ScheduleId> schedules;
    bool others = false;
    for (const PolicyStep& step : policy.steps) {
      for (const Target& target : step.targets) {
        const auto* schedule = std::get_if<ScheduleTarget>(&target);
        others |= schedule == nullptr;
        if (schedule != nullptr) schedules.insert(schedule->schedule);
      }
    }
    for (const ScheduleId& schedule : schedules) {
      PolicyId& alone = used[schedule];
      if (!others && schedules.size() == 1 && !alone.set()) alone = policy.id;
    }
  }
  return used;
}

bool IsInUse(const Organisation& organisation, const ScheduleId& schedule) {
  const auto names_it = [&](const Target& target) {
    const auto* named = std::get_if<ScheduleTarget>(&target);
    return named != nullptr && named->schedule == schedule;
  };
  return std::ranges::any_of(organisation.policies, [&](const EscalationPolicy& policy) {
    return std::ranges::any_of(policy.steps,
                               [&](const PolicyStep& step) { return std::ranges::any_of(step.targets, names_it); });
  });
}

std::set<ScheduleId> SchedulesThatGoBy(const Organisation& organisation, const ScheduleId& schedule) {
  std::set<ScheduleId> found = {schedule};
  for (std::size_t before = 0; before != found.size();) {  // ends: each round finds another one
    before = found.size();
    for (const Schedule& other : organisation.schedules) {
      if (found.contains(other.id)) continue;
      if (std::ranges::any_of(other.layers, [&](const Layer& layer) { return Names(layer, found); })) {
        found.insert(other.id);
      }
    }
  }
  return found;
}

bool GoesByAny(const Organisation& organisation,
               const EscalationPolicy& policy,
               const std::set<ScheduleId>& schedules) {
  std::set<PolicyId> seen;
  return GoesBy(organisation, policy, schedules, seen);
}

}  // namespace tocsin
