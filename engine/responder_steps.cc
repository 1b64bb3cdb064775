#include "engine/responder_steps.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/hash.h"
#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_groups.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_waits.h"
#include "engine/responder_widening.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

TimerKey HandoffTimer(EscalationId id) {
  return {Timer::Kind::kHandoff, id.value()};
}

std::string NameOf(const Target& target) {
  struct Name {
    std::string operator()(const UserTarget& t) const { return absl::StrCat("user ", t.user.value()); }
    std::string operator()(const TeamTarget& t) const { return absl::StrCat("team ", t.team.value()); }
    std::string operator()(const PolicyTarget& t) const { return absl::StrCat("policy ", t.policy.value()); }
    std::string operator()(const ScheduleTarget& t) const {
      const std::string_view turn = t.turn == ScheduleTarget::Turn::kNext       ? "the next turn of "
                                    : t.turn == ScheduleTarget::Turn::kPrevious ? "the previous turn of "
                                                                                : "";
      return absl::StrCat(ToAbsl(turn), "schedule ", t.schedule.value());
    }
  };
  return std::visit(Name(), target);
}

std::string NamesOf(const std::vector<Target>& targets) {
  return absl::StrJoin(targets, ", ", [](std::string* out, const Target& target) { *out += NameOf(target); });
}

const PolicyStep& StepAt(const Escalation& row, std::int32_t step) {
  return row.policy.steps[static_cast<std::size_t>(step)];
}

std::string WhatIs(const Escalation& row, PolicyPosition at) {
  return absl::StrCat(Describe(row.policy, at), " of policy ", row.policy.id.value());
}

// How its pages are made: whose acknowledgement ends them, by which rules, for whom they wait.
PageRequest RequestFor(const Escalation& row, PolicyPosition at) {
  PageRequest request;
  request.escalation = row.id;
  request.subject = row.subject;
  request.urgency = row.urgency;
  request.step = at.step;
  request.pass = at.pass;
  if (row.answered) request.until = Page::Until::kResolved;
  if (at.step >= StepCount(row)) return request;
  const PolicyStep& step = StepAt(row, at.step);
  request.important = step.important;
  if (step.each_acknowledges) request.until = Page::Until::kOwn;
  if (step.unless == PolicyStep::Unless::kResolved) request.until = Page::Until::kResolved;
  return request;
}

// Who has acknowledged is not asked by the steps that go on.
bool HasAnswered(const Turn& turn, const Escalation& row, const UserId& user) {
  if (!row.answered) return false;
  std::string by;
  if (row.subject.kind == SubjectKind::kGroup) by = turn.Find<Group>(GroupId(row.subject.id))->acknowledged_by;
  if (row.subject.kind == SubjectKind::kIncident) by = turn.Find<Incident>(IncidentId(row.subject.id))->acknowledged_by;
  if (PersonBehind(by) == user) return true;
  return std::ranges::any_of(row.pages, [&](PageId id) {  // such a page is only cancelled by the person's own word
    const Page* page = turn.Find<Page>(id);
    return page != nullptr && page->user == user && page->until != Page::Until::kAnybody &&
           page->state == Page::State::kCancelled;
  });
}

// The order in which a step that pages one person tries them.
std::vector<Person> InOrder(const Turn& turn, const Escalation& row, PolicyPosition at, std::vector<Person> people) {
  if (people.empty()) return people;
  std::ranges::sort(people, {}, &Person::user);
  auto first = people.begin();
  if (StepAt(row, at.step).strategy == PolicyStep::Strategy::kRandom) {
    // Nobody's choice, and yet the same in a simulation and after a crash: by what the run is about and when it began.
    const std::vector<GroupKey> keys = KeysOf(turn, row);
    const std::string seed = absl::StrCat(row.policy.id.value(), "/", at.step, "/", at.pass, "/",
                                          absl::ToUnixNanos(row.started_at), "/", keys.empty() ? 0 : keys[0].value());
    first += static_cast<std::ptrdiff_t>(Hash64(seed) % people.size());
  } else if (const Round* round = turn.FindRound(row.policy.id, at.step)) {
    first = std::ranges::upper_bound(people, round->last, {}, &Person::user);
    if (first == people.end()) first = people.begin();
  }
  std::rotate(people.begin(), first, people.end());
  return people;
}

