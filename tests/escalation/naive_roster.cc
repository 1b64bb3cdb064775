#include "tests/escalation/naive_roster.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "escalation/recurrence_rule.h"

namespace tocsin {
namespace {

struct Window {
  absl::CivilMinute start;
  absl::CivilMinute end;
};

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  absl::LoadTimeZone(name, &zone);
  return zone;
}

// The windows that start on `day`.
std::vector<Window> WindowsOn(absl::CivilDay day, const std::vector<Restriction>& restrictions) {
  std::vector<Window> windows;
  for (const Restriction& restriction : restrictions) {
    const int weekday = static_cast<int>(absl::GetWeekday(day)) + 1;  // Monday 1
    if (restriction.type == Restriction::Type::kWeekly && weekday != restriction.start_day_of_week) continue;
    const absl::CivilMinute start = absl::CivilMinute(day) + restriction.start_minute;
    windows.push_back({.start = start, .end = start + restriction.duration_minutes});
  }
  return windows;
}

// The start of the turn `k` turns from the rotation's; nullopt when the month lacks the day and such months are
// skipped.
std::optional<absl::CivilMinute> Boundary(const Rotation& rotation, std::int64_t k) {
  const std::int64_t units = k * rotation.length;
  const absl::CivilMinute start = rotation.start;
  switch (rotation.type) {
    case Rotation::Type::kHourly: return start + 60 * units;
    case Rotation::Type::kDaily: return start + 60 * 24 * units;
    case Rotation::Type::kWeekly: return start + 60 * 24 * 7 * units;
    case Rotation::Type::kMonthly:
    case Rotation::Type::kShifts: break;
  }
  const absl::CivilMonth month = absl::CivilMonth(start) + units;
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  absl::CivilDay day = absl::CivilDay(month) + (start.day() - 1);
  if (day > last && rotation.month_overflow == Rotation::MonthOverflow::kSkip) return std::nullopt;
  if (rotation.month_overflow == Rotation::MonthOverflow::kClamp) day = std::min(day, last);
  return absl::CivilMinute(day.year(), day.month(), day.day(), start.hour(), start.minute());
}

}  // namespace

FirstAt ScanMinutes() {
  auto known = std::make_shared<std::map<std::pair<std::string, absl::CivilMinute>, absl::Time>>();
  return [known](const absl::TimeZone& zone, absl::CivilMinute time) {
    const auto [found, is_new] = known->try_emplace({std::string(zone.name()), time});
    if (is_new) {
      // No clock is 16 hours ahead: this is before.
      absl::Time at = absl::FromCivil(time - 16 * 60, absl::UTCTimeZone());
      while (absl::ToCivilMinute(at, zone) < time)
        at += absl::Minutes(1);
      found->second = at;
    }
    return found->second;
  };
}

