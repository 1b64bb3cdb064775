// Notices: what people are told about schedules, one message each, by a method that low urgency would use. There is nothing in
// them to be acknowledged, and nobody else is asked when one does not arrive.
#pragma once

#include <string_view>
#include <vector>

#include "engine/responder_turn.h"
#include "escalation/schedule_effect.h"

namespace tocsin {

// Methods in the order in which a notice tries them: as the person's rules for low urgency have it, then the others, calls last.
std::vector<ContactMethod> InOrderOfNotices(const User& user);

// Who answers for a schedule: the team that owns it or, where none of its members can be reached, the fallback user.
std::vector<UserId> OwnersOf(const Turn& turn, const Schedule& schedule);

// To the owners. `gaps`: at least one, ascending; one that has no end in sight ends in the infinite future.
void TellOfGaps(Turn& turn, const Schedule& schedule, const std::vector<Stint>& gaps);

struct HandoffNotice {
  enum class What : std::uint8_t {
    kAhead,  // comes on call at `at`
    kBegins,
    kEnds
  };
  What what = What::kBegins;
  UserId user;
  absl::Time at;
};
// With what is open on the policies that page the schedule.
void TellOfHandoff(Turn& turn, const Schedule& schedule, const HandoffNotice& notice);

// What the actor of this turn has changed, to those whom it puts on call, takes off or asks; never to the actor.
// `before`: the change as it was; nullptr when it is new.
void TellOfChange(Turn& turn, const ScheduleChange* before, const ScheduleChange& after, const ScheduleEffect& effect);

}  // namespace tocsin
