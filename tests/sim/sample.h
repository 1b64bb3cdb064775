// The organisation and the alerts of the simulated world.
#pragma once

#include "model/event.h"
#include "model/organisation.h"

namespace tocsin::sim {

// Two people, one policy of two steps, routes by service with short timings, one incident rule.
OrganisationPtr SampleOrganisationForSimulation();

// The event numbered `number` of alert `key`; the number is in an annotation.
AlertEvent SampleEvent(std::size_t key, bool firing, std::uint64_t number);

}  // namespace tocsin::sim
