#include <utility>

#include "absl/strings/numbers.h"

#include "base/strings.h"
#include "config/read.h"
#include "config/text.h"
#include "config/words.h"

namespace tocsin {
namespace {

constexpr std::int32_t kDayMinutes = 24 * 60;
constexpr std::int32_t kWeekMinutes = 7 * kDayMinutes;

// The zone in which a schedule's instants without offset are meant. An unknown one is reported by config/check.h.
absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) return absl::UTCTimeZone();
  return zone;
}

struct Instants {
  absl::TimeZone zone;
  absl::StatusOr<absl::Time> operator()(std::string_view text) const { return ParseInstant(text, zone); }
};

void ReadRotation(Reader& reader, const YamlNode& node, const std::string& path, Rotation& to) {
  YamlFields fields(reader, node, path);
  fields.Require("type");
  fields.OneOf<Rotation::Type>("type", words::kRotationTypes, to.type);
  fields.Integer("length", 1, 10'000, to.length);
  fields.Require("start");
  fields.Parsed("start", to.start, ParseLocalTime);
  fields.OneOf<Rotation::Count>("count", words::kRotationCounts, to.count);
  fields.OneOf<Rotation::MonthOverflow>("month_overflow", words::kMonthOverflows, to.month_overflow);
  fields.Integer("start_index", 0, 10'000, to.start_index);
}

// A name, which is a user; a target; or a list of these, who have the turn together.
void ReadParticipant(Reader& reader, const YamlNode& node, const std::string& path, Participant& to) {
  const auto read_one = [&](const YamlNode& item, const std::string& item_path) {
    ReadTarget(reader, item, item_path, to.members.emplace_back());
  };
  if (node.kind != YamlNode::Kind::kList) {
    read_one(node, path + "[0]");
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    read_one(*node.items[i], absl::StrFormat("%s[%d]", path, i));
  }
}

absl::StatusOr<std::int32_t> ParseMinutes(std::string_view text) {
  TOCSIN_ASSIGN(const absl::Duration duration, ParseDuration(text));
  const std::int64_t minutes = absl::ToInt64Minutes(duration);
  if (absl::Minutes(minutes) != duration || minutes > kWeekMinutes) return Invalid("must be whole minutes, at most 7d");
  return static_cast<std::int32_t>(minutes);
}

// {type: daily, start: "09:00", end: "17:00"} or {type: weekly, day: friday, start: "18:00", duration: 62h}
void ReadRestriction(Reader& reader, const YamlNode& node, const std::string& path, Restriction& to) {
  YamlFields fields(reader, node, path);
  fields.Require("type");
  fields.OneOf<Restriction::Type>("type", words::kRestrictionTypes, to.type);
  fields.Require("start");
  fields.Parsed("start", to.start_minute, ParseTimeOfDay);
  const bool weekly = to.type == Restriction::Type::kWeekly;
  fields.Parsed("day", to.start_day_of_week, ParseWeekday);
  if (weekly) {
    fields.Require("day");
  } else if (fields.Has("day")) {
    fields.Report("day", "a daily restriction has no day");
  }
  fields.Parsed("duration", to.duration_minutes, ParseMinutes);
  std::int32_t end = -1;
  std::int32_t end_day = to.start_day_of_week;
  fields.Parsed("end", end, ParseTimeOfDay);
  fields.Parsed("end_day", end_day, ParseWeekday);
  if (fields.Has("end_day") && (!weekly || !fields.Has("end"))) {
    fields.Report("end_day", "only the end of a weekly restriction has a day");
  }
  if (fields.Has("duration") == fields.Has("end") && node.kind == YamlNode::Kind::kMap) {
    reader.Report(node, path, "must have exactly one of duration and end");
  }
  if (end < 0) return;
  // The next time that the clock shows the end: the same reading is a whole day or week later.
  const std::int32_t period = weekly ? kWeekMinutes : kDayMinutes;
  const std::int32_t days = weekly ? end_day - to.start_day_of_week : 0;
  const std::int32_t minutes = (days * kDayMinutes + end - to.start_minute + period) % period;
  to.duration_minutes = minutes == 0 ? period : minutes;
}

void ReadLocalTimes(YamlFields& fields, std::string_view name, std::vector<absl::CivilMinute>& to) {
  fields.List(name, [&](const YamlNode& item, const std::string& path) {
    const absl::StatusOr<absl::CivilMinute> parsed = ParseLocalTime(item.text);
    fields.reader().Check(item, path, parsed.status());
    if (parsed.ok()) to.push_back(*parsed);
  });
}

void ReadRecurrence(Reader& reader, const YamlNode& node, const std::string& path, Recurrence& to) {
  YamlFields fields(reader, node, path);
  fields.Require("start");
  fields.Parsed("start", to.start, ParseLocalTime);
  fields.Require("end");
  fields.Parsed("end", to.end, ParseLocalTime);
  fields.Text("rule", to.rule);
  ReadLocalTimes(fields, "except", to.except);
  ReadLocalTimes(fields, "also", to.also);
  fields.OneOf<Rotation::Count>("count", words::kRotationCounts, to.count);
  fields.Integer("shifts_per_participant", 1, 10'000, to.shifts_per_participant);
  fields.Integer("start_index", 0, 10'000, to.start_index);
}

void ReadShifts(YamlFields& fields, const Instants& instants, std::vector<FixedShift>& to) {
  fields.List("shifts", [&](const YamlNode& item, const std::string& path) {
    FixedShift& shift = to.emplace_back();
    YamlFields of_shift(fields.reader(), item, path);
    of_shift.Require("start");
    of_shift.Parsed("start", shift.start, instants);
    of_shift.Require("end");
    of_shift.Parsed("end", shift.end, instants);
    ReadTargets(of_shift, "members", shift.members);
  });
}

// One of rotation, recurrence and shifts.
void ReadPattern(YamlFields& fields, const Instants& instants, Layer& to) {
  const int named =
      (fields.Has("rotation") ? 1 : 0) + (fields.Has("recurrence") ? 1 : 0) + (fields.Has("shifts") ? 1 : 0);
  if (named != 1 && fields.node().kind == YamlNode::Kind::kMap) {
    fields.reader().Report(fields.node(), fields.path(), "must have exactly one of rotation, recurrence and shifts");
  }
  if (const YamlNode* rotation = fields.Take("rotation")) {
    ReadRotation(fields.reader(), *rotation, fields.PathOf("rotation"), to.pattern.emplace<Rotation>());
  }
  if (const YamlNode* recurrence = fields.Take("recurrence")) {
    ReadRecurrence(fields.reader(), *recurrence, fields.PathOf("recurrence"), to.pattern.emplace<Recurrence>());
  }
  if (fields.Has("shifts")) {
    ReadShifts(fields, instants, to.pattern.emplace<FixedShifts>().shifts);
    if (fields.Has("participants")) fields.Report("participants", "fixed shifts say who is on by themselves");
  } else {
    fields.Require("participants");
  }
}

void ReadHolidayRule(Reader& reader, const YamlNode& node, const std::string& path, HolidayRule& to) {
  YamlFields fields(reader, node, path);
  fields.Require("calendar");
  fields.Name("calendar", to.holidays);
  fields.Require("on");
  fields.OneOf<HolidayRule::On>("on", words::kHolidayRules, to.on);
}

void ReadLayer(Reader& reader, const YamlNode& node, const std::string& path, const std::string& zone, Layer& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.Integer("priority", -1'000'000, 1'000'000, to.priority);
  fields.Text("time_zone", to.time_zone);
  const Instants instants{ZoneOf(to.time_zone.empty() ? zone : to.time_zone)};
  fields.Parsed("effective_since", to.effective_since, instants);
  fields.Parsed("effective_until", to.effective_until, instants);
  ReadPattern(fields, instants, to);
  fields.List("participants", [&](const YamlNode& item, const std::string& item_path) {
    ReadParticipant(reader, item, item_path, to.participants.emplace_back());
  });
  fields.List("restrictions", [&](const YamlNode& item, const std::string& item_path) {
    ReadRestriction(reader, item, item_path, to.restrictions.emplace_back());
  });
  if (const YamlNode* holidays = fields.Take("holidays")) {
    ReadHolidayRule(reader, *holidays, fields.PathOf("holidays"), to.holidays);
  }
}

void ReadOverride(
    Reader& reader, const YamlNode& node, const std::string& path, const Instants& instants, Override& to) {
  YamlFields fields(reader, node, path);
  fields.Text("id", to.id);
  fields.Integer("seq", 1, INT64_MAX, to.seq);
  fields.Require("start");
  fields.Parsed("start", to.start, instants);
  fields.Require("end");
  fields.Parsed("end", to.end, instants);
  fields.OneOf<Override::Type>("type", words::kOverrideTypes, to.type);
  ReadTargets(fields, "users", to.users);
  fields.Name("from", to.from_user);
  fields.Name("to", to.to_user);
  fields.NameList("layers", to.layers);
  fields.Text("created_by", to.created_by);
  fields.Text("reason", to.reason);
}

void ReadTemporary(
    Reader& reader, const YamlNode& node, const std::string& path, const Instants& instants, TemporarySchedule& to) {
  YamlFields fields(reader, node, path);
  fields.Require("start");
  fields.Parsed("start", to.start, instants);
  fields.Require("end");
  fields.Parsed("end", to.end, instants);
  ReadShifts(fields, instants, to.shifts);
}

// '2026-12-25', or '12-25': every year; or {day: '12-25', name: Christmas}
absl::StatusOr<Holiday> ParseHoliday(std::string_view text) {
  Holiday out;
  std::string_view rest = text;
  const auto number = [&](std::size_t digits) -> int {
    int value = -1;
    if (rest.size() < digits || !absl::SimpleAtoi(ToAbsl(rest.substr(0, digits)), &value)) return -1;
    rest.remove_prefix(digits);
    if (rest.starts_with('-')) rest.remove_prefix(1);
    return value;
  };
  if (text.size() == 10) out.year = number(4);
  out.month = number(2);
  out.day = number(2);
  // The 29th of February is a day of some years.
  const absl::CivilDay day(out.year > 0 ? out.year : 2024, out.month, out.day);
  const bool exists = day.month() == out.month && day.day() == out.day;
  if (rest.empty() && exists && (text.size() == 5 || (text.size() == 10 && out.year > 1900 && out.year < 2400)))
    return out;
  return Invalid("is no day such as 2026-12-25, or 12-25 for every year");
}

}  // namespace

void ReadHolidayCalendar(Reader& reader, const YamlNode& node, const std::string& path, HolidayCalendar& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.Require("days");
  fields.List("days", [&](const YamlNode& item, const std::string& item_path) {
    Holiday& day = to.days.emplace_back();
    if (item.kind != YamlNode::Kind::kMap) {
      const absl::StatusOr<Holiday> parsed = ParseHoliday(item.text);
      reader.Check(item, item_path, parsed.status());
      if (parsed.ok()) day = *parsed;
      return;
    }
    YamlFields of_day(reader, item, item_path);
    std::string name;
    of_day.Text("name", name);
    of_day.Require("day");
    of_day.Parsed("day", day, ParseHoliday);
    day.name = std::move(name);
  });
}

void ReadHandoffNotices(YamlFields& fields, HandoffNotices& to) {
  fields.Require("when");
  fields.OneOf<HandoffNotices::When>("when", words::kHandoffNotices, to.when);
  fields.Duration("ahead", to.ahead);
}

void ReadSchedule(Reader& reader, const YamlNode& node, const std::string& path, Schedule& to) {
  YamlFields fields(reader, node, path);
  ReadIdAndName(fields, to);
  fields.Name("team", to.team);
  fields.Require("time_zone");
  fields.Text("time_zone", to.time_zone);
  fields.OneOf<Schedule::Gaps>("gaps", words::kGaps, to.gaps);
  fields.Duration("gap_notice", to.gap_notice);
  fields.Part("handoff_notices", [&](YamlFields& part) { ReadHandoffNotices(part, to.handoff_notices); });
  fields.List("layers", [&](const YamlNode& item, const std::string& item_path) {
    ReadLayer(reader, item, item_path, to.time_zone, to.layers.emplace_back());
  });
  const Instants instants{ZoneOf(to.time_zone)};
  fields.List("overrides", [&](const YamlNode& item, const std::string& item_path) {
    Override& each = to.overrides.emplace_back();
    each.seq = to.overrides.size();
    ReadOverride(reader, item, item_path, instants, each);
  });
  fields.List("temporary_schedules", [&](const YamlNode& item, const std::string& item_path) {
    ReadTemporary(reader, item, item_path, instants, to.temporary_schedules.emplace_back());
  });
}

}  // namespace tocsin
