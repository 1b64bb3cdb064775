#include <utility>

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
  Fields fields(reader, node, path);
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
    if (item.kind == YamlNode::Kind::kText) {
      reader.Remember(item, item_path + ".user");
      to.members.emplace_back(UserTarget{UserId(item.text)});
    } else {
      ReadTarget(reader, item, item_path, to.members.emplace_back());
    }
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
  Fields fields(reader, node, path);
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

void ReadLayer(Reader& reader, const YamlNode& node, const std::string& path, const std::string& zone, Layer& to) {
  Fields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  to.name = to.id.value();
  fields.Text("name", to.name);
  fields.Integer("priority", -1'000'000, 1'000'000, to.priority);
  fields.Text("time_zone", to.time_zone);
  const Instants instants{ZoneOf(to.time_zone.empty() ? zone : to.time_zone)};
  fields.Parsed("effective_since", to.effective_since, instants);
  fields.Parsed("effective_until", to.effective_until, instants);
  fields.Require("rotation");
  if (const YamlNode* rotation = fields.Take("rotation")) {
    ReadRotation(reader, *rotation, fields.PathOf("rotation"), to.rotation);
  }
  fields.Require("participants");
  fields.List("participants", [&](const YamlNode& item, const std::string& item_path) {
    ReadParticipant(reader, item, item_path, to.participants.emplace_back());
  });
  fields.List("restrictions", [&](const YamlNode& item, const std::string& item_path) {
    ReadRestriction(reader, item, item_path, to.restrictions.emplace_back());
  });
}

void ReadOverride(
    Reader& reader, const YamlNode& node, const std::string& path, const Instants& instants, Override& to) {
  Fields fields(reader, node, path);
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
  Fields fields(reader, node, path);
  fields.Require("start");
  fields.Parsed("start", to.start, instants);
  fields.Require("end");
  fields.Parsed("end", to.end, instants);
  fields.List("shifts", [&](const YamlNode& item, const std::string& item_path) {
    FixedShift& shift = to.shifts.emplace_back();
    Fields of_shift(reader, item, item_path);
    of_shift.Require("start");
    of_shift.Parsed("start", shift.start, instants);
    of_shift.Require("end");
    of_shift.Parsed("end", shift.end, instants);
    ReadTargets(of_shift, "members", shift.members);
  });
}

}  // namespace

void ReadSchedule(Reader& reader, const YamlNode& node, const std::string& path, Schedule& to) {
  Fields fields(reader, node, path);
  fields.Require("id");
  fields.Name("id", to.id);
  to.name = to.id.value();
  fields.Text("name", to.name);
  fields.Name("team", to.team);
  fields.Require("time_zone");
  fields.Text("time_zone", to.time_zone);
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
