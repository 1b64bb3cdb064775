#include "tests/escalation/random_schedule.h"

#include <algorithm>
#include <filesystem>

#include "escalation/occurrences.h"
#include "escalation/week.h"
#include "escalation/zone_clock.h"

namespace tocsin {
namespace {

absl::Time WholeMinute(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60);
}

class Generator {
 public:
  Generator(Random& random, const std::string& zone, const std::vector<std::string>& zones, absl::Time around)
      : random_(random), zone_(zone), zones_(zones), around_(WholeMinute(around)) {}

  Organisation Run() {
    Organisation organisation;
    for (const char* id : {"alice", "bob", "carol", "dave", "eva", "finn"}) {
      organisation.users.emplace_back().id = UserId(id);
    }
    organisation.teams.push_back({
        .id = TeamId("db"), .name = "", .members = {UserId("carol"), UserId("eva")}
    });
    organisation.teams.push_back({.id = TeamId("nobody"), .name = "", .members = {}});
    HolidayCalendar& calendar = organisation.holidays.emplace_back();
    calendar.id = HolidaysId("days");
    for (std::int32_t n = Between(0, 5); n > 0; --n) {
      const absl::CivilDay day = absl::ToCivilDay(Near(60 * 24 * 5), absl::UTCTimeZone());
      calendar.days.push_back({OneIn(2) ? 0 : static_cast<std::int32_t>(day.year()), day.month(), day.day(), ""});
    }
    for (const char* id : {"inner", "middle", "outer"}) {
      organisation.schedules.push_back(MakeSchedule(id));
      nested_ = organisation.schedules.back().id;
    }
    return organisation;
  }

 private:
  bool OneIn(std::uint64_t n) { return random_.OneIn(n); }
  std::int32_t Between(std::int32_t low, std::int32_t high) {
    return static_cast<std::int32_t>(random_.Between(low, high));
  }
  absl::Time Near(std::int64_t minutes) { return around_ + absl::Minutes(random_.Between(-minutes, minutes)); }

  UserId User() {
    static constexpr const char* kUsers[] = {"alice", "bob", "carol", "dave", "eva", "finn"};
    return UserId(kUsers[random_.Below(std::size(kUsers))]);
  }

  std::vector<Target> Targets(bool may_be_empty) {
    std::vector<Target> targets;
    if (may_be_empty && OneIn(5)) return targets;
    for (std::int32_t n = Between(1, 2); n > 0; --n) {
      if (nested_.set() && OneIn(6)) {
        targets.emplace_back(ScheduleTarget{nested_});
      } else if (OneIn(8)) {
        targets.emplace_back(TeamTarget{TeamId(OneIn(4) ? "nobody" : "db")});
      } else {
        targets.emplace_back(UserTarget{User()});
      }
    }
    return targets;
  }

  Rotation MakeRotation(const absl::TimeZone& zone) {
    Rotation rotation;
    rotation.type = static_cast<Rotation::Type>(Between(0, 4));
    rotation.length = OneIn(2) ? 1 : Between(1, rotation.type == Rotation::Type::kHourly ? 40 : 4);
    const std::int64_t back = OneIn(2) ? 10 : 700;
    const absl::Time start = around_ - absl::Hours(24) * random_.Between(-2, back);
    rotation.start = absl::ToCivilMinute(start, zone);
    // Handoffs at round times meet the changes of clocks more often.
    if (OneIn(2)) rotation.start = absl::CivilMinute(absl::CivilDay(rotation.start)) + 30 * Between(0, 8);
    const bool fixed = rotation.type != Rotation::Type::kMonthly && rotation.type != Rotation::Type::kShifts;
    if (fixed && OneIn(4)) rotation.count = Rotation::Count::kElapsed;
    rotation.month_overflow = static_cast<Rotation::MonthOverflow>(Between(0, 2));
    if (rotation.type == Rotation::Type::kMonthly && OneIn(2)) {
      rotation.start = absl::CivilMinute(rotation.start.year(), 1, Between(28, 31), rotation.start.hour(), 30);
    }
    rotation.start_index = OneIn(3) ? Between(-9, 9) : 0;
    return rotation;
  }

