#include "engine/responder_escalations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_episode.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_steps.h"
#include "engine/responder_waits.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;
using Wait = Escalation::Wait;

// A step that comes later than this was kept from coming, by a downtime or by a jump of the clock.
constexpr absl::Duration kStall = absl::Seconds(30);
// A step that is so late is of another day: whoever was to be paged next then is not asked before those who are first now.
constexpr absl::Duration kTooOld = absl::Hours(24);

TimerKey StepTimer(EscalationId id) {
  return {Timer::Kind::kEscalationStep, id.value()};
}
TimerKey HoursTimer(EscalationId id) {
  return {Timer::Kind::kStepHours, id.value()};
}

void SetEscalationOf(Turn& turn, const Subject& subject, EscalationId id) {
  if (subject.kind == SubjectKind::kGroup) turn.Edit<Group>(GroupId(subject.id)).escalation = id;
  if (subject.kind == SubjectKind::kIncident) turn.Edit<Incident>(IncidentId(subject.id)).escalation = id;
}

void NextGeneration(Escalation& row) {
  row.generation = Generation(row.generation.value() + 1);
}

void ArmStep(Turn& turn, Escalation& row, absl::Duration wait) {
  NextGeneration(row);
  row.wait = Wait::kTime;
  row.next_at = turn.now().engine + wait;
  turn.Disarm(HoursTimer(row.id));
  turn.Arm(StepTimer(row.id), row.next_at, row.generation);
}

// Without a timer of engine time, for one of wall time, for more alerts, or for nothing.
void Hold(Turn& turn, Escalation& row, Wait wait, EngineTime expected) {
  NextGeneration(row);
  row.wait = wait;
  row.next_at = expected;
  turn.Disarm(StepTimer(row.id));
  if (wait != Wait::kHours) turn.Disarm(HoursTimer(row.id));
}

void End(Turn& turn, Escalation& row, Escalation::State state) {
  row.state = state;
  Hold(turn, row, Wait::kTime, EngineTime::Infinite());
}

// True when the next step is not to be executed now.
bool Waits(Turn& turn, Escalation& row, bool shift_came) {
  for (;;) {
    if (row.next_step >= StepCount(row)) return false;
    const bool passed_over = row.answered && row.policy.steps[static_cast<std::size_t>(row.next_step)].unless ==
                                                 PolicyStep::Unless::kAcknowledged;
    const std::optional<StepWait> wait = passed_over ? std::nullopt : WaitOf(turn, row, shift_came);
    if (!wait) return false;
    const std::string what =
        absl::StrCat(Describe(row.policy, {row.next_step, row.pass}), " of policy ", row.policy.id.value(), ": ");
    // Nobody would be asked for as long as it waits: those who are asked when nobody else can be.
    const bool nobody = row.next_step > 0 && !row.reached_anybody && !row.answered;
    if (nobody && wait->kind != StepWait::Kind::kSkip) row.reached_anybody = PageFallback(turn, row, row.pass);
    switch (wait->kind) {
      case StepWait::Kind::kSkip:
        NoteAbout(turn, Kind::kStepSkipped, row, absl::StrCat(what, wait->why, "; skipped at once"));
        ++row.next_step;
        continue;
      case StepWait::Kind::kHours:
        NoteAbout(turn, Kind::kStepWaits, row, absl::StrCat(what, wait->why, ", until ", Instant(wait->until)));
        Hold(turn, row, Wait::kHours, turn.now().engine + (wait->until - turn.now().wall));
        turn.ArmWall(HoursTimer(row.id), wait->until);
        return true;
      case StepWait::Kind::kRate:
        NoteAbout(turn, Kind::kStepWaits, row, absl::StrCat(what, wait->why));
        Hold(turn, row, Wait::kRate, EngineTime::Infinite());
        return true;
    }
  }
}

// Whether nothing follows by itself, as somebody is being asked.
bool Stays(const Escalation& row) {
  const bool alone = row.stays || (row.urgency == Urgency::kLow && !row.policy.low_urgency_escalates);
  return alone && row.reached_anybody && !row.answered;
}

