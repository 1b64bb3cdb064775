// What is new about an open group and does not wait: a higher severity, a value of a chosen label that was not there before,
// alerts after nobody has answered, and the event that makes a threshold full.
#pragma once

#include "engine/responder_turn.h"

namespace tocsin {

// `live` differs from what was decided on last: notes it and acts. The group fires, is not suppressed and not resolved.
void ReviewNews(Turn& turn, GroupId id, const LiveGroup& live);

// A group that opens: what is known of it from now on, and whether it is below its route's threshold.
void BeginCounting(Turn& turn, Group& group, const LiveGroup& live);
// A group that is below its threshold counts the events that have come; true while it stays there.
bool StaysBelowThreshold(Turn& turn, GroupId id, const LiveGroup& live);
// "3 of 5 events within 10m (route disks)".
std::string DescribeThreshold(const Turn& turn, const Group& group);

}  // namespace tocsin
