#include "api/rights.h"

#include <algorithm>

#include "model/codec/access_proto.h"

namespace tocsin {

bool Covers(const Caller& caller, const Organisation& organisation, const UserId& user) {
  if (caller.role < Role::kManager) return false;
  const Rights standing = RightsOf(organisation, user);
  const auto within = [&](const Rights::InTeam& each) {
    return each.role <= caller.role &&
           (caller.everywhere() || std::ranges::find(caller.teams, each.team) != caller.teams.end());
  };
  if (!std::ranges::all_of(standing.teams, within)) return false;
  if (caller.everywhere()) return standing.everywhere <= caller.role;
  return standing.everywhere == Role::kViewer && std::ranges::any_of(caller.teams, [&](const TeamId& id) {
           const Team* team = organisation.Find(id);
           return team != nullptr && std::ranges::find(team->members, user) != team->members.end();
         });
}

void ToProto(const Rights::InTeam& from, v1::WhoAmIResponse::TeamRole& to) {
  to.set_team(from.team.value());
  to.set_role(ToProto(from.role));
}

}  // namespace tocsin