void NextPass(Turn& turn, Escalation& row, const PolicyMove& move) {
  row.pass = move.next.pass;
  row.next_step = move.next.step;
  row.reached_anybody = false;
  row.last_step = -1;
  // Those whom an earlier pass could not reach are history: the list of pages stays short however long this goes on.
  row.unreached.clear();
  std::erase_if(row.pages, [&](PageId id) {
    const Page* page = turn.Find<Page>(id);
    if (page != nullptr && page->state != Page::State::kUnreachable) return false;
    if (page != nullptr) row.unreached.push_back(page->user);
    return true;
  });
  row.pass_began = turn.now().engine + move.wait;
  ArmStep(turn, row, move.wait);
}

void Exhaust(Turn& turn, Escalation& row) {
  End(turn, row, Escalation::State::kExhausted);
  NoteAbout(
      turn, Kind::kEscalationExhausted, row,
      absl::StrFormat("policy %s is exhausted after %d passes; nobody acknowledged%s", row.policy.id.value(),
                      row.pass + 1, row.policy.resolve_when_exhausted ? "; it is resolved, as the policy says" : ""));
  const Subject subject = row.subject;
  const std::string by = absl::StrCat("policy ", row.policy.id.value(), ", exhausted");
  const bool resolve = row.policy.resolve_when_exhausted;
  if (subject.kind == SubjectKind::kGroup && resolve) {
    Group& group = turn.Edit<Group>(GroupId(subject.id));
    Refresh(turn, group);  // what fires by now is settled, too
    CloseGroup(turn, group, by, /*held=*/false);
  } else if (subject.kind == SubjectKind::kGroup) {
    GroupExhausted(turn, GroupId(subject.id));
  } else if (subject.kind == SubjectKind::kIncident && resolve) {
    CloseIncident(turn, IncidentId(subject.id), by);
  }
}

// All that was left to do once somebody had acknowledged is done.
void StopAnswered(Turn& turn, Escalation& row) {
  End(turn, row, Escalation::State::kStopped);
  row.stop_reason = "acknowledged, and nothing is left that runs until it is resolved";
  NoteAbout(turn, Kind::kEscalationStopped, row,
            absl::StrCat("policy ", row.policy.id.value(), " stops: ", row.stop_reason));
}

void EndPass(Turn& turn, EscalationId id) {
  Escalation& row = turn.Edit<Escalation>(id);
  const PolicyMove move = AfterPass(row.policy, row.pass, row.reached_anybody || row.answered);
  switch (move.kind) {
    case PolicyMove::Kind::kFallback:
      if (!PageFallback(turn, row, row.pass)) {
        NoteAbout(turn, Kind::kStepSkipped, row,
                  absl::StrCat("nobody can be paged by policy ", row.policy.id.value(),
                               ", its owners or the fallback user; tried again in ", absl::FormatDuration(move.wait)));
      }
      NextPass(turn, row, move);
      return;
    case PolicyMove::Kind::kRepeat: NextPass(turn, row, move); return;
    case PolicyMove::Kind::kExhausted:
      if (row.answered) return StopAnswered(turn, row);
      // What began to fire before is not to look new once the other shards have reported, too.
      return turn.AllShardsReported() ? Exhaust(turn, row) : ArmStep(turn, row, absl::Seconds(1));
    case PolicyMove::Kind::kStep:
    case PolicyMove::Kind::kEndOfPass: break;
  }
  TOCSIN_CHECK(false, "a pass ends in one of three ways");
}

// How a run is taken up again.
struct Resumption {
  std::vector<UserId> also = {};  // paged with the first step that is executed
  bool shift_came = false;
  bool at_once = false;    // the first step waits for nothing
  absl::Duration overdue;  // by so much the first step is late
};

// Steps that do not wait run in the same turn; a pass that ends always waits for its timer, so this ends.
void RunSteps(Turn& turn, EscalationId id, Resumption from) {
  for (;;) {
    Escalation& row = turn.Edit<Escalation>(id);
    if (row.state != Escalation::State::kRunning) return;
    if (row.answered && !GoesOnWhenAcknowledged(row.policy, {row.next_step, row.pass})) {
      StopAnswered(turn, row);
      return;
    }
    if (!from.at_once && Waits(turn, row, from.shift_came)) return;
    if (row.next_step >= StepCount(row)) {
      EndPass(turn, id);
      return;
    }
    const absl::Duration wait = ExecuteStep(turn, row, from.also);
    from.also.clear();
    from.shift_came = false;
    from.at_once = false;
    if (Stays(row)) {
      Hold(turn, row, Wait::kNothing, EngineTime::Infinite());
      return;
    }
    const absl::Duration left = std::max(wait - from.overdue, absl::ZeroDuration());
    from.overdue -= wait - left;
    if (left > absl::ZeroDuration()) {
      ArmStep(turn, row, left);
      return;
    }
  }
}

}  // namespace

