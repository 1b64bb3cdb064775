// Escalations: runs of a policy for a group or an incident. The steps' arithmetic is escalation/policy.h, a single step's
// execution engine/responder_steps.h; here one step follows the other, and every move is written down.
//
//   running ──┬─ a step's delay is over ─▶ the next step; it may wait for its hours, the next shift, or more alerts
//             ├─ acknowledged ─▶ stopped, or goes on with the steps that run until it is resolved
//             ├─ low urgency, or given to certain people ─▶ stays with the first step that reaches somebody
//             └─ no step and no pass is left ─▶ exhausted
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
  bool stays = false;        // nobody follows by itself once somebody is reached
  bool answered = false;     // goes on with the steps that run until it is resolved
};

// The organisation's policy; when it is gone, one that pages the fallback user: nobody is forgotten for a missing name.
EscalationPolicy PolicyFor(const Turn& turn, const PolicyId& id);

// The running or last escalation of a subject; nullptr without one.
const Escalation* EscalationOf(const Turn& turn, const Subject& subject);

// Executes the step at `from` in the same turn.
void StartEscalation(Turn& turn, EscalationStart start);
// Where an interrupted run would go on: the step that was executed last, in the same pass.
PolicyPosition ResumePosition(const Escalation& stopped);

// The step that is next, now, and those after it that do not wait. `at_once`: whatever it would wait for besides its time.
void RunNextStep(Turn& turn, EscalationId id, std::string_view why, bool at_once);
// Its timers: a step's time has come, or the hours, or the handoff, that it waited for.
void StepIsDue(Turn& turn, EscalationId id);
void StepHoursCame(Turn& turn, EscalationId id);
// Its subject has become urgent: the pages become louder, and what low urgency kept back goes on.
void RaiseEscalation(Turn& turn, EscalationId id);
// More alerts have come, or another organisation: whatever the run and its pages wait for may be here, or come at another
// time.
void ReviewWaits(Turn& turn, EscalationId id);

// Somebody has acknowledged: the run stops, or only its steps for nobody-has-answered do; pages end as they say.
void AnswerEscalation(Turn& turn, const Subject& subject, std::string_view by);
// Nothing holds back any more what somebody has acknowledged: the steps that run until it is resolved go on.
void GoOnAnswered(Turn& turn, const Subject& subject, std::string_view why);

// Somebody acknowledges what another one has acknowledged: ends a page that waits for the person's own word.
void AnswerToo(Turn& turn, const Subject& subject);
// Stops the run and cancels all pages about `subject`; without `besides` not those of people who were asked besides, who
// answer for themselves. Harmless without a run.
void StopEscalation(Turn& turn, const Subject& subject, std::string_view reason, bool besides = true);

// A person of whom all methods failed: when nobody else of the step, or of a later one, is being reached, the next step
// runs now.
void PersonUnreachable(Turn& turn, const Page& page);

}  // namespace tocsin
