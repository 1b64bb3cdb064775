// Alerts of the Opsgenie API: one command decides about them, and they follow our groups (model/opsgenie.h).
#pragma once

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

CommandResult ApplyToOpsgenieAlertBy(Turn& turn, const ApplyToOpsgenieAlert& command);

// The row that an identifier means; by alias the open one, else the one that was closed last. nullptr: there is none.
const OpsgenieAlert* FindOpsgenieAlert(const ResponderState& state, const OpsgenieIdentifier& identifier);

// Open rows in groups that this turn acknowledges, gives back or resolves are looked at next: arms their timers.
void FollowGroups(Turn& turn);
// Makes some of the rows in the group what it is; the timer goes on with the rest.
void FollowGroup(Turn& turn, GroupId id);
// Other routes may lead them to other groups: some of the open rows after `from`; the timer goes on with the rest.
void FollowRoutes(Turn& turn, OpsgenieAlertId from = {});

// Where the routes in force lead an alert with these labels.
std::vector<GroupKey> GroupsOf(const Turn& turn, const Labels& labels);
// An entry of its log.
void LogOf(OpsgenieAlert& row, absl::Time at, std::string_view owner, std::string_view text);

}  // namespace tocsin