EscalationPolicy PolicyFor(const Turn& turn, const PolicyId& id) {
  const Organisation* organisation = turn.organisation();
  if (turn.index() != nullptr) {
    if (const EscalationPolicy* policy = turn.index()->Find(id)) return *policy;
  }
  EscalationPolicy fallback;
  fallback.id = PolicyId(absl::StrCat(id.value(), " (missing)"));
  fallback.name = "the policy does not exist; pages the fallback user";
  PolicyStep step;
  step.delay = kShortestEmptyRetry;
  if (organisation != nullptr) step.targets.emplace_back(UserTarget{organisation->fallback_user});
  fallback.steps.push_back(std::move(step));
  return fallback;
}

const Escalation* EscalationOf(const Turn& turn, const Subject& subject) {
  if (subject.kind == SubjectKind::kGroup) {
    const Group* group = turn.Find<Group>(GroupId(subject.id));
    return group != nullptr ? turn.Find<Escalation>(group->escalation) : nullptr;
  }
  if (subject.kind == SubjectKind::kIncident) {
    const Incident* incident = turn.Find<Incident>(IncidentId(subject.id));
    return incident != nullptr ? turn.Find<Escalation>(incident->escalation) : nullptr;
  }
  return nullptr;
}

PolicyPosition ResumePosition(const Escalation& stopped) {
  return {std::max(stopped.last_step >= 0 ? stopped.last_step : stopped.next_step - 1, 0), stopped.pass};
}

void StartEscalation(Turn& turn, EscalationStart start) {
  Escalation& row = turn.Create<Escalation>(start.subject);
  row.generation = Generation(1);
  row.policy = std::move(start.policy);
  row.urgency = start.urgency;
  row.next_step = start.from.step;
  row.pass = start.from.pass;
  row.next_at = turn.now().engine;
  row.pass_began = turn.now().engine - SinceBeginning(row.policy, start.from.step);
  row.started_at = turn.now().wall;
  row.stays = start.stays;
  row.answered = start.answered;
  SetEscalationOf(turn, start.subject, row.id);
  NoteAbout(
      turn, Kind::kEscalationStarted, row,
      absl::StrFormat("policy %s begins at %s, %s urgency: %s", row.policy.id.value(), Describe(row.policy, start.from),
                      row.urgency == Urgency::kHigh ? "high" : "low", start.why));
  const bool resumes = !start.also.empty() || start.from != PolicyPosition();
  RunSteps(turn, row.id, {.also = std::move(start.also), .at_once = resumes && !start.answered});
}

void RunNextStep(Turn& turn, EscalationId id, std::string_view why, bool at_once) {
  const Escalation* row = turn.Find<Escalation>(id);
  if (row == nullptr || row->state != Escalation::State::kRunning) return;
  NoteAbout(turn, Kind::kNote, *row, absl::StrCat("the next step runs now: ", ToAbsl(why)));
  RunSteps(turn, id, {.at_once = at_once});
}

namespace {

void BeginAgain(Turn& turn, EscalationId id, absl::Duration late) {
  const Escalation before = *turn.Find<Escalation>(id);
  const std::string why = absl::StrCat(Describe(before.policy, {before.next_step, before.pass}), " was due ",
                                       absl::FormatDuration(absl::Trunc(late, absl::Minutes(1))),
                                       " ago: it is dropped, and the policy begins again");
  NoteAbout(turn, Kind::kStepSkipped, before, why);
  StopEscalation(turn, before.subject, why, /*besides=*/false);
  StartEscalation(turn, {.subject = before.subject,
                         .policy = before.policy,
                         .urgency = before.urgency,
                         .why = why,
                         .from = {},
                         .also = {},
                         .stays = before.stays,
                         .answered = false});
}

}  // namespace

void StepIsDue(Turn& turn, EscalationId id) {
  Escalation& row = turn.Edit<Escalation>(id);
  const absl::Duration late = turn.now().engine - row.next_at;
  if (late > kTooOld && !row.answered) return BeginAgain(turn, id, late);
  Resumption from;
  if (late > kStall && row.policy.catch_up == EscalationPolicy::CatchUp::kAtOnce) {
    from.overdue = late;
  } else if (late > kStall) {
    row.pass_began = row.pass_began + late;  // one step now, the others as far from it as they are from each other
  }
  RunSteps(turn, id, std::move(from));
}