absl::Time AskAbseil(const absl::TimeZone& zone, absl::CivilMinute time) {
  const absl::TimeZone::TimeInfo info = zone.At(absl::CivilSecond(time));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

std::set<UserId> NaiveRoster::People(const std::vector<Target>& targets, absl::Time at) const {
  std::set<UserId> people;
  for (const Target& target : targets) {
    if (const auto* user = std::get_if<UserTarget>(&target)) people.insert(user->user);
    if (const auto* team = std::get_if<TeamTarget>(&target)) {
      for (const UserId& member : organisation_.Find(team->team)->members)
        people.insert(member);
    }
    if (const auto* nested = std::get_if<ScheduleTarget>(&target)) people.merge(OnCall(nested->schedule, at));
  }
  return people;
}

bool NaiveRoster::Begun(absl::CivilMinute time, const absl::TimeZone& zone, absl::Time at) const {
  // Days away the clock need not be asked: no zone is further from UTC than 16 hours, nor has ever skipped more than a
  // day.
  const absl::Time in_utc = absl::FromCivil(time, absl::UTCTimeZone());
  if (in_utc + absl::Hours(48) <= at) return true;
  if (in_utc - absl::Hours(16) > at) return false;
  return first_at_(zone, time) <= at;
}

bool NaiveRoster::Inside(const Layer& layer, const absl::TimeZone& zone, absl::Time at) const {
  if (layer.restrictions.empty()) return true;
  const absl::CivilDay today = absl::ToCivilDay(at, zone);
  for (absl::CivilDay day = today - 10; day <= today + 2; ++day) {
    for (const Window& window : WindowsOn(day, layer.restrictions)) {
      if (Begun(window.start, zone, at) && !Begun(window.end, zone, at)) return true;
    }
  }
  return false;
}

std::int64_t NaiveRoster::Turn(const Rotation& rotation, const absl::TimeZone& zone, absl::Time at) const {
  const absl::Time anchor = first_at_(zone, rotation.start);
  std::int64_t turn = 0;
  if (rotation.count == Rotation::Count::kElapsed) {
    const absl::Duration length = absl::Minutes(*Boundary(rotation, 1) - rotation.start);
    absl::Time start = anchor;
    for (; start > at; start -= length)
      --turn;
    for (; start + length <= at; start += length)
      ++turn;
    return turn;
  }
  // `k` counts boundaries, `turn` those that exist.
  std::int64_t k = 0;
  if (anchor > at) {
    while (!Boundary(rotation, k) || !Begun(*Boundary(rotation, k), zone, at)) {
      --k;
      if (Boundary(rotation, k)) --turn;
    }
    return turn;
  }
  for (;; ++turn) {
    do
      ++k;
    while (!Boundary(rotation, k));
    if (!Begun(*Boundary(rotation, k), zone, at)) return turn;
  }
}

std::int64_t NaiveRoster::ShiftTurn(const Layer& layer, const absl::TimeZone& zone, absl::Time at) const {
  const absl::CivilDay today = absl::ToCivilDay(at, zone);
  const auto& rotation = std::get<Rotation>(layer.pattern);
  const absl::CivilDay anchor(rotation.start);
  std::vector<Window> windows;
  for (absl::CivilDay day = std::min(today, anchor) - 10; day <= std::max(today, anchor) + 9; ++day) {
    for (const Window& window : WindowsOn(day, layer.restrictions))
      windows.push_back(window);
  }
  std::sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) { return a.start < b.start; });
  const auto first = std::find_if(windows.begin(), windows.end(),
                                  [&](const Window& window) { return window.start >= rotation.start; });
  const auto now = std::find_if(windows.begin(), windows.end(), [&](const Window& window) {
    return Begun(window.start, zone, at) && !Begun(window.end, zone, at);
  });
  std::int64_t shift = now - first;
  std::int64_t turn = 0;
  for (; shift < 0; shift += rotation.length)
    --turn;
  for (; shift >= rotation.length; shift -= rotation.length)
    ++turn;
  return turn;
}

bool NaiveRoster::FreeOfHolidays(const HolidayRule& rule, const absl::TimeZone& zone, absl::Time at) const {
  if (!rule.holidays.set()) return true;
  bool holiday = false;
  for (const HolidayCalendar& calendar : organisation_.holidays) {
    if (calendar.id != rule.holidays) continue;
    const absl::CivilDay today = absl::ToCivilDay(at, zone);
    for (absl::CivilDay day = today - 3; day <= today + 3; ++day) {
      const bool listed = std::any_of(calendar.days.begin(), calendar.days.end(), [&](const Holiday& each) {
        return (each.year == 0 || each.year == day.year()) && each.month == day.month() && each.day == day.day();
      });
      const absl::CivilMinute begins(day);
      if (listed && Begun(begins, zone, at) && !Begun(begins + 24 * 60, zone, at)) holiday = true;
    }
  }
  return holiday == (rule.on == HolidayRule::On::kHolidaysOnly);
}

// nullopt: no shift is on.
std::optional<std::int64_t> NaiveRoster::RecurrenceTurn(const Recurrence& recurrence,
                                                        const absl::TimeZone& zone,
                                                        absl::Time at) const {
  std::set<absl::CivilMinute> starts;
  if (recurrence.rule.empty()) {
    starts.insert(recurrence.start);
  } else {
    const WallTime last = ToWallTime(absl::ToCivilSecond(at, zone)) + 3 * kDaySeconds;
    const RecurrenceRule rule = *ParseRecurrenceRule(recurrence.rule);
    for (const WallTime each : Expand(rule, recurrence.start, last, 1'000'000)) {
      const absl::CivilMinute start(absl::CivilSecond(1970) + each.seconds);
      const bool late = rule.until && first_at_(zone, start) > absl::FromCivil(*rule.until, absl::UTCTimeZone());
      if (!late) starts.insert(start);
    }
  }
  starts.insert(recurrence.also.begin(), recurrence.also.end());
  for (const absl::CivilMinute each : recurrence.except)
    starts.erase(each);
  const std::int64_t length = recurrence.end - recurrence.start;
  std::int64_t number = -1;
  bool is_on = false;
  for (const absl::CivilMinute start : starts) {
    if (!Begun(start, zone, at)) break;
    ++number;
    is_on = recurrence.count == Rotation::Count::kElapsed ? at < first_at_(zone, start) + absl::Minutes(length)
                                                          : !Begun(start + length, zone, at);
  }
  if (!is_on) return std::nullopt;
  return number / recurrence.shifts_per_participant;
}

