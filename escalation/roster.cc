#include "escalation/roster.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/compiled_schedule.h"
#include "escalation/fairness.h"
#include "escalation/people.h"
#include "escalation/reason.h"
#include "escalation/schedule.h"
#include "escalation/schedule_check.h"
#include "escalation/sweep.h"

namespace tocsin {
namespace {

constexpr absl::Duration kNextChangeHorizon = absl::Hours(24 * 400);

// A question for a range, in a form that can be answered.
struct Range {
  std::uint32_t schedule = 0;
  Instant since;
  Instant until;
};

absl::StatusOr<Range> CheckRange(const CompiledOrganisation& organisation,
                                 const ScheduleId& schedule,
                                 absl::Time since,
                                 absl::Time until) {
  const auto number = organisation.schedule_numbers.find(schedule);
  if (number == organisation.schedule_numbers.end()) {
    return NotFound("schedule %s: not found", JsonQuote(schedule.value()));
  }
  if (since >= until) return Invalid("the range ends before it begins");
  if (since < ToTime(kFirstInstant) || until > ToTime(kEndInstant)) {
    return Invalid("the range is outside the years %d to %d", kFirstYear, kEndYear);
  }
  if (until - since > absl::Hours(24) * limits::kScheduleRangeDays) {
    return Invalid("the range is longer than ten years");
  }
  return Range{.schedule = number->second, .since = ToInstant(since), .until = ToInstant(until)};
}

// Calls use(start, end, people) for each stretch between boundaries, in order; the stretches tile the range.
template <typename Use>
absl::Status Walk(const CompiledOrganisation& organisation, const Range& range, const Use& use) {
  Sweep sweep(organisation, range.schedule, range.since);
  for (std::int64_t boundaries = 0; boundaries < limits::kScheduleBoundaries; ++boundaries) {
    use(sweep.at(), std::min(sweep.next(), range.until), sweep.people());
    if (sweep.next() >= range.until) return absl::OkStatus();
    sweep.Advance();
  }
  return Exhausted("schedule %s changes more than %d times in that range: ask for a shorter one",
                   JsonQuote(organisation.source->schedules[range.schedule].id.value()), limits::kScheduleBoundaries);
}

std::vector<UserId> Users(const CompiledOrganisation& organisation, const PeopleSet& people) {
  std::vector<UserId> users;
  users.reserve(people.size());
  for (const Member& member : people)
    users.push_back(organisation.users[member.user]->id);
  return users;
}

}  // namespace

std::vector<std::string> Roster::Problems(const Organisation& organisation) {
  return FindScheduleProblems(organisation);
}

absl::StatusOr<Roster> Roster::Compile(OrganisationPtr organisation) {
  const std::vector<std::string> problems = FindScheduleProblems(*organisation);
  if (problems.size() == 1) return Invalid("%s", problems.front());
  if (!problems.empty()) return Invalid("%s (and %d more problems)", problems.front(), problems.size() - 1);
  return Roster(std::make_shared<const CompiledOrganisation>(CompileOrganisation(std::move(organisation))));
}

std::vector<Person> Roster::Resolve(std::span<const Target> targets, absl::Time at) const {
  Causes causes;
  Evaluation evaluation(*compiled_, ToInstant(at), &causes);
  PeopleSet people;
  for (const Target& target : targets) {
    if (const std::optional<Ref> ref = compiled_->Find(target)) evaluation.AddTarget(*ref, people);
  }
  std::vector<Person> persons;
  persons.reserve(people.size());
  for (const Member& member : people) {
    persons.push_back({.user = compiled_->users[member.user]->id, .reason = Reason(*compiled_, causes, member.cause)});
  }
  return persons;
}

std::vector<UserId> Roster::OnCall(const ScheduleId& schedule, absl::Time at) const {
  const auto number = compiled_->schedule_numbers.find(schedule);
  if (number == compiled_->schedule_numbers.end()) return {};
  PeopleSet people;
  Evaluation(*compiled_, ToInstant(at), nullptr)
      .AddTarget({.kind = Ref::Kind::kSchedule, .number = number->second}, people);
  return Users(*compiled_, people);
}

absl::StatusOr<std::vector<Shift>> Roster::FinalSchedule(const ScheduleId& schedule,
                                                         absl::Time since,
                                                         absl::Time until) const {
  TOCSIN_ASSIGN(const Range range, CheckRange(*compiled_, schedule, since, until));
  std::vector<Shift> shifts;
  PeopleSet last;
  TOCSIN_TRY(Walk(*compiled_, range, [&](Instant start, Instant, const PeopleSet& people) {
    if (!shifts.empty() && people.SamePeople(last)) return;
    const absl::Time begin = shifts.empty() ? since : ToTime(start);
    if (!shifts.empty()) shifts.back().end = begin;
    shifts.push_back({.start = begin, .end = until, .users = Users(*compiled_, people)});
    last = people;
  }));
  return shifts;
}

absl::StatusOr<std::vector<Shift>> Roster::Gaps(const ScheduleId& schedule, absl::Time since, absl::Time until) const {
  TOCSIN_ASSIGN(std::vector<Shift> shifts, FinalSchedule(schedule, since, until));
  std::erase_if(shifts, [](const Shift& shift) { return !shift.users.empty(); });
  return shifts;
}

absl::StatusOr<std::map<UserId, Duty>> Roster::Fairness(const ScheduleId& schedule,
                                                        absl::Time since,
                                                        absl::Time until) const {
  TOCSIN_ASSIGN(const Range range, CheckRange(*compiled_, schedule, since, until));
  const std::uint32_t schedule_zone = compiled_->schedules[range.schedule].zone;
  std::map<UserId, Duty> duties;
  TOCSIN_TRY(Walk(*compiled_, range, [&](Instant start, Instant end, const PeopleSet& people) {
    for (const Member& member : people) {
      const std::uint32_t own = compiled_->user_zones[member.user];
      const std::uint32_t zone = own == CompiledOrganisation::kNoZone ? schedule_zone : own;
      const Duty duty = DutyIn(compiled_->zones[zone], compiled_->user_holidays[member.user].get(), start, end);
      Duty& sum = duties[compiled_->users[member.user]->id];
      sum.total += duty.total;
      sum.night += duty.night;
      sum.weekend += duty.weekend;
      sum.holiday += duty.holiday;
    }
  }));
  return duties;
}

std::optional<absl::Time> Roster::NextChange(const ScheduleId& schedule, absl::Time at) const {
  const auto number = compiled_->schedule_numbers.find(schedule);
  if (number == compiled_->schedule_numbers.end()) return std::nullopt;
  Sweep sweep(*compiled_, number->second, ToInstant(at));
  if (!sweep.AdvanceToChange(ToInstant(at + kNextChangeHorizon))) return std::nullopt;
  return ToTime(sweep.at());
}

const Organisation& Roster::organisation() const {
  return *compiled_->source;
}

}  // namespace tocsin