  std::string MakeRule() {
    static constexpr const char* kDays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
    const auto day = [&] { return std::string(kDays[random_.Below(7)]); };
    const std::string interval = ";INTERVAL=" + std::to_string(Between(1, 3));
    switch (Between(0, 5)) {
      case 0: return "FREQ=DAILY" + interval;
      case 1: return "FREQ=WEEKLY;WKST=" + day() + ";BYDAY=" + day() + "," + day() + interval;
      case 2: return "FREQ=WEEKLY" + interval + ";COUNT=" + std::to_string(Between(1, 60));
      case 3: return "FREQ=MONTHLY;BYMONTHDAY=1,15,-1" + interval;
      case 4: return "FREQ=MONTHLY;BYDAY=" + std::to_string(OneIn(2) ? -1 : Between(1, 5)) + day();
      default: break;
    }
    const absl::CivilSecond until = absl::ToCivilSecond(around_ + absl::Hours(Between(-90, 90)), absl::UTCTimeZone());
    return "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=" +
           absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromCivil(until, absl::UTCTimeZone()), absl::UTCTimeZone());
  }

  Recurrence MakeRecurrence(const absl::TimeZone& zone) {
    Recurrence recurrence;
    const std::int64_t back = OneIn(2) ? 10 : 700;
    recurrence.start = absl::ToCivilMinute(around_ - absl::Hours(24) * random_.Between(-2, back), zone);
    if (OneIn(2)) recurrence.start = absl::CivilMinute(absl::CivilDay(recurrence.start)) + 30 * Between(0, 8);
    recurrence.end = recurrence.start + (OneIn(4) ? 1440 : Between(1, 1440));
    if (!OneIn(8)) recurrence.rule = MakeRule();
    if (OneIn(4)) recurrence.count = Rotation::Count::kElapsed;
    recurrence.shifts_per_participant = OneIn(2) ? 1 : Between(1, 4);
    recurrence.start_index = OneIn(3) ? Between(0, 9) : 0;
    const absl::CivilDay today = absl::ToCivilDay(around_, zone);
    const auto near = [&] {
      const absl::CivilDay day = today + Between(-5, 5);
      return absl::CivilMinute(day.year(), day.month(), day.day(), recurrence.start.hour(), recurrence.start.minute());
    };
    for (std::int32_t n = Between(0, 2); n > 0; --n)
      recurrence.except.push_back(near());
    for (std::int32_t n = Between(0, 2); n > 0; --n)
      recurrence.also.push_back(near());
    return recurrence;
  }

  FixedShifts MakeFixed() {
    FixedShifts fixed;
    for (std::int32_t n = Between(0, 6); n > 0; --n) {
      const absl::Time start = Near(60 * 24 * 3);
      fixed.shifts.push_back(
          {.start = start, .end = start + absl::Minutes(Between(1, 3000)), .members = Targets(true)});
    }
    return fixed;
  }

  Pattern MakePattern(const absl::TimeZone& zone) {
    if (OneIn(8)) return MakeFixed();
    if (!OneIn(4)) return MakeRotation(zone);
    const ZoneClock clock(zone);
    for (;;) {
      Recurrence recurrence = MakeRecurrence(zone);
      if (Occurrences::Make(recurrence, clock).ok()) return recurrence;
    }
  }

  Restriction MakeRestriction() {
    Restriction restriction;
    restriction.type = OneIn(2) ? Restriction::Type::kDaily : Restriction::Type::kWeekly;
    restriction.start_minute = OneIn(2) ? 15 * Between(0, 12) : Between(0, 1439);
    restriction.start_day_of_week = Between(1, 7);
    const bool weekly = restriction.type == Restriction::Type::kWeekly;
    restriction.duration_minutes = OneIn(10) ? (weekly ? 7 * 1440 : 1440) : 15 * Between(1, weekly ? 400 : 96);
    return restriction;
  }