std::set<UserId> NaiveRoster::FixedPeople(const FixedShifts& fixed, absl::Time at) const {
  std::set<UserId> people;
  for (const FixedShift& shift : fixed.shifts) {
    if (shift.start <= at && at < shift.end) people.merge(People(shift.members, at));
  }
  return people;
}

std::set<UserId> NaiveRoster::Offer(const Layer& layer, const Schedule& schedule, absl::Time at) const {
  const absl::TimeZone zone = Zone(layer.time_zone.empty() ? schedule.time_zone : layer.time_zone);
  if (layer.effective_since && at < *layer.effective_since) return {};
  if (layer.effective_until && at >= *layer.effective_until) return {};
  if (!Inside(layer, zone, at) || !FreeOfHolidays(layer.holidays, zone, at)) return {};
  if (const auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) return FixedPeople(*fixed, at);
  if (layer.participants.empty()) return {};
  std::int64_t slot = 0;
  if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
    const std::optional<std::int64_t> turn = RecurrenceTurn(*recurrence, zone, at);
    if (!turn) return {};
    slot = *turn + recurrence->start_index;
  } else {
    const auto& rotation = std::get<Rotation>(layer.pattern);
    if (!layer.effective_since && at < first_at_(zone, rotation.start)) return {};
    const bool by_shift = rotation.type == Rotation::Type::kShifts;
    slot = (by_shift ? ShiftTurn(layer, zone, at) : Turn(rotation, zone, at)) + rotation.start_index;
  }
  const auto count = static_cast<std::int64_t>(layer.participants.size());
  while (slot < 0)
    slot += count;
  while (slot >= count)
    slot -= count;
  return People(layer.participants[static_cast<std::size_t>(slot)].members, at);
}

void NaiveRoster::Apply(const Override& change, absl::Time at, std::set<UserId>& people) const {
  switch (change.type) {
    case Override::Type::kAssign: people = People(change.users, at); return;
    case Override::Type::kAdd: people.merge(People(change.users, at)); return;
    case Override::Type::kRemove:
      for (const UserId& user : People(change.users, at))
        people.erase(user);
      return;
    case Override::Type::kSwap:
      if (people.erase(change.from_user) > 0) people.insert(change.to_user);
      return;
  }
}

std::set<UserId> NaiveRoster::OnCall(const ScheduleId& id, absl::Time at) const {
  const Schedule& schedule = *organisation_.Find(id);
  for (const TemporarySchedule& temporary : schedule.temporary_schedules) {
    if (at < temporary.start || at >= temporary.end) continue;
    std::set<UserId> people;
    for (const FixedShift& shift : temporary.shifts) {
      if (shift.start <= at && at < shift.end) people.merge(People(shift.members, at));
    }
    return people;
  }
  std::vector<const Override*> overrides;
  for (const Override& change : schedule.overrides) {
    if (change.start <= at && at < change.end) overrides.push_back(&change);
  }
  std::stable_sort(overrides.begin(), overrides.end(),
                   [](const Override* a, const Override* b) { return a->seq < b->seq; });
  std::map<std::int32_t, std::set<UserId>> by_priority;
  for (const Layer& layer : schedule.layers) {
    std::set<UserId> people = Offer(layer, schedule, at);
    for (const Override* change : overrides) {
      const std::vector<LayerId>& layers = change->layers;
      if (std::find(layers.begin(), layers.end(), layer.id) != layers.end()) Apply(*change, at, people);
    }
    if (!people.empty()) by_priority[layer.priority].merge(people);
  }
  std::set<UserId> people;
  if (!by_priority.empty()) people = by_priority.rbegin()->second;
  for (const Override* change : overrides) {
    if (change->layers.empty()) Apply(*change, at, people);
  }
  return people;
}

}  // namespace tocsin