// Pages the first who can be reached of those who were not tried in this pass.
std::vector<Person> PageOne(Turn& turn, Escalation& row, PolicyPosition at, const std::vector<Person>& people) {
  for (const Person& person : InOrder(turn, row, at, people)) {
    const bool tried = std::ranges::any_of(row.pages, [&](PageId id) {
      const Page* page = turn.Find<Page>(id);
      if (page == nullptr || page->user != person.user) return false;
      return page->pass == at.pass || (!row.policy.repeats_page_again && page->state != Page::State::kUnreachable);
    });
    if (tried) continue;
    PagePeople(turn, row, {person}, at);
    if (ReachedPage(turn, row, person.user) == nullptr) continue;
    if (StepAt(row, at.step).strategy == PolicyStep::Strategy::kRoundRobin) {
      turn.RoundFor(row.policy.id, at.step).last = person.user;
    }
    return {person};
  }
  return {};
}

void TellReceivers(Turn& turn, const Escalation& row, PolicyPosition at) {
  const PolicyStep& step = StepAt(row, at.step);
  for (const ReceiverId& id : step.receivers) {
    const Receiver* receiver = turn.organisation() != nullptr ? turn.organisation()->Find(id) : nullptr;
    if (receiver == nullptr) {
      NoteAbout(turn, Kind::kNotificationFailed, row,
                absl::StrCat("receiver ", id.value(), " does not exist any more"));
      continue;
    }
    MessageText message;
    if (row.subject.kind == SubjectKind::kGroup) {
      message = UpdateMessage(*turn.Find<Group>(GroupId(row.subject.id)), WhatIs(row, at), turn.now());
    } else {
      PageContext context;
      context.reason = WhatIs(row, at);
      message = PageMessage(*turn.Find<Incident>(IncidentId(row.subject.id)), context, turn.now());
    }
    for (const ContactMethod& target : receiver->targets) {
      Notification what;
      what.subject = row.subject;
      what.receiver = id;
      what.method = target;
      what.purpose = Notification::Purpose::kGroupUpdate;
      what.lane = LaneOf(turn.state(), row.subject);
      what.goes_on = step.unless == PolicyStep::Unless::kResolved;
      what.title = message.title;
      what.body = message.body;
      Queue(turn, what, absl::StrCat("E", row.id.value(), "/", at.pass, "/", at.step));
    }
  }
}

std::vector<Person> PeopleOf(const Turn& turn,
                             const Escalation& row,
                             const PolicyStep& step,
                             const std::vector<UserId>& also) {
  std::vector<Person> people = turn.Resolve(step.targets);
  for (const UserId& user : also) {
    const bool listed = std::ranges::any_of(people, [&](const Person& person) { return person.user == user; });
    const bool exists = turn.index() != nullptr && turn.index()->Find(user) != nullptr;
    if (!listed && exists) people.push_back({user, "had acknowledged it before"});
  }
  std::erase_if(people, [&](const Person& person) { return HasAnswered(turn, row, person.user); });
  return people;
}

// Those who are not being reached are paged; the pages of the others become as loud as the step asks for.
std::vector<Person> PageAll(Turn& turn, Escalation& row, PolicyPosition at, const std::vector<Person>& people) {
  std::vector<Person> fresh;
  for (const Person& person : people) {
    const Page* page = ReachedPage(turn, row, person.user);
    if (page == nullptr) {
      fresh.push_back(person);
    } else if (StepAt(row, at.step).important) {
      MakeImportant(turn, page->id);
    }
  }
  PagePeople(turn, row, fresh, at);
  return fresh;
}

// Steps whose people are paged when they come on call: those executed in this pass or, between passes, all.
std::vector<std::int32_t> Followed(const Escalation& row) {
  std::vector<std::int32_t> steps;
  const std::int32_t end = row.last_step >= 0 ? row.last_step + 1 : StepCount(row);
  for (std::int32_t step = 0; step < end; ++step)
    if (StepAt(row, step).page_at_handoff) steps.push_back(step);
  return steps;
}

