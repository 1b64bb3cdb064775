#include "config/ownership.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

// Asks who owns what, of an organisation as it was.
class Owner {
 public:
  Owner(const Organisation& before, std::span<const TeamId> teams) : before_(before), teams_(teams) {}

  bool Owns(const TeamId& team) const { return std::ranges::find(teams_, team) != teams_.end(); }

  // A schedule, policy or service.
  template <typename T>
  bool OwnsByTeam(const T& thing) const {
    const T* was = before_.Find(thing.id);
    return Owns((was != nullptr ? *was : thing).team);
  }

  // In one of the teams, and in no other.
  bool Owns(const User& user, const Organisation& now) const {
    const Organisation& organisation = before_.Find(user.id) != nullptr ? before_ : now;
    bool in_one = false;
    for (const Team& team : organisation.teams) {
      if (std::ranges::find(team.members, user.id) == team.members.end()) continue;
      if (!Owns(team.id)) return false;
      in_one = true;
    }
    return in_one;
  }

  bool Owns(const Route& route) const {
    const Route* was = before_.Find(route.id);
    const EscalationPolicy* policy = was != nullptr ? before_.Find(was->policy) : nullptr;
    return policy != nullptr && Owns(policy->team);
  }

 private:
  const Organisation& before_;
  std::span<const TeamId> teams_;
};

void LeaveOut(Route& route, const Owner& owner) {
  if (owner.Owns(route)) {
    Route door;
    door.id = route.id;
    door.matchers = std::move(route.matchers);
    door.continue_matching = route.continue_matching;
    route = std::move(door);
    return;
  }
  for (Route& child : route.children)
    LeaveOut(child, owner);
}

Organisation WithoutOwned(const Organisation& organisation, const Owner& owner) {
  Organisation rest = organisation;
  std::erase_if(rest.users, [&](const User& user) { return owner.Owns(user, organisation); });
  std::erase_if(rest.teams, [&](const Team& team) { return owner.Owns(team.id); });
  std::erase_if(rest.schedules, [&](const Schedule& schedule) { return owner.OwnsByTeam(schedule); });
  std::erase_if(rest.policies, [&](const EscalationPolicy& policy) { return owner.OwnsByTeam(policy); });
  for (Service& service : rest.services) {
    if (!owner.OwnsByTeam(service)) continue;
    Service door;
    door.id = service.id;
    door.matchers = std::move(service.matchers);
    service = std::move(door);
  }
  LeaveOut(rest.route, owner);
  return rest;
}

}  // namespace

std::vector<Difference> ForeignDifferences(const Organisation& before,
                                           const Organisation& after,
                                           std::span<const TeamId> teams) {
  const Owner owner(before, teams);
  return Differences(WithoutOwned(before, owner), WithoutOwned(after, owner));
}

std::vector<RoleChange> RoleChanges(const Organisation& before, const Organisation& after) {
  const auto role_in = [](const Organisation& organisation, const UserId& id) {
    const User* user = organisation.Find(id);
    return user == nullptr ? Role::kViewer : user->role.value_or(Role::kViewer);
  };
  std::vector<RoleChange> changes;
  for (const User& user : after.users) {
    const Role was = role_in(before, user.id);
    const Role is = user.role.value_or(Role::kViewer);
    if (was != is) changes.push_back({user.id, std::max(was, is)});
  }
  for (const User& user : before.users) {
    const Role was = user.role.value_or(Role::kViewer);
    if (was > Role::kViewer && after.Find(user.id) == nullptr) changes.push_back({user.id, was});
  }
  return changes;
}

}  // namespace tocsin
