// What became of alerts that have just been taken in, for a sender who asked.
#pragma once

#include <span>
#include <vector>

#include "api/methods.h"
#include "ingest/taken.h"

namespace tocsin {

// In order. Told from the tables as they are now: a group that is being made has no number yet. Blocks: call it on a worker.
std::vector<TakenAlert> ExplainTaken(Api& api, std::span<const AlertKey> keys);

}  // namespace tocsin
