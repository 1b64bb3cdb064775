// What belongs to whom: a caller who acts for some teams only may change what is theirs, and what is nobody's.
//
// A group or incident belongs to the team of its service and to that of the policy by which it pages; whoever is paged for it
// may act on it, too. The methods table (api/methods.cc) names the function that judges a request.
#pragma once

#include <vector>

#include "absl/status/status.h"

#include "api/methods.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

absl::Status ScopeOfGroup(Api& api, const Caller& caller, const v1::GroupCommand& request);
absl::Status ScopeOfReroute(Api& api, const Caller& caller, const v1::RerouteGroupRequest& request);
// A group of theirs, to anybody; besides, about an incident, people of theirs.
absl::Status ScopeOfReassignment(Api& api, const Caller& caller, const v1::ReassignGroupRequest& request);
absl::Status ScopeOfResponders(Api& api, const Caller& caller, const v1::AddRespondersRequest& request);
absl::Status ScopeOfSnooze(Api& api, const Caller& caller, const v1::SnoozeGroupRequest& request);
// Of each that is merged, and of what they are merged into.
absl::Status ScopeOfMerge(Api& api, const Caller& caller, const v1::MergeGroupsRequest& request);
// Of all that it names.
absl::Status ScopeOfBundle(Api& api, const Caller& caller, const v1::AcknowledgeBundleRequest& request);
absl::Status ScopeOfIncident(Api& api, const Caller& caller, const v1::IncidentCommand& request);
absl::Status ScopeOfNewIncident(Api& api, const Caller& caller, const v1::OpenIncidentRequest& request);
absl::Status ScopeOfNote(Api& api, const Caller& caller, const v1::AddNoteRequest& request);
// A silence is a team's when its matchers let through nothing but what a service of the team takes.
absl::Status ScopeOfSilence(Api& api, const Caller& caller, const v1::CreateSilenceRequest& request);
absl::Status ScopeOfExpiry(Api& api, const Caller& caller, const v1::ExpireSilenceRequest& request);
absl::Status ScopeOfMaintenance(Api& api, const Caller& caller, const v1::CreateMaintenanceRequest& request);
absl::Status ScopeOfEnd(Api& api, const Caller& caller, const v1::EndMaintenanceRequest& request);
// Themselves, and the members of their teams.
absl::Status ScopeOfOverride(Api& api, const Caller& caller, const v1::OverrideScheduleRequest& request);
absl::Status ScopeOfEndOverride(Api& api, const Caller& caller, const v1::EndOverrideRequest& request);
absl::Status ScopeOfTakeShift(Api& api, const Caller& caller, const v1::TakeShiftRequest& request);
// Whoever acts for himself needs nobody's schedule: the responder says whether he may take part.
absl::Status ScopeOfRequestSwap(Api& api, const Caller& caller, const v1::RequestSwapRequest& request);
absl::Status ScopeOfSwap(Api& api, const Caller& caller, const v1::SwapRequest& request);
// The request itself, or an offer to take it.
absl::Status ScopeOfSwapOfOwn(Api& api, const Caller& caller, const v1::SwapRequest& request);
// A change of a service, a signal of a heartbeat: its team's; nobody's when it names none.
absl::Status ScopeOfChange(Api& api, const Caller& caller, const v1::RecordChangeRequest& request);
absl::Status ScopeOfPing(Api& api, const Caller& caller, const v1::PingHeartbeatRequest& request);
absl::Status ScopeOfTestPage(Api& api, const Caller& caller, const v1::TestPageRequest& request);

}  // namespace tocsin
