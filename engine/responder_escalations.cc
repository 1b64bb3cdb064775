#include "engine/responder_escalations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

TimerKey StepTimer(EscalationId id) {
  return {Timer::Kind::kEscalationStep, id.value()};
}

std::int32_t StepCount(const Escalation& row) {
  return static_cast<std::int32_t>(row.policy.steps.size());
}

void NoteAbout(Turn& turn, Kind kind, const Escalation& row, std::string text) {
  turn.Note(kind, row.subject, std::move(text)).escalation = row.id;
}

void SetEscalationOf(Turn& turn, const Subject& subject, EscalationId id) {
  if (subject.kind == SubjectKind::kGroup) turn.Edit<Group>(GroupId(subject.id)).escalation = id;
  if (subject.kind == SubjectKind::kIncident) turn.Edit<Incident>(IncidentId(subject.id)).escalation = id;
}

std::string NameOf(const Target& target) {
  struct Name {
    std::string operator()(const UserTarget& t) const { return absl::StrCat("user ", t.user.value()); }
    std::string operator()(const TeamTarget& t) const { return absl::StrCat("team ", t.team.value()); }
    std::string operator()(const ScheduleTarget& t) const { return absl::StrCat("schedule ", t.schedule.value()); }
  };
  return std::visit(Name(), target);
}

// The page of `user` in the present pass by which the person is being reached or has been.
const Page* ReachedPage(const Turn& turn, const Escalation& row, const UserId& user) {
  for (const PageId id : row.pages) {
    const Page* page = turn.Find<Page>(id);
    if (page != nullptr && page->pass == row.pass && page->user == user && page->state != Page::State::kUnreachable) {
      return page;
    }
  }
  return nullptr;
}

// In one pass, by the step `from.step` or a later one.
bool AnybodyReached(const Turn& turn, const Escalation& row, PolicyPosition from) {
  return std::ranges::any_of(row.pages, [&](PageId id) {
    const Page* page = turn.Find<Page>(id);
    return page != nullptr && page->pass == from.pass && page->step >= from.step &&
           page->state != Page::State::kUnreachable;
  });
}

std::string Names(const std::vector<Person>& people) {
  return absl::StrJoin(people, ", ", [](std::string* out, const Person& person) {
    absl::StrAppend(out, person.user.value(), " (", person.reason, ")");
  });
}

void PagePeople(Turn& turn, const Escalation& row, const std::vector<Person>& people, PolicyPosition at) {
  const std::string what = at.step >= StepCount(row)
                               ? std::string("fallback, as nobody on call could be reached")
                               : absl::StrCat(Describe(row.policy, at), " of policy ", row.policy.id.value());
  std::vector<PageRequest> requests;
  for (const Person& person : people) {
    SupersedePages(turn, row, person.user);
    requests.push_back(
        {row.id, row.subject, person.user, row.urgency, at.step, at.pass, absl::StrCat(what, ": ", person.reason)});
  }
  StartPages(turn, requests);
}

void ArmStep(Turn& turn, Escalation& row, absl::Duration wait) {
  row.generation = Generation(row.generation.value() + 1);
  row.next_at = turn.now().engine + wait;
  turn.Arm(StepTimer(row.id), row.next_at, row.generation);
}

// Executes next_step; returns how long to wait for the one after it.
absl::Duration ExecuteStep(Turn& turn, Escalation& row, const std::vector<UserId>& also) {
  const PolicyPosition at{row.next_step, row.pass};
  const PolicyStep& step = row.policy.steps[static_cast<std::size_t>(at.step)];
  std::vector<Person> people = turn.Resolve(step.targets);
  for (const UserId& user : also) {
    const bool listed = std::ranges::any_of(people, [&](const Person& person) { return person.user == user; });
    const bool exists = turn.organisation() != nullptr && turn.organisation()->Find(user) != nullptr;
    if (!listed && exists) people.push_back({user, "had acknowledged it before"});
  }
  std::vector<Person> fresh;
  std::ranges::copy_if(people, std::back_inserter(fresh),
                       [&](const Person& person) { return ReachedPage(turn, row, person.user) == nullptr; });

  const PolicyMove move = AfterStep(row.policy, at, !people.empty());
  const std::string what = absl::StrCat(Describe(row.policy, at), " of policy ", row.policy.id.value());
  row.next_step = move.next.step;
  row.next_at = turn.now().engine + move.wait;
  if (people.empty()) {
    NoteAbout(turn, Kind::kStepSkipped, row,
              absl::StrCat(what, ": nobody is behind ",
                           absl::StrJoin(step.targets, ", ",
                                         [](std::string* out, const Target& target) { *out += NameOf(target); }),
                           "; skipped at once"));
    return absl::ZeroDuration();
  }
  NoteAbout(turn, Kind::kStepExecuted, row,
            absl::StrCat(what, ": ", fresh.empty() ? "already paged in this pass: " : "pages ",
                         Names(fresh.empty() ? people : fresh), "; then ", DescribeNext(row, turn.now())));
  PagePeople(turn, row, fresh, at);
  const bool reached =
      std::ranges::any_of(people, [&](const Person& person) { return ReachedPage(turn, row, person.user) != nullptr; });
  row.reached_anybody |= reached;
  return reached ? move.wait : absl::ZeroDuration();
}

