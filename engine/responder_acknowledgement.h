// Who owns a group, and for how long: acknowledged, snoozed, given back.
//
// An acknowledgement ends with its group, by its owner or anybody else taking it back, when its time-out or the snooze is
// over (the longer of the two: whoever snoozes does not want to be woken by the shorter), or when a higher severity comes.
// Then the escalation goes on: with the step that was executed last, for the people of that moment and the former owner,
// or from the first one, as the route says.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/responder_turn.h"

namespace tocsin {

// By a person or by the group's alerts all being acknowledged at their source.
void Acknowledge(Turn& turn, Group& group, std::string_view by);
// Back to open; the escalation goes on.
void Unacknowledge(Turn& turn, Group& group, std::string_view why);
// Alerts may be acknowledged where they come from: when all are, so is the group, and only as long as all are.
void ReviewSourceAcknowledgement(Turn& turn, GroupId id, const LiveGroup& live);

// Its timer: the time-out or the snooze is over.
void AcknowledgementRanOut(Turn& turn, GroupId id);

absl::Status AcknowledgeGroupBy(Turn& turn, const AcknowledgeGroup& command);
absl::Status SnoozeGroupBy(Turn& turn, const SnoozeGroup& command);
absl::Status UnacknowledgeGroupBy(Turn& turn, const UnacknowledgeGroup& command);

// ", until 2024-01-01 14:00 UTC", for a sentence about an acknowledgement; empty when it does not end by itself.
std::string DescribeEnd(const Group& group);

}  // namespace tocsin
