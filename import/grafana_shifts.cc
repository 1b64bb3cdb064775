#include "import/grafana_shifts.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"

namespace tocsin::import {
namespace {

constexpr std::string_view kDays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
constexpr std::int64_t kDayMinutes = 1440;

// A shift as it is read, times on its own wall clock.
struct Shift {
  Item item;
  std::string zone;
  std::int64_t level = 0;
  absl::CivilMinute start;
  std::int64_t minutes = 0;  // of an event
  std::string frequency;
  std::int64_t interval = 1;
  std::vector<int> days;  // ISO; by_day
  std::vector<std::string> months;
  std::vector<std::string> month_days;
  int week_start = 1;
  std::optional<absl::Time> rotation_start;
  std::optional<absl::Time> until;
  std::vector<Participant> groups;
};

int DayOf(std::string_view text) {
  const auto* found = std::ranges::find(kDays, text);
  return found == std::end(kDays) ? 0 : static_cast<int>(found - std::begin(kDays)) + 1;
}

Participant GroupOf(const Item& list, Draft& draft) {
  Participant group;
  for (const Item& item : list.Items()) {
    const auto user = draft.NeedUser(item, item.Text());
    if (user) group.members.emplace_back(UserTarget{*user});
  }
  return group;
}

std::vector<std::string> Texts(const Item& list) {
  std::vector<std::string> texts;
  for (const Item& item : list.Items())
    texts.push_back(item.Text());
  return texts;
}

std::optional<Shift> ReadShift(const Item& item, const std::string& schedule_zone, Draft& draft) {
  item.Expect("on-call shifts", {"team_id",        "time_zone",  "level",         "priority_level",
                                 "start",          "duration",   "frequency",     "interval",
                                 "until",          "week_start", "by_day",        "by_month",
                                 "by_monthday",    "users",      "rolling_users", "start_rotation_from_user_index",
                                 "rotation_start", "source",     "title",         "schedule",
                                 "updated_shift"});
  Shift shift{item, schedule_zone};
  if (item["time_zone"].present()) shift.zone = draft.Zone(item, "time_zone");
  const absl::TimeZone zone = ZoneNamed(shift.zone);
  const auto start = item.NeedInstant("start", zone);
  if (!item["duration"].present()) item["duration"].Problem("is missing: the seconds that an event lasts");
  const std::int64_t seconds = item.Number("duration", 60, 366LL * 86'400, 3600);
  if (!start) return std::nullopt;
  shift.start = LocalMinute(*start, shift.zone);
  shift.minutes = seconds / 60;
  shift.level = item.Number(item["level"].present() ? "level" : "priority_level", -1000, 1000, 0);
  shift.frequency = ToLower(item.Text("frequency"));
  shift.interval = item.Number("interval", 1, 1000, 1);
  for (const std::string& day : Texts(item["by_day"])) {
    if (DayOf(day) == 0) item["by_day"].Problem(absl::StrFormat("%s is none of MO to SU", JsonQuote(day)));
    if (DayOf(day) != 0) shift.days.push_back(DayOf(day));
  }
  std::ranges::sort(shift.days);
  shift.months = Texts(item["by_month"]);
  shift.month_days = Texts(item["by_monthday"]);
  if (const int day = DayOf(item.Text("week_start")); day != 0) shift.week_start = day;
  shift.rotation_start = item.Instant("rotation_start", zone);
  shift.until = item.Instant("until", zone);
  if (item["rolling_users"].present()) {
    for (const Item& group : item.Items("rolling_users"))
      shift.groups.push_back(GroupOf(group, draft));
    const auto n = static_cast<std::int64_t>(shift.groups.size());
    if (n > 0) {
      const std::int64_t first = item.Number("start_rotation_from_user_index", 0, 10'000, 0) % n;
      std::ranges::rotate(shift.groups, shift.groups.begin() + first);
    }
  } else {
    shift.groups.push_back(GroupOf(item["users"], draft));
  }
  std::erase_if(shift.groups, [](const Participant& group) { return group.members.empty(); });
  if (shift.groups.empty()) return std::nullopt;  // nobody of it can be paged; it blocks no lower level
  return shift;
}

std::int64_t UnitMinutes(const std::string& frequency) {
  if (frequency == "hourly") return 60;
  if (frequency == "daily") return kDayMinutes;
  if (frequency == "weekly") return 7 * kDayMinutes;
  return 0;
}

Layer LayerOf(const Shift& shift, LayerIds& ids, const Schedule& schedule) {
  Layer layer;
  layer.id = ids.Claim(shift.item.FirstText({"name", "title", "id"}));
  layer.name = Line(shift.item.FirstText({"name", "title"}), layer.id.value());
  layer.priority = static_cast<std::int32_t>(shift.level);
  if (shift.zone != schedule.time_zone) layer.time_zone = shift.zone;
  return layer;
}

absl::Time InstantOf(absl::CivilMinute local, const std::string& zone) {
  const absl::TimeZone::TimeInfo info = ZoneNamed(zone).At(absl::CivilSecond(local));
  return WholeMinute(info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre);
}

// The RRULE without its beginning.
std::string RuleOf(const Shift& shift, std::string_view frequency, std::int64_t interval, bool with_days) {
  std::string rule = absl::StrFormat("FREQ=%s;INTERVAL=%d;WKST=%s", frequency, interval,
                                     kDays[static_cast<std::size_t>(shift.week_start - 1)]);
  if (with_days && !shift.days.empty()) {
    std::vector<std::string_view> days;
    for (const int day : shift.days)
      days.push_back(kDays[static_cast<std::size_t>(day - 1)]);
    rule += ";BYDAY=";
    for (std::size_t i = 0; i < days.size(); ++i)
      absl::StrAppendFormat(&rule, "%s%s", i == 0 ? "" : ",", days[i]);
  }
  if (!shift.months.empty()) rule += ";BYMONTH=" + absl::StrJoin(shift.months, ",");
  if (!shift.month_days.empty()) rule += ";BYMONTHDAY=" + absl::StrJoin(shift.month_days, ",");
  if (shift.until) {
    rule += absl::FormatTime(";UNTIL=%Y%m%dT%H%M%SZ", *shift.until, absl::UTCTimeZone());
  }
  return rule;
}

void AddRecurrence(const Shift& shift,
                   Layer layer,
                   absl::CivilMinute start,
                   std::string rule,
                   std::int64_t per_group,
                   std::vector<Participant> groups,
                   Schedule& schedule) {
  Recurrence recurrence;
  recurrence.start = start;
  recurrence.end = start + shift.minutes;
  recurrence.rule = std::move(rule);
  recurrence.shifts_per_participant = static_cast<std::int32_t>(per_group);
  layer.pattern = std::move(recurrence);
  layer.participants = std::move(groups);
  layer.effective_since = InstantOf(start, shift.zone);
  schedule.layers.push_back(std::move(layer));
}

// Turns without a pause, or with windows at the beginning of each.
void AddTurns(const Shift& shift, Layer layer, Rotation::Type type, std::int64_t period, Schedule& schedule) {
  Rotation rotation;
  rotation.type = type;
  rotation.length = static_cast<std::int32_t>(shift.interval);
  rotation.start = shift.start;
  layer.effective_since = InstantOf(shift.start, shift.zone);
  if (shift.until) {
    // The event that has begun by then runs out.
    const std::int64_t begun = LocalMinute(*shift.until, shift.zone) - shift.start;
    if (begun < 0) return;
    layer.effective_until =
        InstantOf(shift.start + begun / period * period + std::min(shift.minutes, period), shift.zone);
  }
  if (shift.minutes < period) {  // hours: the same ones each day
    for (std::int64_t at = 0; at < kDayMinutes; at += period) {
      Restriction window;
      window.start_minute =
          static_cast<std::int32_t>((shift.start.hour() * 60 + shift.start.minute() + at) % kDayMinutes);
      window.duration_minutes = static_cast<std::int32_t>(shift.minutes);
      layer.restrictions.push_back(window);
    }
  }
  layer.pattern = rotation;
  layer.participants = shift.groups;
  schedule.layers.push_back(std::move(layer));
}

void AddPeriods(Shift shift, Layer layer, Schedule& schedule) {
  const std::int64_t period = UnitMinutes(shift.frequency) * shift.interval;
  if (shift.rotation_start) {
    const std::int64_t before = LocalMinute(*shift.rotation_start, shift.zone) - shift.start;
    if (before > 0) shift.start += (before + period - 1) / period * period;
  }
  if (shift.minutes > period) {
    shift.item.Lose(Grade::kWho,
                    absl::StrFormat("events of %s every %s overlap: two groups are on at once",
                                    Span(shift.minutes * 60), Span(period * 60)),
                    "a group ends when the next begins");
    shift.minutes = period;
  }
  const bool hourly = shift.frequency == "hourly";
  if (shift.minutes == period || (hourly && kDayMinutes % period == 0)) {
    const auto type = hourly                       ? Rotation::Type::kHourly
                      : shift.frequency == "daily" ? Rotation::Type::kDaily
                                                   : Rotation::Type::kWeekly;
    AddTurns(shift, std::move(layer), type, period, schedule);
    return;
  }
  if (hourly) {
    shift.item.Lose(Grade::kWho,
                    absl::StrFormat("%s of every %s, which is not at the same times each day", Span(shift.minutes * 60),
                                    Span(period * 60)),
                    "the groups are on without a pause");
    shift.minutes = period;
    AddTurns(shift, std::move(layer), Rotation::Type::kHourly, period, schedule);
    return;
  }
  AddRecurrence(shift, std::move(layer), shift.start,
                RuleOf(shift, shift.frequency == "daily" ? "DAILY" : "WEEKLY", shift.interval, false), 1, shift.groups,
                schedule);
}

// The first day of the week that `minute` is in, at its time of day.
absl::CivilMinute WeekStart(absl::CivilMinute minute, int week_start) {
  const int day = static_cast<int>(absl::GetWeekday(absl::CivilDay(minute))) + 1;
  return minute - ((day - week_start + 7) % 7) * kDayMinutes;
}

// One group after the other has all events of so many weeks or months: a layer each.
void AddLayerPerGroup(const Shift& shift, std::string_view frequency, LayerIds& ids, Schedule& schedule) {
  const auto n = static_cast<std::int64_t>(shift.groups.size());
  for (std::int64_t g = 0; g < n; ++g) {
    absl::CivilMinute start = shift.start;
    if (g > 0 && frequency == "WEEKLY") {
      start = WeekStart(shift.start, shift.week_start) + g * shift.interval * 7 * kDayMinutes;
    } else if (g > 0) {
      const absl::CivilMonth month = absl::CivilMonth(shift.start) + g * shift.interval;
      start = absl::CivilMinute(month.year(), month.month(), 1, shift.start.hour(), shift.start.minute());
    }
    AddRecurrence(shift, LayerOf(shift, ids, schedule), start, RuleOf(shift, frequency, n * shift.interval, true), 1,
                  {shift.groups[static_cast<std::size_t>(g)]}, schedule);
  }
}

// All days of a week are one group's, and a week begins on week_start.
void AddWeekdays(Shift shift, LayerIds& ids, Schedule& schedule) {
  if (shift.rotation_start) {
    const absl::CivilMinute begins = LocalMinute(*shift.rotation_start, shift.zone);
    while (shift.start < begins)
      shift.start += kDayMinutes;
  }
  if (shift.interval > 1 || shift.minutes > kDayMinutes) {
    AddLayerPerGroup(shift, "WEEKLY", ids, schedule);
    return;
  }
  Layer layer = LayerOf(shift, ids, schedule);
  layer.pattern = Rotation{.start = WeekStart(shift.start, shift.week_start)};
  layer.participants = shift.groups;
  layer.effective_since = InstantOf(shift.start, shift.zone);
  if (shift.until) {
    const auto until = WholeMinute(*shift.until);
    if (until <= *layer.effective_since) return;
    layer.effective_until = until;
  }
  for (const int day : shift.days) {
    Restriction window;
    window.type = Restriction::Type::kWeekly;
    window.start_day_of_week = day;
    window.start_minute = static_cast<std::int32_t>(shift.start.hour() * 60 + shift.start.minute());
    window.duration_minutes = static_cast<std::int32_t>(shift.minutes);
    layer.restrictions.push_back(window);
  }
  schedule.layers.push_back(std::move(layer));
}

}  // namespace

void AddShift(const Item& item, LayerIds& ids, Draft& draft, Schedule& schedule) {
  std::optional<Shift> read = ReadShift(item, schedule.time_zone, draft);
  if (!read) return;
  Shift& shift = *read;
  const std::string type = item.Text("type");
  if (type == "single_event" || shift.frequency.empty()) {
    Layer layer = LayerOf(shift, ids, schedule);
    const absl::Time start = InstantOf(shift.start, shift.zone);
    layer.pattern = FixedShifts{{{start, start + absl::Minutes(shift.minutes), shift.groups.front().members}}};
    schedule.layers.push_back(std::move(layer));
    return;
  }
  const bool by_month = !shift.months.empty() || !shift.month_days.empty();
  if (UnitMinutes(shift.frequency) > 0 && shift.days.empty() && !by_month) {
    AddPeriods(shift, LayerOf(shift, ids, schedule), schedule);
  } else if (shift.frequency == "weekly" && !by_month) {
    AddWeekdays(shift, ids, schedule);
  } else if (shift.frequency == "daily") {
    AddRecurrence(shift, LayerOf(shift, ids, schedule), shift.start, RuleOf(shift, "DAILY", 1, true), shift.interval,
                  shift.groups, schedule);
  } else if (shift.frequency == "monthly" && !by_month && shift.days.empty()) {
    AddRecurrence(shift, LayerOf(shift, ids, schedule), shift.start, RuleOf(shift, "MONTHLY", shift.interval, false), 1,
                  shift.groups, schedule);
  } else if (shift.frequency == "monthly" || shift.frequency == "weekly") {
    AddLayerPerGroup(shift, shift.frequency == "monthly" ? "MONTHLY" : "WEEKLY", ids, schedule);
  } else {
    item.Lose(
        Grade::kWho,
        absl::StrFormat("a shift of frequency %s with days or months", JsonQuote(TruncateUtf8(shift.frequency, 60))),
        "left out");
  }
}

void AddOverrides(const std::vector<Item>& shifts, Draft& draft, Schedule& schedule) {
  std::vector<FixedShift> all;
  std::set<absl::Time> edges;
  for (const Item& item : shifts) {
    const std::optional<Shift> shift = ReadShift(item, schedule.time_zone, draft);
    if (!shift) continue;
    FixedShift one;
    one.start = InstantOf(shift->start, shift->zone);
    one.end = one.start + absl::Minutes(shift->minutes);
    for (const Participant& group : shift->groups)
      one.members.insert(one.members.end(), group.members.begin(), group.members.end());
    edges.insert({one.start, one.end});
    all.push_back(std::move(one));
  }
  constexpr std::size_t kMost = 5'000;
  if (all.size() > kMost) {
    draft.report().Problem("the export",
                           absl::StrFormat("schedule %s has more than %d overrides", schedule.id.value(), kMost));
    return;
  }
  std::ranges::sort(all, {}, &FixedShift::start);
  for (auto at = edges.begin(); at != edges.end() && std::next(at) != edges.end(); ++at) {
    Override change;
    change.start = *at;
    change.end = *std::next(at);
    change.reason = "imported from Grafana OnCall";
    for (const FixedShift& shift : all) {
      if (shift.start > change.start) break;
      if (shift.end < change.end) continue;
      for (const Target& member : shift.members) {
        if (std::ranges::find(change.users, member) == change.users.end()) change.users.push_back(member);
      }
    }
    if (!change.users.empty()) Draft::Override(schedule, std::move(change));
  }
}

}  // namespace tocsin::import
