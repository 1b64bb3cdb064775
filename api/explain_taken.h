// What became of alerts that have just been taken in, for a sender who asked.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/methods.h"
#include "model/event.h"

namespace tocsin {

// A JSON object each, in order: its key, the routes and groups that it went to, what holds it back, and the same in a sentence.
// Told from the tables as they are now: a group that is being made has no number yet. Blocks: call it on a worker.
std::vector<std::string> ExplainTaken(Api& api, std::span<const AlertKey> keys);

}  // namespace tocsin