  Layer MakeLayer(std::int32_t number) {
    Layer layer;
    layer.id = LayerId("L" + std::to_string(number));
    layer.priority = Between(0, 2);
    if (OneIn(4)) layer.time_zone = zones_[random_.Below(zones_.size())];
    absl::TimeZone zone;
    absl::LoadTimeZone(layer.time_zone.empty() ? zone_ : layer.time_zone, &zone);
    layer.pattern = MakePattern(zone);
    if (OneIn(6)) {
      layer.holidays = {OneIn(2) ? HolidayRule::On::kNoHoliday : HolidayRule::On::kHolidaysOnly, HolidaysId("days")};
    }
    if (OneIn(3)) layer.effective_since = Near(60 * 24 * 3);
    if (OneIn(5)) layer.effective_until = layer.effective_since.value_or(around_) + absl::Minutes(Between(1, 9000));
    const bool is_fixed = std::holds_alternative<FixedShifts>(layer.pattern);
    for (std::int32_t n = is_fixed ? 0 : Between(0, 5); n > 0; --n)
      layer.participants.push_back({.members = Targets(true)});
    for (std::int32_t n = Between(0, 3); n > 0; --n)
      layer.restrictions.push_back(MakeRestriction());
    const auto* rotation = std::get_if<Rotation>(&layer.pattern);
    if (rotation != nullptr && rotation->type == Rotation::Type::kShifts) {
      if (layer.restrictions.empty()) layer.restrictions.push_back(MakeRestriction());
      while (Overlap(WindowsOfWeek(layer.restrictions)))
        layer.restrictions.pop_back();
    }
    return layer;
  }

  Override MakeOverride(const std::vector<Layer>& layers) {
    Override change;
    change.seq = random_.Below(6);  // equal ones too: then the order in the list decides
    change.type = static_cast<Override::Type>(Between(0, 3));
    change.start = Near(60 * 24 * 2);
    change.end = change.start + absl::Minutes(Between(1, 2000));
    if (change.type == Override::Type::kSwap) {
      change.from_user = User();
      do
        change.to_user = User();
      while (change.to_user == change.from_user);
    } else {
      change.users = Targets(change.type == Override::Type::kAssign);
    }
    if (!layers.empty() && OneIn(3)) change.layers.push_back(layers[random_.Below(layers.size())].id);
    return change;
  }

  TemporarySchedule MakeTemporary() {
    TemporarySchedule temporary;
    temporary.start = Near(60 * 24 * 2);
    temporary.end = temporary.start + absl::Minutes(Between(1, 1500));
    for (std::int32_t n = Between(0, 3); n > 0; --n) {
      const absl::Time start = temporary.start + absl::Minutes(Between(-100, 1499));
      if (start < temporary.end) {
        temporary.shifts.push_back({.start = start,
                                    .end = std::max(start, temporary.start) + absl::Minutes(Between(1, 900)),
                                    .members = Targets(true)});
      }
    }
    return temporary;
  }

  Schedule MakeSchedule(const char* id) {
    Schedule schedule;
    schedule.id = ScheduleId(id);
    schedule.time_zone = zone_;
    for (std::int32_t n = Between(1, 3); n > 0; --n)
      schedule.layers.push_back(MakeLayer(n));
    if (OneIn(2)) {
      for (std::int32_t n = Between(1, 5); n > 0; --n)
        schedule.overrides.push_back(MakeOverride(schedule.layers));
    }
    if (OneIn(6)) schedule.temporary_schedules.push_back(MakeTemporary());
    return schedule;
  }

  Random& random_;
  const std::string& zone_;
  const std::vector<std::string>& zones_;
  absl::Time around_;
  ScheduleId nested_;  // what the next schedule may hold
};

}  // namespace

std::vector<std::string> AllZones() {
  const std::filesystem::path database = "/usr/share/zoneinfo";
  std::vector<std::string> zones;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(database, ignored)) {
    const std::string name = entry.path().lexically_relative(database).string();
    if (entry.is_regular_file() && ZoneClock::Load(name).ok()) zones.push_back(name);
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

Organisation RandomOrganisation(Random& random,
                                const std::string& zone,
                                const std::vector<std::string>& zones,
                                absl::Time around) {
  return Generator(random, zone, zones, around).Run();
}

}  // namespace tocsin