void StepHoursCame(Turn& turn, EscalationId id) {
  RunSteps(turn, id, {.shift_came = true});
}

void RaiseEscalation(Turn& turn, EscalationId id) {
  Escalation& row = turn.Edit<Escalation>(id);
  row.urgency = Urgency::kHigh;
  const std::vector<PageId> pages = row.pages;
  for (const PageId page : pages) {
    if (turn.Find<Page>(page)->pass == row.pass) RaiseUrgency(turn, page);
  }
  if (row.state != Escalation::State::kRunning) return;
  if (row.wait == Wait::kHours) {
    RunSteps(turn, id, {});  // it waits again where more than its urgency keeps it
  } else if (row.wait == Wait::kNothing && !row.stays && row.last_step >= 0) {
    ArmStep(turn, row, row.policy.steps[static_cast<std::size_t>(row.last_step)].delay);
  }
}

namespace {

void ReviewHours(Turn& turn, Escalation& row) {
  const std::optional<StepWait> wait = WaitOf(turn, row, /*shift_came=*/false);
  const Timer* timer = turn.FindTimer(HoursTimer(row.id));
  const bool same = wait && wait->kind == StepWait::Kind::kHours && timer != nullptr && timer->due_wall == wait->until;
  if (same) {
    turn.ArmWall(HoursTimer(row.id), wait->until);  // by the rules of now
  } else {
    RunSteps(turn, row.id, {});  // executes it, or waits anew
  }
}

// The first step, of those that found nobody to ask, behind which there is somebody by now.
std::optional<std::int32_t> StepOfWhoCame(const Turn& turn, const Escalation& row) {
  const auto is_known = [&](const UserId& user) {
    return std::ranges::find(row.unreached, user) != row.unreached.end() ||
           std::ranges::any_of(row.pages, [&](PageId id) {
             const Page* page = turn.Find<Page>(id);
             return page != nullptr && page->user == user && page->step < StepCount(row);
           });
  };
  const bool asked = std::ranges::any_of(row.pages, [&](PageId id) {  // they have their time to answer
    const Page* page = turn.Find<Page>(id);
    return page != nullptr && page->state != Page::State::kUnreachable && page->step < StepCount(row);
  });
  const bool between = row.last_step < 0 && row.pass > 0;
  if (asked || (row.last_step < 0 && !between)) return std::nullopt;
  const std::int32_t end = between ? StepCount(row) : row.last_step + 1;
  Escalation probe = row;
  for (probe.next_step = 0; probe.next_step < end; ++probe.next_step) {
    const PolicyStep& step = row.policy.steps[static_cast<std::size_t>(probe.next_step)];
    const std::vector<Person> people = turn.Resolve(step.targets);
    const bool known = std::ranges::all_of(people, [&](const Person& person) { return is_known(person.user); });
    if (!known && !WaitOf(turn, probe, /*shift_came=*/true)) return probe.next_step;
  }
  return std::nullopt;
}

// Nobody was on call so far, and somebody is now: that is not left to a time which was set when there was nobody to ask.
void AskWhoCame(Turn& turn, EscalationId id) {
  const Escalation* before = turn.Find<Escalation>(id);
  if (before->wait != Wait::kTime || before->answered) return;
  const std::optional<std::int32_t> step = StepOfWhoCame(turn, *before);
  if (!step) return;
  Escalation& row = turn.Edit<Escalation>(id);
  row.next_step = *step;
  row.pass_began = turn.now().engine - SinceBeginning(row.policy, *step);
  RunNextStep(turn, id, "somebody is on call now, where nobody was", /*at_once=*/false);
}

}  // namespace

void ReviewWaits(Turn& turn, EscalationId id) {
  const Escalation* before = turn.Find<Escalation>(id);
  if (before == nullptr || before->state == Escalation::State::kStopped || turn.index() == nullptr) return;
  if (!WhyQuiet(turn, *before).empty()) return;
  FollowAgain(turn, id);
  const std::vector<PageId> pages = before->pages;
  for (const PageId page : pages)
    ReviewPageWait(turn, page);
  if (turn.Find<Escalation>(id)->state == Escalation::State::kRunning) AskWhoCame(turn, id);
  const Escalation* row = turn.Find<Escalation>(id);
  if (row->state != Escalation::State::kRunning || row->next_step >= StepCount(*row)) return;
  if (row->wait == Wait::kHours && turn.IsOutOfDate(HoursTimer(id))) ReviewHours(turn, turn.Edit<Escalation>(id));
  if (row->wait == Wait::kRate && MeetsRate(turn, *row)) RunSteps(turn, id, {});
}

