// One step of an escalation: what it waits for, who is behind it, and telling them.
//
// The people are resolved at the instant at which the step is executed. A person who is being paged for the subject
// already is not paged again in the same pass; a step that asks more loudly adds methods to the page that there is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/responder_turn.h"
#include "escalation/policy.h"

namespace tocsin {

std::int32_t StepCount(const Escalation& row);
// The fact is about the escalation's subject.
void NoteAbout(Turn& turn, TimelineEntry::Kind kind, const Escalation& row, std::string text);
// "alice (schedule db: layer weekly, turn 3), bob (named directly)"
std::string Names(const std::vector<Person>& people);

// "step 2 of 3 at 10:05 UTC unless somebody acknowledges"; empty when nothing comes next.
std::string DescribeNext(const Escalation& escalation, const Now& now);

// The page of `user` by which the person is being reached, or has been, as far as the present pass is concerned.
const Page* ReachedPage(const Turn& turn, const Escalation& row, const UserId& user);
// In one pass, by the step `from.step` or a later one.
bool AnybodyReached(const Turn& turn, const Escalation& row, PolicyPosition from);

// Pages them all, in the name of the step at `at`; its end stands for the fallback.
void PagePeople(Turn& turn, const Escalation& row, const std::vector<Person>& people, PolicyPosition at);

// Executes next_step, and goes past it. `also`: people who are paged whoever is behind it. Returns how long to wait for the
// one after it.
absl::Duration ExecuteStep(Turn& turn, Escalation& row, const std::vector<UserId>& also);

// The policy's owners or the fallback user, as far as they have not been tried in this pass. False: there is nobody left.
bool PageFallback(Turn& turn, Escalation& row, std::int32_t pass);

// Of a step that pages one person: the next one, as this one cannot be reached. False: there is nobody left.
bool PageAnother(Turn& turn, Escalation& row, PolicyPosition at);

// The people of the step that was executed last may have changed: whoever is new is paged, too.
void FollowHandoff(Turn& turn, EscalationId id);
// The same, where it is being looked for: schedules may have been changed.
void FollowAgain(Turn& turn, EscalationId id);
void StopFollowing(Turn& turn, EscalationId id);

// Whose turn it was at steps that there are not any more is forgotten: `organisation` is the one that holds from now on.
void ForgetRounds(Turn& turn, const Organisation& organisation);

}  // namespace tocsin
