#include "model/access.h"

#include <algorithm>
#include <tuple>

namespace tocsin {
std::map<UserId, Rights> AllRights(const Organisation& organisation) {
  std::map<UserId, Rights> rights;
  for (const User& user : organisation.users) {
    if (user.role.value_or(Role::kViewer) > Role::kViewer) rights[user.id].everywhere = *user.role;
  }
  for (const Team& team : organisation.teams) {
    std::map<UserId, Role> roles;
    for (const UserId& member : team.members)
      roles[member] = Role::kResponder;
    for (const UserId& viewer : team.viewers)
      roles[viewer] = Role::kViewer;
    for (const UserId& manager : team.managers)
      roles[manager] = Role::kManager;
    for (const auto& [user, role] : roles) {
      if (role == Role::kViewer) continue;
      Rights& of_user = rights[user];
      if (role > of_user.everywhere) of_user.teams.push_back({team.id, role});
    }
  }
  return rights;
}

Rights RightsOf(const Organisation& organisation, const UserId& user) {
  const std::map<UserId, Rights> all = AllRights(organisation);
  const auto found = all.find(user);
  return found == all.end() ? Rights() : found->second;
}

Rights Union(const Rights& a, const Rights& b) {
  Rights rights;
  rights.everywhere = std::max(a.everywhere, b.everywhere);
  std::map<TeamId, Role> teams;
  for (const std::vector<Rights::InTeam>* each : {&a.teams, &b.teams}) {
    for (const Rights::InTeam& in : *each) {
      Role& role = teams.try_emplace(in.team, in.role).first->second;
      role = std::max(role, in.role);
    }
  }
  for (const auto& [team, role] : teams) {
    if (role > rights.everywhere) rights.teams.push_back({team, role});
  }
  return rights;
}

std::string AccessToken::Actor() const {
  return user.set() ? "user:" + user.value() : "token:" + name;
}

bool operator==(const ConfigurationVersion& a, const ConfigurationVersion& b) {
  const bool same_content =
      a.organisation == b.organisation || (a.organisation && b.organisation && *a.organisation == *b.organisation);
  return same_content &&
         std::tie(a.id, a.at, a.author, a.reason, a.repeats) == std::tie(b.id, b.at, b.author, b.reason, b.repeats);
}

}  // namespace tocsin