void AnswerEscalation(Turn& turn, const Subject& subject, std::string_view by) {
  const std::string reason = absl::StrCat("acknowledged by ", ToAbsl(by));
  const Escalation* before = EscalationOf(turn, subject);
  const bool running = before != nullptr && before->state == Escalation::State::kRunning;
  // What stays with the people it has asked ends with their answer.
  const bool stays = running && before->wait == Wait::kNothing;
  if (running && !stays && GoesOnWhenAcknowledged(before->policy, {before->next_step, before->pass})) {
    Escalation& row = turn.Edit<Escalation>(before->id);
    row.answered = true;
    StopFollowing(turn, row.id);
    NoteAbout(turn, Kind::kNote, row,
              absl::StrCat("policy ", row.policy.id.value(), " goes on with the steps that run until it is resolved"));
    if (row.wait != Wait::kTime) RunSteps(turn, row.id, {});  // what the next step waited for may be of no use now
  } else if (running) {
    Escalation& row = turn.Edit<Escalation>(before->id);
    End(turn, row, Escalation::State::kStopped);
    row.stop_reason = reason;
    NoteAbout(turn, Kind::kEscalationStopped, row, absl::StrCat("policy ", row.policy.id.value(), " stops: ", reason));
  }
  if (before != nullptr) StopFollowing(turn, before->id);
  AnswerPages(turn, subject, by);
}

void GoOnAnswered(Turn& turn, const Subject& subject, std::string_view why) {
  const Escalation* stopped = EscalationOf(turn, subject);
  if (stopped == nullptr || !stopped->answered || stopped->state != Escalation::State::kStopped) return;
  const PolicyPosition at{stopped->next_step, stopped->pass};
  if (!GoesOnWhenAcknowledged(stopped->policy, at)) return;
  StartEscalation(turn, {.subject = subject,
                         .policy = stopped->policy,
                         .urgency = stopped->urgency,
                         .why = std::string(why),
                         .from = at,
                         .also = {},
                         .stays = false,
                         .answered = true});
}

void AnswerToo(Turn& turn, const Subject& subject) {
  if (!AnswerPages(turn, subject, turn.actor())) return;
  turn.Note(Kind::kAcknowledged, subject, absl::StrCat("acknowledged by ", turn.actor(), ", too"));
}

void StopEscalation(Turn& turn, const Subject& subject, std::string_view reason, bool besides) {
  const Escalation* before = EscalationOf(turn, subject);
  if (before != nullptr && before->state == Escalation::State::kRunning) {
    Escalation& row = turn.Edit<Escalation>(before->id);
    End(turn, row, Escalation::State::kStopped);
    row.stop_reason = reason;
    NoteAbout(turn, Kind::kEscalationStopped, row,
              absl::StrCat("policy ", row.policy.id.value(), " stops: ", ToAbsl(reason)));
  }
  if (before != nullptr) StopFollowing(turn, before->id);
  CancelPages(turn, subject, reason, besides);
}

void PersonUnreachable(Turn& turn, const Page& page) {
  const Escalation* before = turn.Find<Escalation>(page.escalation);
  if (before == nullptr || before->state != Escalation::State::kRunning) return;
  const PolicyPosition at{page.step, page.pass};
  Escalation& row = turn.Edit<Escalation>(page.escalation);
  if (AnybodyReached(turn, row, at)) return;
  if (page.step >= StepCount(row)) {  // a fallback person: the next one, while nobody else is being reached
    if (PageFallback(turn, row, page.pass) || row.pass != page.pass) return;
    row.reached_anybody = AnybodyReached(turn, row, {0, page.pass});
    if (!row.reached_anybody) RunNextStep(turn, row.id, "the fallback cannot be reached", /*at_once=*/false);
    return;
  }
  if (row.pass != page.pass || PageAnother(turn, row, at)) return;
  row.reached_anybody = AnybodyReached(turn, row, {0, page.pass});
  if (row.wait == Wait::kHours || row.wait == Wait::kRate) return;  // the next step waits for more than its time
  RunNextStep(turn, row.id, absl::StrCat(page.user.value(), " cannot be reached"), /*at_once=*/false);
}

}  // namespace tocsin
