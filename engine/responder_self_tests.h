// Self-tests: messages that ask people whether a contact method reaches them (model/self_tests.h). They are sent in the person's
// daytime, few at a time however many are due, one method of a person after the other, and in the last lane.
//
// A timer walks over all people, some in each look; its subject is the number of the one with whom it goes on.
#pragma once

#include <cstdint>

#include "engine/responder_turn.h"

namespace tocsin {

// Arms the timers as the organisation asks for, or takes them away. `again`: it was applied just now, so methods may be new.
void KeepSelfTests(Turn& turn, bool again);
// Its timer: looks at some people, beginning with the number `first`.
void RunSelfTests(Turn& turn, std::uint64_t first);
// Its timer, once a day: tells the managers of people's teams, else the fallback user, whose methods may not reach them.
void ReportReach(Turn& turn);

}  // namespace tocsin
