// The organisation and the alerts of the simulated world.
#pragma once

#include "engine/responder_state.h"
#include "model/event.h"
#include "model/organisation.h"
#include "model/report.h"
#include "model/response.h"

namespace tocsin::sim {

// Two people, one policy of two steps, routes by service with short timings, one incident rule.
OrganisationPtr SampleOrganisationForSimulation();

// The event numbered `number` of alert `key`; the number is in an annotation.
AlertEvent SampleEvent(std::size_t key, bool firing, std::uint64_t number);
// The number of the event that an alert was last told by; 0: none.
std::uint64_t NumberOfSample(const AlertSummary& summary);

// What a message tells, and by which message it would have been told alone: several things when it is a bundle.
std::vector<BundleMember> ToldBy(const Notification& notification);
// Of these, what somebody is paged for: a bundle may tell of recoveries, too.
std::vector<Subject> PagedBy(const Notification& notification, const ResponderState& state);

}  // namespace tocsin::sim
