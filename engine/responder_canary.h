// The canary's part of the outbox (model/canary.h): a row that is leased at once, and gone with its first result. It has no timer: each
// attempt is reported by its deadline, and a start takes it back.
#pragma once

#include <string>

#include "engine/responder_turn.h"

namespace tocsin {

// One that is still under way is given up.
void StartCanary(Turn& turn, const std::string& url, const std::string& key);
void HandleCanaryResult(Turn& turn, const AttemptResult& result);
// What a start finds of it.
void TakeBackCanary(Turn& turn);

}  // namespace tocsin
