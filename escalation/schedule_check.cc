#include "escalation/schedule_check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/nesting.h"
#include "escalation/occurrences.h"
#include "escalation/seconds.h"
#include "escalation/week.h"
#include "escalation/zone_clock.h"

namespace tocsin {
namespace {

template <class Id>
std::string Path(std::string_view kind, const Id& id, std::size_t position) {
  if (id.set()) return absl::StrFormat("%s %s", kind, JsonQuote(id.value()));
  return absl::StrFormat("%s %d", kind, position + 1);
}

std::string Format(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

bool IsWholeMinute(absl::Time time) {
  return time == absl::FromUnixSeconds(60 * FloorDiv(absl::ToUnixSeconds(time), 60));
}

// Collects problems below a path, which is a stack: `db` > `weekly` > `restriction 2`.
class Checker {
 public:
  explicit Checker(const Organisation& organisation) : organisation_(organisation) {
    for (const User& user : organisation.users)
      users_.insert(user.id);
    for (const Team& team : organisation.teams)
      teams_.insert(team.id);
    for (const Schedule& schedule : organisation.schedules)
      schedules_.insert(schedule.id);
  }

  std::vector<std::string> Run() {
    std::vector<NestingProblem> nesting = FindNestingProblems(organisation_);
    std::stable_sort(nesting.begin(), nesting.end(),
                     [](const NestingProblem& a, const NestingProblem& b) { return a.schedule < b.schedule; });
    auto problem = nesting.begin();
    absl::flat_hash_set<ScheduleId> seen;
    for (std::size_t i = 0; i < organisation_.schedules.size(); ++i) {
      const Schedule& schedule = organisation_.schedules[i];
      Below(Path("schedule", schedule.id, i), [&] {
        CheckId(schedule.id, seen);
        CheckSchedule(schedule);
        for (; problem != nesting.end() && problem->schedule == i; ++problem)
          Report("%s", problem->text);
      });
    }
    return std::move(problems_);
  }

 private:
  template <typename Check>
  void Below(const std::string& name, const Check& check) {
    const std::size_t length = path_.size();
    path_ += name + ": ";
    check();
    path_.resize(length);
  }

  template <typename... Args>
  void Report(const absl::FormatSpec<Args...>& format, const Args&... args) {
    problems_.push_back(path_ + absl::StrFormat(format, args...));
  }

  template <class Id>
  void CheckId(const Id& id, absl::flat_hash_set<Id>& seen) {
    if (!id.set()) {
      Report("has no id");
    } else if (!seen.insert(id).second) {
      Report("the id is used twice");
    }
  }

  void CheckCount(std::size_t count, std::size_t limit, std::string_view what) {
    if (count > limit) Report("has %d %s, at most %d are possible", count, what, limit);
  }

  void CheckSchedule(const Schedule& schedule) {
    CheckZone(schedule.time_zone);
    zone_ = schedule.time_zone;
    CheckCount(schedule.layers.size(), limits::kLayersPerSchedule, "layers");
    CheckCount(schedule.overrides.size(), limits::kOverridesPerSchedule, "overrides");
    absl::flat_hash_set<LayerId> layers;
    for (std::size_t i = 0; i < schedule.layers.size(); ++i) {
      Below(Path("layer", schedule.layers[i].id, i), [&] {
        CheckId(schedule.layers[i].id, layers);
        CheckLayer(schedule.layers[i]);
      });
    }
    absl::flat_hash_set<std::string> overrides;
    for (std::size_t i = 0; i < schedule.overrides.size(); ++i) {
      const Override& change = schedule.overrides[i];
      const std::string name =
          change.id.empty() ? absl::StrFormat("override %d", i + 1) : "override " + JsonQuote(change.id);
      Below(name, [&] {
        if (!change.id.empty() && !overrides.insert(change.id).second) Report("the id is used twice");
        CheckOverride(change, layers);
      });
    }
    CheckTemporaries(schedule.temporary_schedules);
  }

  void CheckZone(const std::string& name) {
    const auto [known, is_new] = zones_.try_emplace(name, true);
    if (is_new) known->second = ZoneClock::Load(name).ok();
    if (!known->second) Report("time zone %s is unknown", JsonQuote(name));
  }

  void CheckLayer(const Layer& layer) {
    if (!layer.time_zone.empty()) CheckZone(layer.time_zone);
    if (layer.effective_since) CheckTime(*layer.effective_since, "effective_since");
    if (layer.effective_until) CheckTime(*layer.effective_until, "effective_until");
    if (layer.effective_since && layer.effective_until && *layer.effective_since >= *layer.effective_until) {
      Report("effective_since %s is not before effective_until %s", Format(*layer.effective_since),
             Format(*layer.effective_until));
    }
    CheckCount(layer.participants.size(), limits::kParticipantsPerLayer, "participants");
    for (std::size_t i = 0; i < layer.participants.size(); ++i) {
      Below(absl::StrFormat("participant %d", i + 1), [&] { CheckTargets(layer.participants[i].members); });
    }
    CheckCount(layer.restrictions.size(), limits::kRestrictionsPerLayer, "restrictions");
    const std::size_t before = problems_.size();
    for (std::size_t i = 0; i < layer.restrictions.size(); ++i) {
      Below(absl::StrFormat("restriction %d", i + 1), [&] { CheckRestriction(layer.restrictions[i]); });
    }
    CheckHolidayRule(layer.holidays);
    if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) {
      CheckRotation(*rotation);
      if (rotation->type == Rotation::Type::kShifts && problems_.size() == before) {
        if (layer.restrictions.empty()) Report("turns by shift need restrictions: they are the shifts");
        if (Overlap(WindowsOfWeek(layer.restrictions))) Report("turns by shift need restrictions that do not overlap");
      }
    } else if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
      CheckRecurrence(*recurrence, layer.time_zone.empty() ? zone_ : layer.time_zone);
    } else {
      CheckFixed(std::get<FixedShifts>(layer.pattern), layer);
    }
  }

