#include "escalation/roster.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"

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
                   JsonQuote(organisation.schedules[range.schedule].source->id.value()), limits::kScheduleBoundaries);
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

absl::StatusOr<Roster> Roster::Compile(OrganisationPtr organisation, const ScheduleRecord& record) {
  const std::vector<std::string> problems = FindScheduleProblems(*organisation);
  if (problems.size() == 1) return Invalid("%s", problems.front());
  if (!problems.empty()) return Invalid("%s (and %d more problems)", problems.front(), problems.size() - 1);
  return Roster(std::make_shared<const CompiledOrganisation>(CompileOrganisation(std::move(organisation), record)));
}

std::vector<Person> Roster::Resolve(std::span<const Target> targets, absl::Time at) const {
  People known;
  return Resolve(targets, at, known);
}

std::vector<Person> Roster::Resolve(std::span<const Target> targets, absl::Time at, People& known) const {
  Causes causes;
  Evaluation evaluation(*compiled_, ToInstant(at), &causes);
  PeopleSet present;
  for (const Target& target : targets) {
    if (const std::optional<Ref> ref = compiled_->Find(target)) evaluation.AddTarget(*ref, present);
  }
  std::vector<Person> people;
  people.reserve(present.size());
  for (const Member& member : present) {
    people.push_back({.user = compiled_->users[member.user]->id, .reason = Reason(*compiled_, causes, member.cause)});
  }
  AddOthers(targets, at, known, people);
  return people;
}

// Those of other turns and other policies.
void Roster::AddOthers(std::span<const Target> targets,
                       absl::Time at,
                       People& known,
                       std::vector<Person>& people) const {
  const std::size_t present = people.size();
  const auto add = [&](std::vector<Person> more, const std::string& why) {
    for (Person& person : more) {
      if (std::ranges::find(people, person.user, &Person::user) != people.end()) continue;
      people.push_back({.user = std::move(person.user), .reason = why + person.reason});
    }
  };
  for (const Target& target : targets) {
    const auto* turn = std::get_if<ScheduleTarget>(&target);
    if (turn != nullptr && turn->turn != ScheduleTarget::Turn::kPresent) {
      const Target plain = ScheduleTarget{.schedule = turn->schedule};
      const std::optional<absl::Time> then = TurnAt(*turn, at);
      const bool next = turn->turn == ScheduleTarget::Turn::kNext;
      if (then) add(Resolve({&plain, 1}, *then), next ? "next in " : "previous in ");
    }
    const auto* policy = std::get_if<PolicyTarget>(&target);
    if (policy != nullptr) add(PeopleBehind(policy->policy, at, known), "");
  }
  if (people.size() > present) std::ranges::sort(people, {}, &Person::user);
}

// What the present question has asked already stands for itself, be it nobody: so a ring of policies ends, too.
const std::vector<Person>& Roster::PeopleBehind(const PolicyId& id, absl::Time at, People& known) const {
  const auto [people, is_new] = known.try_emplace(id);
  const EscalationPolicy* policy = organisation().Find(id);
  if (!is_new || policy == nullptr) return people->second;
  for (std::size_t step = 0; step < policy->steps.size(); ++step) {
    std::vector<Person> inner = Resolve(policy->steps[step].targets, at, known);
    if (inner.empty()) continue;
    for (Person& person : inner)
      person.reason = absl::StrFormat("policy %s, step %d: %s", id.value(), step + 1, person.reason);
    people->second = std::move(inner);
    break;
  }
  return people->second;
}

std::optional<absl::Time> Roster::TurnAt(const ScheduleTarget& target, absl::Time at) const {
  if (target.turn == ScheduleTarget::Turn::kPresent) return at;
  const std::vector<UserId> present = OnCall(target.schedule, at);
  const auto is_other = [&](const std::vector<UserId>& users) { return !users.empty() && users != present; };
  if (target.turn == ScheduleTarget::Turn::kNext) {
    const absl::Time horizon = at + kNextChangeHorizon;
    for (std::optional<absl::Time> next = NextChange(target.schedule, at); next && *next < horizon;
         next = NextChange(target.schedule, *next)) {
      if (is_other(OnCall(target.schedule, *next))) return next;
    }
    return std::nullopt;
  }
  // Backwards there is no stream: ever longer stretches, of which the last is nearly always the first.
  constexpr absl::Duration kFirstLook = absl::Hours(24);
  for (absl::Duration look = kFirstLook;; look = std::min(look * 4, kNextChangeHorizon)) {
    const absl::StatusOr<std::vector<Shift>> shifts = FinalSchedule(target.schedule, at - look, at);
    if (!shifts.ok()) return std::nullopt;
    const auto last = std::find_if(shifts->rbegin(), shifts->rend(), [&](const Shift& s) { return is_other(s.users); });
    if (last != shifts->rend()) return last->start;
    if (look == kNextChangeHorizon) return std::nullopt;
  }
}