// The policy's owners; when none of them can be reached, the organisation's fallback user. Those who were paged as
// fallback before are not paged again for ever: after the policy's repeats it is only looked for somebody on call.
std::vector<Person> FallbackPeople(const Turn& turn, const Escalation& row, std::int32_t pass) {
  const auto has_page = [&](const UserId& user, bool unreachable) {
    return std::ranges::any_of(row.pages, [&](PageId id) {
      const Page* page = turn.Find<Page>(id);
      if (page == nullptr || page->user != user) return false;
      if (unreachable) return page->pass == pass && page->state == Page::State::kUnreachable;
      return page->state != Page::State::kUnreachable;
    });
  };
  const auto reachable = [&](const Target& target) {
    std::vector<Person> people = turn.Resolve(std::vector<Target>{target});
    std::erase_if(people, [&](const Person& person) { return has_page(person.user, /*unreachable=*/true); });
    return people;
  };
  std::vector<Person> people;
  if (row.policy.team.set()) people = reachable(TeamTarget{row.policy.team});
  const Organisation* organisation = turn.organisation();
  if (people.empty() && organisation != nullptr && organisation->fallback_user.set()) {
    people = reachable(UserTarget{organisation->fallback_user});
  }
  if (pass > row.policy.repeats) {
    std::erase_if(people, [&](const Person& person) { return has_page(person.user, /*unreachable=*/false); });
  }
  return people;
}

// True when somebody new is being reached. Ends: each round pages somebody who was not paged in this pass.
bool PageFallback(Turn& turn, Escalation& row, std::int32_t pass) {
  const PolicyPosition at{StepCount(row), pass};
  for (;;) {
    const std::vector<Person> people = FallbackPeople(turn, row, pass);
    if (people.empty()) return false;
    NoteAbout(turn, Kind::kFallback, row,
              absl::StrCat("a whole pass of policy ", row.policy.id.value(), " reached nobody: pages ", Names(people)));
    PagePeople(turn, row, people, at);
    if (AnybodyReached(turn, row, at)) return true;
  }
}

void NextPass(Turn& turn, Escalation& row, const PolicyMove& move) {
  row.pass = move.next.pass;
  row.next_step = move.next.step;
  row.reached_anybody = false;
  // Those whom an earlier pass could not reach are history: the list of pages stays short however long this goes on.
  std::erase_if(row.pages, [&](PageId id) {
    const Page* page = turn.Find<Page>(id);
    return page == nullptr || page->state == Page::State::kUnreachable;
  });
  ArmStep(turn, row, move.wait);
}

void EndPass(Turn& turn, EscalationId id) {
  Escalation& row = turn.Edit<Escalation>(id);
  const PolicyMove move = AfterPass(row.policy, row.pass, row.reached_anybody);
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
    case PolicyMove::Kind::kExhausted: {
      row.state = Escalation::State::kExhausted;
      row.generation = Generation(row.generation.value() + 1);
      row.next_at = EngineTime::Infinite();
      turn.Disarm(StepTimer(id));
      NoteAbout(turn, Kind::kEscalationExhausted, row,
                absl::StrFormat("policy %s is exhausted after %d passes; nobody acknowledged", row.policy.id.value(),
                                row.pass + 1));
      const Subject subject = row.subject;
      if (subject.kind == SubjectKind::kGroup) GroupExhausted(turn, GroupId(subject.id));
      return;
    }
    case PolicyMove::Kind::kStep:
    case PolicyMove::Kind::kEndOfPass: break;
  }
  TOCSIN_CHECK(false, "a pass ends in one of three ways");
}