  void CheckHolidayRule(const HolidayRule& rule) {
    if (!rule.holidays.set()) return;
    const bool known = std::ranges::any_of(
        organisation_.holidays, [&](const HolidayCalendar& calendar) { return calendar.id == rule.holidays; });
    if (!known) Report("calendar of holidays %s is unknown", JsonQuote(rule.holidays.value()));
  }

  void CheckLocal(absl::CivilMinute local, std::string_view what) {
    if (local.year() <= kFirstYear || local.year() >= kEndYear - 1) {
      Report("%s is in the year %d, must be after %d and before %d", what, local.year(), kFirstYear, kEndYear - 1);
    }
  }

  void CheckRecurrence(const Recurrence& recurrence, const std::string& zone) {
    const std::size_t before = problems_.size();
    CheckLocal(recurrence.start, "the recurrence's start");
    CheckLocal(recurrence.end, "the recurrence's end");
    for (const absl::CivilMinute each : recurrence.except)
      CheckLocal(each, "an exception");
    for (const absl::CivilMinute each : recurrence.also)
      CheckLocal(each, "an addition");
    CheckCount(recurrence.except.size(), limits::kRecurrenceExceptions, "exceptions");
    CheckCount(recurrence.also.size(), limits::kRecurrenceExceptions, "additions");
    if (recurrence.shifts_per_participant < 1 || recurrence.shifts_per_participant > limits::kRotationLength) {
      Report("%d shifts per participant, must be 1 to %d", recurrence.shifts_per_participant, limits::kRotationLength);
    }
    const absl::StatusOr<ZoneClock> clock = ZoneClock::Load(zone);
    if (problems_.size() > before || !clock.ok()) return;
    const absl::Status status = Occurrences::Make(recurrence, *clock).status();
    if (!status.ok()) Report("recurrence: %s", Message(status));
  }

  void CheckFixed(const FixedShifts& fixed, const Layer& layer) {
    if (!layer.participants.empty()) Report("has participants and fixed shifts, which say who is on by themselves");
    CheckCount(fixed.shifts.size(), limits::kFixedShiftsPerSchedule, "fixed shifts");
    for (std::size_t i = 0; i < fixed.shifts.size(); ++i) {
      Below(absl::StrFormat("shift %d", i + 1), [&] {
        CheckRange(fixed.shifts[i].start, fixed.shifts[i].end);
        CheckTargets(fixed.shifts[i].members);
      });
    }
  }

  void CheckRotation(const Rotation& rotation) {
    if (rotation.length < 1 || rotation.length > limits::kRotationLength) {
      Report("the rotation's length is %d, must be 1 to %d", rotation.length, limits::kRotationLength);
    }
    const auto year = rotation.start.year();
    if (year <= kFirstYear || year >= kEndYear - 1) {
      Report("the rotation starts in the year %d, must be after %d and before %d", year, kFirstYear, kEndYear - 1);
    }
    if (rotation.count == Rotation::Count::kElapsed) {
      if (rotation.type == Rotation::Type::kMonthly) Report("monthly turns cannot be counted in elapsed time");
      if (rotation.type == Rotation::Type::kShifts) Report("turns by shift cannot be counted in elapsed time");
    }
  }

  void CheckRestriction(const Restriction& restriction) {
    constexpr std::int32_t kDayMinutes = 24 * 60;
    const bool weekly = restriction.type == Restriction::Type::kWeekly;
    const std::int32_t longest = weekly ? 7 * kDayMinutes : kDayMinutes;
    if (restriction.start_minute < 0 || restriction.start_minute >= kDayMinutes) {
      Report("starts at minute %d of the day, must be 0 to %d", restriction.start_minute, kDayMinutes - 1);
    }
    if (weekly && (restriction.start_day_of_week < 1 || restriction.start_day_of_week > 7)) {
      Report("starts on day %d of the week, must be 1 (Monday) to 7 (Sunday)", restriction.start_day_of_week);
    }
    if (restriction.duration_minutes < 1 || restriction.duration_minutes > longest) {
      Report("lasts %d minutes, must be 1 to %d", restriction.duration_minutes, longest);
    }
  }