std::optional<absl::Time> Roster::QuietUntil(const UserId& user, absl::Time at) const {
  const auto number = compiled_->user_numbers.find(user);
  if (number == compiled_->user_numbers.end()) return std::nullopt;
  const std::uint32_t zone = compiled_->user_zones[number->second];
  const QuietHours& night = compiled_->users[number->second]->quiet_hours;
  if (zone == CompiledOrganisation::kNoZone || night.start_minute == night.end_minute) return std::nullopt;
  const ZoneClock& clock = compiled_->zones[zone];
  constexpr std::int64_t kDay = 24 * 60;
  const WallTime now = clock.Reading(ToInstant(at));
  const std::int64_t minute = FloorMod(FloorDiv(now.seconds, 60), kDay);
  const std::int64_t length = FloorMod(night.end_minute - night.start_minute, kDay);
  const std::int64_t into = FloorMod(minute - night.start_minute, kDay);
  if (into >= length) return std::nullopt;
  const WallTime end = now + (length - into) * 60 - FloorMod(now.seconds, 60);
  const absl::Time until = ToTime(clock.FirstAt(end));
  return until > at ? until : at + absl::Seconds(end - now);  // in an hour that is repeated: its second pass
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

namespace {

// Adds up what people do while a range is walked.
class DutyCount {
 public:
  DutyCount(const CompiledOrganisation& organisation, const Range& range)
      : organisation_(organisation), range_(range), zone_(organisation.schedules[range.schedule].zone) {}

  // Stretches come in order and without gaps.
  void Add(Instant start, Instant end, const PeopleSet& people) {
    for (auto each = open_.begin(); each != open_.end();) {
      const bool goes_on =
          std::any_of(people.begin(), people.end(), [&](const Member& member) { return member.user == each->first; });
      if (goes_on) {
        ++each;
      } else {
        Close(each->first, each->second, start);
        open_.erase(each++);
      }
    }
    for (const Member& member : people) {
      const ZoneClock& clock = ClockOf(member.user);
      const Duty duty = DutyIn(clock, organisation_.user_holidays[member.user].get(), start, end);
      Duty& sum = duties_[member.user];
      sum.total += duty.total;
      sum.night += duty.night;
      sum.weekend += duty.weekend;
      sum.holiday += duty.holiday;
      const bool begins = open_.try_emplace(member.user, start).second;
      if (begins && start > range_.since && IsNight(clock, start)) ++sum.night_handoffs;
    }
  }

  std::map<UserId, Duty> Take() {
    for (const auto& [user, since] : open_)
      Close(user, since, range_.until);
    std::map<UserId, Duty> out;
    for (const auto& [user, duty] : duties_)
      out.emplace(organisation_.users[user]->id, duty);
    return out;
  }

 private:
  const ZoneClock& ClockOf(std::uint32_t user) const {
    const std::uint32_t own = organisation_.user_zones[user];
    return organisation_.zones[own == CompiledOrganisation::kNoZone ? zone_ : own];
  }
  void Close(std::uint32_t user, Instant since, Instant end) {
    Duty& sum = duties_[user];
    ++sum.shifts;
    sum.longest = std::max(sum.longest, absl::Seconds(end - since));
  }

  const CompiledOrganisation& organisation_;
  const Range& range_;
  std::uint32_t zone_;
  absl::flat_hash_map<std::uint32_t, Duty> duties_;
  absl::flat_hash_map<std::uint32_t, Instant> open_;  // since when who is on is on
};

}  // namespace

absl::StatusOr<std::map<UserId, Duty>> Roster::Fairness(const ScheduleId& schedule,
                                                        absl::Time since,
                                                        absl::Time until) const {
  TOCSIN_ASSIGN(const Range range, CheckRange(*compiled_, schedule, since, until));
  DutyCount count(*compiled_, range);
  TOCSIN_TRY(Walk(*compiled_, range,
                  [&](Instant start, Instant end, const PeopleSet& people) { count.Add(start, end, people); }));
  return count.Take();
}

double Roster::Balance(const std::map<UserId, Duty>& duties) {
  double sum = 0;
  std::int64_t pairs = 0;
  for (auto a = duties.begin(); a != duties.end(); ++a) {
    for (auto b = std::next(a); b != duties.end(); ++b, ++pairs) {
      const auto [less, more] = std::minmax(a->second.total, b->second.total);
      sum += more > absl::ZeroDuration() ? absl::FDivDuration(less, more) : 1;
    }
  }
  return pairs == 0 ? 1 : sum / static_cast<double>(pairs);
}

absl::StatusOr<std::vector<Shift>> Roster::ShiftsOf(const UserId& user,
                                                    const ScheduleId& schedule,
                                                    absl::Time since,
                                                    std::size_t count) const {
  const absl::Time until = std::min(since + kNextChangeHorizon, ToTime(kEndInstant));
  TOCSIN_ASSIGN(const Range range, CheckRange(*compiled_, schedule, since, until));
  const auto number = compiled_->user_numbers.find(user);
  if (number == compiled_->user_numbers.end()) return NotFound("user %s: not found", JsonQuote(user.value()));
  std::vector<Shift> shifts;
  Sweep sweep(*compiled_, range.schedule, range.since);
  bool was_on = false;
  for (std::int64_t boundaries = 0; boundaries < limits::kScheduleBoundaries; ++boundaries) {
    const PeopleSet& people = sweep.people();
    const bool is_on =
        std::any_of(people.begin(), people.end(), [&](const Member& member) { return member.user == number->second; });
    const absl::Time at = boundaries == 0 ? since : ToTime(sweep.at());
    if (was_on && !is_on) {
      shifts.back().end = at;
      if (shifts.size() == count) return shifts;
    }
    if (is_on && !was_on) shifts.push_back({.start = at, .end = until, .users = {user}});
    was_on = is_on;
    if (sweep.next() >= range.until) return shifts;
    sweep.Advance();
  }
  return Exhausted("schedule %s changes more than %d times in that range: ask for a shorter one",
                   JsonQuote(schedule.value()), limits::kScheduleBoundaries);
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