// Steps that do not wait run in the same turn; a pass that ends always waits for its timer, so this ends.
void RunSteps(Turn& turn, EscalationId id, std::vector<UserId> also) {
  for (;;) {
    Escalation& row = turn.Edit<Escalation>(id);
    if (row.state != Escalation::State::kRunning) return;
    if (row.next_step >= StepCount(row)) {
      EndPass(turn, id);
      return;
    }
    const absl::Duration wait = ExecuteStep(turn, row, also);
    also.clear();
    if (wait > absl::ZeroDuration()) {
      ArmStep(turn, row, wait);
      return;
    }
  }
}

}  // namespace

EscalationPolicy PolicyFor(const Turn& turn, const PolicyId& id) {
  const Organisation* organisation = turn.organisation();
  if (organisation != nullptr) {
    if (const EscalationPolicy* policy = organisation->Find(id)) return *policy;
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
  return {std::max(stopped.next_step - 1, 0), stopped.pass};
}

void StartEscalation(Turn& turn, EscalationStart start) {
  Escalation& row = turn.Create<Escalation>(start.subject);
  row.generation = Generation(1);
  row.policy = std::move(start.policy);
  row.urgency = start.urgency;
  row.next_step = start.from.step;
  row.pass = start.from.pass;
  row.next_at = turn.now().engine;
  row.started_at = turn.now().wall;
  SetEscalationOf(turn, start.subject, row.id);
  NoteAbout(
      turn, Kind::kEscalationStarted, row,
      absl::StrFormat("policy %s begins at %s, %s urgency: %s", row.policy.id.value(), Describe(row.policy, start.from),
                      row.urgency == Urgency::kHigh ? "high" : "low", start.why));
  RunSteps(turn, row.id, std::move(start.also));
}

void RunNextStep(Turn& turn, EscalationId id, std::string_view why) {
  const Escalation* row = turn.Find<Escalation>(id);
  if (row == nullptr || row->state != Escalation::State::kRunning) return;
  if (!why.empty()) {
    NoteAbout(turn, Kind::kNote, *row, absl::StrCat("the next step runs now: ", ToAbsl(why)));
  }
  RunSteps(turn, id, {});
}

void StopEscalation(Turn& turn, const Subject& subject, std::string_view reason) {
  const Escalation* before = EscalationOf(turn, subject);
  if (before != nullptr && before->state == Escalation::State::kRunning) {
    Escalation& row = turn.Edit<Escalation>(before->id);
    row.state = Escalation::State::kStopped;
    row.generation = Generation(row.generation.value() + 1);
    row.next_at = EngineTime::Infinite();
    row.stop_reason = reason;
    turn.Disarm(StepTimer(row.id));
    NoteAbout(turn, Kind::kEscalationStopped, row,
              absl::StrCat("policy ", row.policy.id.value(), " stops: ", ToAbsl(reason)));
  }
  CancelPages(turn, subject, reason);
}

void PersonUnreachable(Turn& turn, const Page& page) {
  const Escalation* before = turn.Find<Escalation>(page.escalation);
  if (before == nullptr || before->state != Escalation::State::kRunning) return;
  const PolicyPosition at{page.step, page.pass};
  Escalation& row = turn.Edit<Escalation>(page.escalation);
  if (AnybodyReached(turn, row, at)) return;
  if (page.step >= StepCount(row)) {  // a fallback person: the next one, while nobody else is being reached
    PageFallback(turn, row, page.pass);
    return;
  }
  if (row.pass != page.pass) return;
  row.reached_anybody = AnybodyReached(turn, row, {0, page.pass});
  RunNextStep(turn, row.id, absl::StrCat(page.user.value(), " cannot be reached"));
}

std::string DescribeNext(const Escalation& row, const Now& now) {
  if (row.state != Escalation::State::kRunning || row.next_at == EngineTime::Infinite()) return "";
  return absl::StrCat(Describe(row.policy, {row.next_step, row.pass}), " at ", Instant(ExpectedWall(now, row.next_at)),
                      " unless somebody acknowledges");
}

}  // namespace tocsin