  void CheckTime(absl::Time time, std::string_view what) {
    if (time <= ToTime(kFirstInstant) || time >= ToTime(kEndInstant)) {
      Report("%s must be between the years %d and %d", what, kFirstYear, kEndYear);
    } else if (!IsWholeMinute(time)) {
      Report("%s %s is not a whole minute", what, Format(time));
    }
  }

  void CheckRange(absl::Time start, absl::Time end) {
    CheckTime(start, "start");
    CheckTime(end, "end");
    if (start >= end) Report("start %s is not before end %s", Format(start), Format(end));
  }

  void CheckTargets(const std::vector<Target>& targets) {
    CheckCount(targets.size(), limits::kTargetsPerParticipant, "targets");
    for (const Target& target : targets) {
      if (const auto* user = std::get_if<UserTarget>(&target)) CheckUser(user->user, "");
      if (const auto* team = std::get_if<TeamTarget>(&target); team != nullptr && !teams_.contains(team->team)) {
        Report("team %s is unknown", JsonQuote(team->team.value()));
      }
      if (std::holds_alternative<PolicyTarget>(target)) Report("only steps of policies may name a policy");
      if (const auto* other = std::get_if<ScheduleTarget>(&target);
          other != nullptr && other->turn != ScheduleTarget::Turn::kPresent) {
        Report("only steps of policies ask for another turn of a schedule than the present");
      }
      if (const auto* nested = std::get_if<ScheduleTarget>(&target);
          nested != nullptr && !schedules_.contains(nested->schedule)) {
        Report("schedule %s is unknown", JsonQuote(nested->schedule.value()));
      }
    }
  }

  void CheckUser(const UserId& user, std::string_view role) {
    if (!users_.contains(user)) Report("%suser %s is unknown", role, JsonQuote(user.value()));
  }

  void CheckOverride(const Override& change, const absl::flat_hash_set<LayerId>& layers) {
    CheckRange(change.start, change.end);
    CheckTargets(change.users);
    for (const LayerId& layer : change.layers) {
      if (!layers.contains(layer)) Report("layer %s is unknown", JsonQuote(layer.value()));
    }
    if (change.type == Override::Type::kSwap) {
      if (!change.users.empty()) Report("a swap names two people, from and to, and no list of users");
      CheckUser(change.from_user, "from: ");
      CheckUser(change.to_user, "to: ");
      if (change.from_user == change.to_user)
        Report("swaps %s with the same person", JsonQuote(change.to_user.value()));
      return;
    }
    if (change.from_user.set() || change.to_user.set()) Report("only a swap has people from and to");
    // To assign nobody is to silence the schedule; to add or remove nobody is a mistake.
    if (change.users.empty() && change.type != Override::Type::kAssign) Report("names nobody");
  }

  void CheckTemporaries(const std::vector<TemporarySchedule>& temporaries) {
    std::size_t shifts = 0;
    std::vector<std::pair<absl::Time, absl::Time>> ranges;
    for (std::size_t i = 0; i < temporaries.size(); ++i) {
      const TemporarySchedule& temporary = temporaries[i];
      shifts += temporary.shifts.size();
      ranges.emplace_back(temporary.start, temporary.end);
      Below(absl::StrFormat("temporary schedule %d", i + 1), [&] {
        CheckRange(temporary.start, temporary.end);
        for (std::size_t k = 0; k < temporary.shifts.size(); ++k) {
          Below(absl::StrFormat("shift %d", k + 1), [&] { CheckShift(temporary.shifts[k], temporary); });
        }
      });
    }
    CheckCount(shifts, limits::kFixedShiftsPerSchedule, "fixed shifts");
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first < ranges[i - 1].second) {
        Report("two temporary schedules overlap from %s", Format(ranges[i].first));
      }
    }
  }

  void CheckShift(const FixedShift& shift, const TemporarySchedule& temporary) {
    CheckRange(shift.start, shift.end);
    CheckTargets(shift.members);
    if (shift.end <= temporary.start || shift.start >= temporary.end) Report("lies outside its temporary schedule");
  }

  const Organisation& organisation_;
  absl::flat_hash_set<UserId> users_;
  absl::flat_hash_set<TeamId> teams_;
  absl::flat_hash_set<ScheduleId> schedules_;
  absl::flat_hash_map<std::string, bool> zones_;  // by name: known?
  std::string zone_;                              // of the schedule that is being checked
  std::string path_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> FindScheduleProblems(const Organisation& organisation) {
  return Checker(organisation).Run();
}

}  // namespace tocsin
