// Merging and splitting groups by hand: some groups become parts of another one, which is handled for all of them.
//
// The whole's state wins. Its counts, severity and end are those of all its parts together; acknowledging or resolving it
// covers them. A part has no escalation, timers or messages of its own; whoever was told of it is told of the end of the
// whole. Split off, it is a group of its own again and begins with its policy's first step.
#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "engine/responder_turn.h"

namespace tocsin {

absl::Status MergeGroupsBy(Turn& turn, const MergeGroups& command);
absl::Status SplitGroupBy(Turn& turn, const SplitGroup& command);

// What a person and the auditor do: a part, whose whole may be gone, is a group of its own.
void SplitOff(Turn& turn, GroupId part, std::string_view why);

}  // namespace tocsin