// Looks again at the instant at which their people may be others. One that never comes is a timer, too: by it an
// organisation that is applied finds what is to be looked at.
void Follow(Turn& turn, const Escalation& row) {
  const std::vector<std::int32_t> steps = Followed(row);
  absl::Time next = absl::InfiniteFuture();
  for (const std::int32_t step : steps)
    next = std::min(next, NextHandoff(turn, StepAt(row, step)));
  if (!steps.empty()) turn.ArmWall(HandoffTimer(row.id), next);
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

// Whether its delay passes although nobody is behind it.
bool ExecuteEmpty(Turn& turn, Escalation& row, PolicyPosition at) {
  const PolicyStep& step = StepAt(row, at.step);
  const std::string what = absl::StrCat(
      WhatIs(row, at), ": ",
      step.targets.empty() ? std::string("pages nobody") : absl::StrCat("nobody is behind ", NamesOf(step.targets)));
  if (step.on_empty == PolicyStep::OnEmpty::kFallback) {
    if (PageFallback(turn, row, at.pass)) {
      row.reached_anybody = true;
      return true;
    }
    NoteAbout(turn, Kind::kStepSkipped, row, absl::StrCat(what, ", nor can its fallback be paged; skipped at once"));
    return false;
  }
  if (step.on_empty == PolicyStep::OnEmpty::kWait || !step.receivers.empty()) {
    const std::string told = step.receivers.empty() ? "" : "; its receivers are told";
    NoteAbout(turn, Kind::kStepExecuted, row, absl::StrCat(what, told, "; then ", DescribeNext(row, turn.now())));
    return true;
  }
  NoteAbout(turn, Kind::kStepSkipped, row, absl::StrCat(what, "; skipped at once"));
  return false;
}

bool ExecuteWith(Turn& turn,
                 Escalation& row,
                 PolicyPosition at,
                 const std::vector<Person>& people,
                 const std::vector<UserId>& also) {
  const std::string what = WhatIs(row, at);
  const std::string next = absl::StrCat("; then ", DescribeNext(row, turn.now()));
  if (StepAt(row, at.step).strategy == PolicyStep::Strategy::kAll) {
    std::vector<Person> fresh;
    std::ranges::copy_if(people, std::back_inserter(fresh),
                         [&](const Person& person) { return ReachedPage(turn, row, person.user) == nullptr; });
    NoteAbout(turn, Kind::kStepExecuted, row,
              absl::StrCat(what, ": ", fresh.empty() ? "already paged in this pass: " : "pages ",
                           Names(fresh.empty() ? people : fresh), next));
    Widen(turn, row, at, PageAll(turn, row, at, people), {});
  } else {
    const std::vector<Person> ordered = InOrder(turn, row, at, people);
    NoteAbout(turn, Kind::kStepExecuted, row, absl::StrCat(what, ": pages one of ", Names(ordered), next));
    Widen(turn, row, at, PageOne(turn, row, at, people), ordered);
    std::vector<Person> named = people;
    std::erase_if(named, [&](const Person& person) { return std::ranges::find(also, person.user) == also.end(); });
    PageAll(turn, row, at, named);
  }
  return std::ranges::any_of(people,
                             [&](const Person& person) { return ReachedPage(turn, row, person.user) != nullptr; });
}

}  // namespace

std::int32_t StepCount(const Escalation& row) {
  return static_cast<std::int32_t>(row.policy.steps.size());
}

void NoteAbout(Turn& turn, Kind kind, const Escalation& row, std::string text) {
  turn.Note(kind, row.subject, std::move(text)).escalation = row.id;
}

std::string Names(const std::vector<Person>& people) {
  return absl::StrJoin(people, ", ", [](std::string* out, const Person& person) {
    absl::StrAppend(out, person.user.value(), " (", person.reason, ")");
  });
}

std::string DescribeNext(const Escalation& row, const Now& now) {
  if (row.state != Escalation::State::kRunning) return "";
  const bool alone = row.stays || (row.urgency == Urgency::kLow && !row.policy.low_urgency_escalates);
  if (alone && !row.answered) return "nobody else, unless none of them can be reached";
  const std::string what = Describe(row.policy, {row.next_step, row.pass});
  if (row.wait == Escalation::Wait::kRate)
    return absl::StrCat(what, " once as many alerts have begun to fire as it asks for");
  if (row.next_at == EngineTime::Infinite()) return "";
  return absl::StrCat(what, " at ", Instant(ExpectedWall(now, row.next_at)),
                      row.answered ? " unless it is resolved" : " unless somebody acknowledges");
}

const Page* ReachedPage(const Turn& turn, const Escalation& row, const UserId& user) {
  for (const PageId id : row.pages) {
    const Page* page = turn.Find<Page>(id);
    if (page == nullptr || page->user != user || page->state == Page::State::kUnreachable) continue;
    if (page->pass == row.pass || !row.policy.repeats_page_again) return page;
  }
  return nullptr;
}

