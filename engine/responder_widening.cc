#include "engine/responder_widening.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_reach.h"
#include "engine/responder_steps.h"

namespace tocsin {
namespace {

constexpr std::size_t kReasonBytes = 400;

bool IsInDoubt(const Turn& turn, const Person& person) {
  const User* user = turn.index()->Find(person.user);
  return user != nullptr && MayNotBeReached(turn, *user);
}

// Without those who have a page of this pass already: they are being asked, or could not be.
std::vector<Person> Unasked(const Turn& turn, const Escalation& row, std::vector<Person> people) {
  std::erase_if(people, [&](const Person& person) {
    return std::ranges::any_of(row.pages, [&](PageId id) {
      const Page* page = turn.Find<Page>(id);
      return page != nullptr && page->user == person.user && page->pass == row.pass;
    });
  });
  return people;
}

std::vector<Target> NextTurns(const PolicyStep& step) {
  std::vector<Target> targets;
  for (const Target& target : step.targets) {
    const auto* schedule = std::get_if<ScheduleTarget>(&target);
    if (schedule == nullptr || schedule->turn != ScheduleTarget::Turn::kPresent) continue;
    ScheduleTarget next = *schedule;
    next.turn = ScheduleTarget::Turn::kNext;
    targets.emplace_back(next);
  }
  return targets;
}

// Those of whom somebody is free of doubt, else the first who are anybody at all.
std::vector<Person> FindOthers(const Turn& turn,
                               const Escalation& row,
                               PolicyPosition at,
                               const std::vector<Person>& others) {
  std::vector<Person> better_than_nobody;
  const auto fits = [&](const std::vector<Person>& people) {
    if (people.empty()) return false;
    if (better_than_nobody.empty()) better_than_nobody = people;
    return std::ranges::any_of(people, [&](const Person& person) { return !IsInDoubt(turn, person); });
  };
  for (const Person& person : Unasked(turn, row, others))
    if (fits({person})) return {person};
  const auto step = static_cast<std::size_t>(at.step);
  if (std::vector<Person> next = Unasked(turn, row, turn.Resolve(NextTurns(row.policy.steps[step]))); fits(next)) {
    return next;
  }
  for (std::size_t later = step + 1; later < row.policy.steps.size(); ++later) {
    std::vector<Person> people = Unasked(turn, row, turn.Resolve(row.policy.steps[later].targets));
    if (fits(people)) return people;
  }
  return better_than_nobody;
}

}  // namespace

void Widen(Turn& turn,
           Escalation& row,
           PolicyPosition at,
           const std::vector<Person>& paged,
           const std::vector<Person>& others) {
  const Organisation* organisation = turn.organisation();
  const bool wanted = organisation != nullptr && organisation->self_tests.enabled &&
                      organisation->self_tests.widen_steps && row.urgency == Urgency::kHigh && !row.answered;
  if (!wanted || paged.empty()) return;
  if (!std::ranges::all_of(paged, [&](const Person& person) { return IsInDoubt(turn, person); })) return;
  std::string names;
  std::string doubts;
  for (const Person& person : paged) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", person.user.value());
    absl::StrAppend(&doubts, doubts.empty() ? "" : "; ", person.user.value(), ": ",
                    DoubtsAbout(turn, *turn.index()->Find(person.user)));
  }
  std::vector<Person> besides = FindOthers(turn, row, at, others);
  const std::string step = absl::StrCat(Describe(row.policy, at), " of policy ", row.policy.id.value());
  const std::string why = OneLine(absl::StrCat(names, " may not be reached (", doubts, ")"), kReasonBytes);
  if (besides.empty()) {
    NoteAbout(turn, TimelineEntry::Kind::kStepExecuted, row,
              absl::StrCat(step, ": ", why, ", and there is nobody else whom it could page besides"));
    return;
  }
  NoteAbout(turn, TimelineEntry::Kind::kStepExecuted, row,
            absl::StrCat(step, ": pages besides ", Names(besides), ", since ", why));
  for (Person& person : besides)
    person.reason = absl::StrCat(person.reason, "; besides, since ", names, " may not be reached");
  PagePeople(turn, row, besides, at);
}

}  // namespace tocsin
