// Why somebody is meant, in words for people (escalation/roster.h, Person::reason).
#pragma once

#include <cstdint>
#include <string>

#include "escalation/compiled_schedule.h"
#include "escalation/people.h"

namespace tocsin {

// `cause` is a position in `causes`, or -1: named directly.
std::string Reason(const CompiledOrganisation& organisation, const Causes& causes, std::int32_t cause);

}  // namespace tocsin
