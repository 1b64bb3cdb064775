// Schedules and calendars of holidays.
#include "config/dump_fields.h"

namespace tocsin {
namespace {

using words::WordFor;

YamlValue DumpRotation(const Rotation& rotation) {
  YamlValue map = YamlValue::Map();
  map.Set("type", WordFor(words::kRotationTypes, rotation.type));
  SetNumber(map, "length", rotation.length, 1);
  map.Set("start", absl::FormatCivilTime(rotation.start));
  map.SetUnless("count", WordFor(words::kRotationCounts, rotation.count), "wall");
  map.SetUnless("month_overflow", WordFor(words::kMonthOverflows, rotation.month_overflow), "clamp");
  SetNumber(map, "start_index", rotation.start_index, 0);
  return map;
}

YamlValue DumpParticipant(const Participant& participant) {
  YamlValue list = YamlValue::List();
  for (const Target& member : participant.members)
    list.Add(DumpTarget(member));
  return participant.members.size() == 1 ? DumpTarget(participant.members.front()) : list;
}

YamlValue DumpRestriction(const Restriction& restriction) {
  YamlValue map = YamlValue::Map();
  map.Set("type", WordFor(words::kRestrictionTypes, restriction.type));
  if (restriction.type == Restriction::Type::kWeekly) map.Set("day", WeekdayName(restriction.start_day_of_week));
  map.Set("start", TimeOfDayText(restriction.start_minute));
  map.Set("duration", DurationText(absl::Minutes(restriction.duration_minutes)));
  return map;
}

YamlValue DumpShift(const FixedShift& shift) {
  YamlValue map = YamlValue::Map();
  map.Set("start", InstantText(shift.start));
  map.Set("end", InstantText(shift.end));
  SetList(map, "members", shift.members, DumpTarget);
  return map;
}

void SetLocalTimes(YamlValue& map, std::string_view name, const std::vector<absl::CivilMinute>& times) {
  std::vector<std::string> texts;
  for (const absl::CivilMinute each : times)
    texts.push_back(absl::FormatCivilTime(each));
  SetTexts(map, name, texts);
}

YamlValue DumpRecurrence(const Recurrence& recurrence) {
  YamlValue map = YamlValue::Map();
  map.Set("start", absl::FormatCivilTime(recurrence.start));
  map.Set("end", absl::FormatCivilTime(recurrence.end));
  map.SetUnless("rule", recurrence.rule, "");
  SetLocalTimes(map, "except", recurrence.except);
  SetLocalTimes(map, "also", recurrence.also);
  map.SetUnless("count", WordFor(words::kRotationCounts, recurrence.count), "wall");
  SetNumber(map, "shifts_per_participant", recurrence.shifts_per_participant, 1);
  SetNumber(map, "start_index", recurrence.start_index, 0);
  return map;
}

YamlValue DumpLayer(const Layer& layer) {
  YamlValue map = YamlValue::Map();
  map.Set("id", layer.id.value());
  map.SetUnless("name", layer.name, layer.id.value());
  SetNumber(map, "priority", layer.priority, 0);
  map.SetUnless("time_zone", layer.time_zone, "");
  if (layer.effective_since) map.Set("effective_since", InstantText(*layer.effective_since));
  if (layer.effective_until) map.Set("effective_until", InstantText(*layer.effective_until));
  if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) map.Set("rotation", DumpRotation(*rotation));
  if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
    map.Set("recurrence", DumpRecurrence(*recurrence));
  }
  if (const auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) {
    YamlValue list = YamlValue::List();  // also when there are none: the pattern has to be said
    for (const FixedShift& shift : fixed->shifts)
      list.Add(DumpShift(shift));
    map.Set("shifts", std::move(list));
  }
  SetList(map, "participants", layer.participants, DumpParticipant);
  SetList(map, "restrictions", layer.restrictions, DumpRestriction);
  if (layer.holidays.holidays.set()) {
    YamlValue rule = YamlValue::Map();
    rule.Set("calendar", layer.holidays.holidays.value());
    rule.Set("on", WordFor(words::kHolidayRules, layer.holidays.on));
    map.Set("holidays", std::move(rule));
  }
  return map;
}

YamlValue DumpOverride(const Override& change, std::size_t position) {
  YamlValue map = YamlValue::Map();
  map.SetUnless("id", change.id, "");
  if (change.seq != position + 1) map.Set("seq", absl::StrFormat("%d", change.seq));
  map.Set("start", InstantText(change.start));
  map.Set("end", InstantText(change.end));
  map.SetUnless("type", WordFor(words::kOverrideTypes, change.type), "assign");
  SetList(map, "users", change.users, DumpTarget);
  map.SetUnless("from", change.from_user.value(), "");
  map.SetUnless("to", change.to_user.value(), "");
  SetNames(map, "layers", change.layers);
  map.SetUnless("created_by", change.created_by, "");
  map.SetUnless("reason", change.reason, "");
  return map;
}

YamlValue DumpTemporary(const TemporarySchedule& temporary) {
  YamlValue map = YamlValue::Map();
  map.Set("start", InstantText(temporary.start));
  map.Set("end", InstantText(temporary.end));
  SetList(map, "shifts", temporary.shifts, DumpShift);
  return map;
}

}  // namespace

YamlValue DumpHolidayCalendar(const HolidayCalendar& calendar) {
  YamlValue map = YamlValue::Map();
  map.Set("id", calendar.id.value());
  map.SetUnless("name", calendar.name, calendar.id.value());
  YamlValue days = YamlValue::List();
  for (const Holiday& day : calendar.days) {
    std::string text = absl::StrFormat("%02d-%02d", day.month, day.day);
    if (day.year != 0) text = absl::StrFormat("%04d-%s", day.year, text);
    if (day.name.empty()) {
      days.Add(text);
      continue;
    }
    YamlValue named = YamlValue::Map();
    named.Set("day", text);
    named.Set("name", day.name);
    days.Add(std::move(named));
  }
  map.Set("days", std::move(days));
  return map;
}

YamlValue DumpHandoffNotices(const HandoffNotices& notices) {
  YamlValue map = YamlValue::Map();
  map.Set("when", words::WordFor(words::kHandoffNotices, notices.when));
  SetDuration(map, "ahead", notices.ahead);
  return map;
}

YamlValue DumpSchedule(const Schedule& schedule) {
  YamlValue map = YamlValue::Map();
  map.Set("id", schedule.id.value());
  map.SetUnless("name", schedule.name, schedule.id.value());
  map.SetUnless("team", schedule.team.value(), "");
  map.Set("time_zone", schedule.time_zone);
  SetWord(map, "gaps", words::kGaps, schedule.gaps, Schedule::Gaps::kWarn);
  SetDuration(map, "gap_notice", schedule.gap_notice, Schedule::kGapNotice);
  if (schedule.handoff_notices != HandoffNotices()) {
    map.Set("handoff_notices", DumpHandoffNotices(schedule.handoff_notices));
  }
  SetList(map, "layers", schedule.layers, DumpLayer);
  if (!schedule.overrides.empty()) {
    YamlValue list = YamlValue::List();
    for (std::size_t i = 0; i < schedule.overrides.size(); ++i)
      list.Add(DumpOverride(schedule.overrides[i], i));
    map.Set("overrides", std::move(list));
  }
  SetList(map, "temporary_schedules", schedule.temporary_schedules, DumpTemporary);
  return map;
}

}  // namespace tocsin
