// Escalations: runs of a policy for a group or an incident. The steps' arithmetic is escalation/policy.h; here they are
// executed: people resolved at that instant, paged once in a pass, timers armed, and every move written down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/responder_turn.h"
#include "escalation/policy.h"

namespace tocsin {

struct EscalationStart {
  Subject subject;
  EscalationPolicy policy;  // pinned from here on
  Urgency urgency = Urgency::kHigh;
  std::string why;
  PolicyPosition from;
  std::vector<UserId> also;  // paged with the first step that is executed
};

// The organisation's policy; when it is gone, one that pages the fallback user: nobody is forgotten for a missing name.
EscalationPolicy PolicyFor(const Turn& turn, const PolicyId& id);

// The running or last escalation of a subject; nullptr without one.
const Escalation* EscalationOf(const Turn& turn, const Subject& subject);

// Executes the step at `from` in the same turn.
void StartEscalation(Turn& turn, EscalationStart start);
// Where an interrupted run would go on: the step that was executed last, in the same pass.
PolicyPosition ResumePosition(const Escalation& stopped);

// The step that is next, now, and those after it that do not wait.
void RunNextStep(Turn& turn, EscalationId id, std::string_view why);

// Stops the run and cancels all pages about `subject`. Harmless without a run.
void StopEscalation(Turn& turn, const Subject& subject, std::string_view reason);

// A person of whom all methods failed: when nobody else of the step, or of a later one, is being reached, the next step
// runs now.
void PersonUnreachable(Turn& turn, const Page& page);

// "step 2 of 3 at 10:05 UTC unless somebody acknowledges"; empty when nothing comes next.
std::string DescribeNext(const Escalation& escalation, const Now& now);

}  // namespace tocsin
