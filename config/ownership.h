// What of an organisation belongs to a team, so that a team's managers can change that and nothing else.
//
// A team owns itself, its schedules, its policies, the people who are in no other team, and of the routes that lead to its
// policies everything but what brings alerts there. Which alerts a service takes decides whose they are, so it is nobody's to
// change alone; nor is what concerns everybody: integrations, receivers, incident rules, how messages leave.
#pragma once

#include <span>
#include <vector>

#include "config/diff.h"
#include "model/organisation.h"

namespace tocsin {

// What differs between the two that does not belong to `teams`. Who owns a thing is asked of `before` where it is there.
std::vector<Difference> ForeignDifferences(const Organisation& before,
                                           const Organisation& after,
                                           std::span<const TeamId> teams);

// The people whose role in everything is another one, or would be: "users[ann].role". Whoever may change the organisation may still
// give, and take, no more than they have themselves.
struct RoleChange {
  UserId user;
  Role higher = Role::kViewer;  // of the role before and the role after
};
std::vector<RoleChange> RoleChanges(const Organisation& before, const Organisation& after);

}  // namespace tocsin