bool AnybodyReached(const Turn& turn, const Escalation& row, PolicyPosition from) {
  return std::ranges::any_of(row.pages, [&](PageId id) {
    const Page* page = turn.Find<Page>(id);
    return page != nullptr && page->pass == from.pass && page->step >= from.step &&
           page->state != Page::State::kUnreachable;
  });
}

void PagePeople(Turn& turn, const Escalation& row, const std::vector<Person>& people, PolicyPosition at) {
  const std::string what =
      at.step >= StepCount(row) ? std::string("fallback, as nobody on call could be reached") : WhatIs(row, at);
  std::vector<PageRequest> requests;
  for (const Person& person : people) {
    SupersedePages(turn, row, person.user);
    PageRequest request = RequestFor(row, at);
    request.user = person.user;
    request.reason = absl::StrCat(what, ": ", person.reason);
    requests.push_back(std::move(request));
  }
  StartPages(turn, requests);
}

absl::Duration ExecuteStep(Turn& turn, Escalation& row, const std::vector<UserId>& also) {
  const PolicyPosition at{row.next_step, row.pass};
  const PolicyStep step = StepAt(row, at.step);
  const PolicyMove move = AfterStep(row.policy, at, /*waits=*/true, turn.now().engine - row.pass_began);
  const bool passed_over = row.answered && step.unless == PolicyStep::Unless::kAcknowledged;
  row.next_step = move.next.step;
  row.next_at = turn.now().engine + move.wait;
  row.wait = Escalation::Wait::kTime;
  if (passed_over) return move.wait;  // later ones keep their times
  row.last_step = at.step;
  const std::vector<Person> people = PeopleOf(turn, row, step, also);
  TellReceivers(turn, row, at);
  bool waits = false;
  if (people.empty()) {
    waits = ExecuteEmpty(turn, row, at);
  } else {
    waits = ExecuteWith(turn, row, at, people, also);
    row.reached_anybody |= waits;
  }
  Follow(turn, row);
  return waits ? move.wait : absl::ZeroDuration();
}

bool PageFallback(Turn& turn, Escalation& row, std::int32_t pass) {
  const PolicyPosition at{StepCount(row), pass};
  for (;;) {  // ends: each round pages somebody who was not paged in this pass
    const std::vector<Person> people = FallbackPeople(turn, row, pass);
    if (people.empty()) return false;
    NoteAbout(turn, Kind::kFallback, row,
              absl::StrCat("policy ", row.policy.id.value(), " reached nobody: pages ", Names(people)));
    PagePeople(turn, row, people, at);
    if (AnybodyReached(turn, row, at)) return true;
  }
}

bool PageAnother(Turn& turn, Escalation& row, PolicyPosition at) {
  const PolicyStep step = StepAt(row, at.step);
  if (step.strategy == PolicyStep::Strategy::kAll) return false;
  const std::vector<Person> others = PageOne(turn, row, at, turn.Resolve(step.targets));
  if (others.empty()) return false;
  NoteAbout(turn, Kind::kStepExecuted, row, absl::StrCat(WhatIs(row, at), ": pages ", Names(others), " instead"));
  return true;
}

void FollowHandoff(Turn& turn, EscalationId id) {
  Escalation& row = turn.Edit<Escalation>(id);
  if (row.answered) return;
  for (const std::int32_t step : Followed(row)) {
    const PolicyPosition at{step, row.pass};
    std::vector<Person> fresh = turn.Resolve(StepAt(row, step).targets);
    std::erase_if(fresh, [&](const Person& person) { return ReachedPage(turn, row, person.user) != nullptr; });
    if (fresh.empty()) continue;
    NoteAbout(turn, Kind::kStepExecuted, row,
              absl::StrCat(WhatIs(row, at), ": handed over, pages ", Names(fresh), ", too"));
    PagePeople(turn, row, fresh, at);
    row.reached_anybody |= AnybodyReached(turn, row, at);
  }
  Follow(turn, row);
}

void FollowAgain(Turn& turn, EscalationId id) {
  if (turn.IsOutOfDate(HandoffTimer(id))) FollowHandoff(turn, id);
}

void ForgetRounds(Turn& turn, const Organisation& organisation) {
  for (const auto& [id, round] : turn.state().rounds) {
    const EscalationPolicy* policy = organisation.Find(round.policy);
    if (policy == nullptr || round.step >= static_cast<std::int32_t>(policy->steps.size())) turn.Remove<Round>(id);
  }
}

void StopFollowing(Turn& turn, EscalationId id) {
  turn.Disarm(HandoffTimer(id));
}

}  // namespace tocsin
