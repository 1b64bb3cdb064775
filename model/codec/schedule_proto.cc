#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/civil_time.h"

#include "base/strings.h"
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {

TOCSIN_ENUM_PROTO(Rotation::Type, v1::Rotation::Type, 1, 1, Rotation::Type::kShifts, v1::Rotation::Type_MAX);
TOCSIN_ENUM_PROTO(Rotation::Count, v1::Rotation::Count, 1, 1, Rotation::Count::kElapsed, v1::Rotation::Count_MAX);
TOCSIN_ENUM_PROTO(Rotation::MonthOverflow,
                  v1::Rotation::MonthOverflow,
                  1,
                  1,
                  Rotation::MonthOverflow::kSkip,
                  v1::Rotation::MonthOverflow_MAX);
TOCSIN_ENUM_PROTO(
    Restriction::Type, v1::Restriction::Type, 1, 1, Restriction::Type::kWeekly, v1::Restriction::Type_MAX);
TOCSIN_ENUM_PROTO(Schedule::Gaps, v1::Schedule::Gaps, 0, 0, Schedule::Gaps::kRefuse, v1::Schedule::Gaps_MAX);
TOCSIN_ENUM_PROTO(
    HandoffNotices::When, v1::HandoffNotices::When, 0, 0, HandoffNotices::When::kBoth, v1::HandoffNotices::When_MAX);
TOCSIN_ENUM_PROTO(HolidayRule::On, v1::HolidayRule::On, 1, 1, HolidayRule::On::kHolidaysOnly, v1::HolidayRule::On_MAX);
TOCSIN_ENUM_PROTO(Override::Type, v1::Override::Type, 1, 1, Override::Type::kSwap, v1::Override::Type_MAX);

static void TakeLocalTime(Decode& decode, std::string_view field, const std::string& from, absl::CivilMinute& to) {
  if (!absl::ParseCivilTime(from, &to)) decode.Fail(field, "not a local time such as 2024-03-04T09:00");
}

void ToProto(const Rotation& from, v1::Rotation& to) {
  to.set_type(ToProto(from.type));
  to.set_length(from.length);
  to.set_start(absl::FormatCivilTime(from.start));
  to.set_count(ToProto(from.count));
  to.set_month_overflow(ToProto(from.month_overflow));
  to.set_start_index(from.start_index);
}

absl::Status FromProto(const v1::Rotation& from, Rotation& to) {
  Decode decode;
  decode.Take("type", from.type(), to.type);
  to.length = from.length();
  TakeLocalTime(decode, "start", from.start(), to.start);
  decode.Take("count", from.count(), to.count);
  decode.Take("month_overflow", from.month_overflow(), to.month_overflow);
  to.start_index = from.start_index();
  return decode.status();
}

void ToProto(const Participant& from, v1::Participant& to) {
  ToProtoList(from.members, *to.mutable_members());
}

absl::Status FromProto(const v1::Participant& from, Participant& to) {
  Decode decode;
  decode.List("members", from.members(), to.members);
  return decode.status();
}

void ToProto(const Restriction& from, v1::Restriction& to) {
  to.set_type(ToProto(from.type));
  to.set_start_minute(from.start_minute);
  to.set_start_day_of_week(from.start_day_of_week);
  to.set_duration_minutes(from.duration_minutes);
}

absl::Status FromProto(const v1::Restriction& from, Restriction& to) {
  Decode decode;
  decode.Take("type", from.type(), to.type);
  to.start_minute = from.start_minute();
  to.start_day_of_week = from.start_day_of_week();
  to.duration_minutes = from.duration_minutes();
  return decode.status();
}

void ToProto(const FixedShift& from, v1::FixedShift& to) {
  ToProto(from.start, *to.mutable_start());
  ToProto(from.end, *to.mutable_end());
  ToProtoList(from.members, *to.mutable_members());
}

absl::Status FromProto(const v1::FixedShift& from, FixedShift& to) {
  Decode decode;
  decode.Require("start", from.has_start());
  decode.Require("end", from.has_end());
  decode.Take("start", from.start(), to.start);
  decode.Take("end", from.end(), to.end);
  decode.List("members", from.members(), to.members);
  return decode.status();
}

// "2024-03-04T09:00" each.
static std::vector<std::string> LocalTimes(const std::vector<absl::CivilMinute>& from) {
  std::vector<std::string> out;
  for (const absl::CivilMinute each : from)
    out.push_back(absl::FormatCivilTime(each));
  return out;
}

static void ToProto(const Recurrence& from, v1::Recurrence& to) {
  to.set_start(absl::FormatCivilTime(from.start));
  to.set_end(absl::FormatCivilTime(from.end));
  to.set_rule(Utf8(from.rule));
  for (std::string& each : LocalTimes(from.except))
    to.add_except(std::move(each));
  for (std::string& each : LocalTimes(from.also))
    to.add_also(std::move(each));
  to.set_count(ToProto(from.count));
  to.set_shifts_per_participant(from.shifts_per_participant);
  to.set_start_index(from.start_index);
}

static absl::Status FromProto(const v1::Recurrence& from, Recurrence& to) {
  Decode decode;
  TakeLocalTime(decode, "start", from.start(), to.start);
  TakeLocalTime(decode, "end", from.end(), to.end);
  to.rule = from.rule();
  for (const std::string& each : from.except())
    TakeLocalTime(decode, "except", each, to.except.emplace_back());
  for (const std::string& each : from.also())
    TakeLocalTime(decode, "also", each, to.also.emplace_back());
  decode.Take("count", from.count(), to.count);
  to.shifts_per_participant = from.shifts_per_participant();
  to.start_index = from.start_index();
  return decode.status();
}

static void ToProto(const HolidayRule& from, v1::HolidayRule& to) {
  to.set_on(ToProto(from.on));
  to.set_holidays(Utf8(from.holidays.value()));
}

static absl::Status FromProto(const v1::HolidayRule& from, HolidayRule& to) {
  Decode decode;
  decode.Take("on", from.on(), to.on);
  to.holidays = HolidaysId(from.holidays());
  return decode.status();
}

static void ToProto(const Holiday& from, v1::Holiday& to) {
  to.set_year(from.year);
  to.set_month(from.month);
  to.set_day(from.day);
  to.set_name(Utf8(from.name));
}

static absl::Status FromProto(const v1::Holiday& from, Holiday& to) {
  to.year = from.year();
  to.month = from.month();
  to.day = from.day();
  to.name = from.name();
  return absl::OkStatus();
}

void ToProto(const HolidayCalendar& from, v1::HolidayCalendar& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  ToProtoList(from.days, *to.mutable_days());
}

absl::Status FromProto(const v1::HolidayCalendar& from, HolidayCalendar& to) {
  Decode decode;
  to.id = HolidaysId(from.id());
  to.name = from.name();
  decode.List("days", from.days(), to.days);
  return decode.status();
}

void ToProto(const Layer& from, v1::Layer& to) {
  struct Put {
    v1::Layer& to;
    void operator()(const Rotation& rotation) const { ToProto(rotation, *to.mutable_rotation()); }
    void operator()(const Recurrence& recurrence) const { ToProto(recurrence, *to.mutable_recurrence()); }
    void operator()(const FixedShifts& fixed) const {
      ToProtoList(fixed.shifts, *to.mutable_shifts()->mutable_shifts());
    }
  };
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_priority(from.priority);
  to.set_time_zone(Utf8(from.time_zone));
  PutTime(from.effective_since, to, &v1::Layer::mutable_effective_since);
  PutTime(from.effective_until, to, &v1::Layer::mutable_effective_until);
  std::visit(Put{to}, from.pattern);
  ToProtoList(from.participants, *to.mutable_participants());
  ToProtoList(from.restrictions, *to.mutable_restrictions());
  if (from.holidays.holidays.set()) ToProto(from.holidays, *to.mutable_holidays());
}

absl::Status FromProto(const v1::Layer& from, Layer& to) {
  Decode decode;
  to.id = LayerId(from.id());
  to.name = from.name();
  to.priority = from.priority();
  to.time_zone = from.time_zone();
  if (from.has_effective_since()) decode.Take("effective_since", from.effective_since(), to.effective_since.emplace());
  if (from.has_effective_until()) decode.Take("effective_until", from.effective_until(), to.effective_until.emplace());
  if (from.has_recurrence()) {
    decode.Take("recurrence", from.recurrence(), to.pattern.emplace<Recurrence>());
  } else if (from.has_shifts()) {
    decode.List("shifts.shifts", from.shifts().shifts(), to.pattern.emplace<FixedShifts>().shifts);
  } else {
    decode.Require("rotation", from.has_rotation());
    decode.Take("rotation", from.rotation(), to.pattern.emplace<Rotation>());
  }
  decode.List("participants", from.participants(), to.participants);
  decode.List("restrictions", from.restrictions(), to.restrictions);
  if (from.has_holidays()) decode.Take("holidays", from.holidays(), to.holidays);
  return decode.status();
}

void ToProto(const Override& from, v1::Override& to) {
  to.set_id(Utf8(from.id));
  to.set_seq(from.seq);
  ToProto(from.start, *to.mutable_start());
  ToProto(from.end, *to.mutable_end());
  to.set_type(ToProto(from.type));
  ToProtoList(from.users, *to.mutable_users());
  to.set_from_user(Utf8(from.from_user.value()));
  to.set_to_user(Utf8(from.to_user.value()));
  ToProto(from.layers, *to.mutable_layers());
  to.set_created_by(Utf8(from.created_by));
  to.set_reason(Utf8(from.reason));
}

absl::Status FromProto(const v1::Override& from, Override& to) {
  Decode decode;
  to.id = from.id();
  to.seq = from.seq();
  decode.Require("start", from.has_start());
  decode.Require("end", from.has_end());
  decode.Take("start", from.start(), to.start);
  decode.Take("end", from.end(), to.end);
  decode.Take("type", from.type(), to.type);
  decode.List("users", from.users(), to.users);
  to.from_user = UserId(from.from_user());
  to.to_user = UserId(from.to_user());
  FromProto(from.layers(), to.layers);
  to.created_by = from.created_by();
  to.reason = from.reason();
  return decode.status();
}

void ToProto(const TemporarySchedule& from, v1::TemporarySchedule& to) {
  ToProto(from.start, *to.mutable_start());
  ToProto(from.end, *to.mutable_end());
  ToProtoList(from.shifts, *to.mutable_shifts());
}

absl::Status FromProto(const v1::TemporarySchedule& from, TemporarySchedule& to) {
  Decode decode;
  decode.Require("start", from.has_start());
  decode.Require("end", from.has_end());
  decode.Take("start", from.start(), to.start);
  decode.Take("end", from.end(), to.end);
  decode.List("shifts", from.shifts(), to.shifts);
  return decode.status();
}

void ToProto(const HandoffNotices& from, v1::HandoffNotices& to) {
  to.set_when(ToProto(from.when));
  PutDuration(from.ahead, to, &v1::HandoffNotices::mutable_ahead);
}

absl::Status FromProto(const v1::HandoffNotices& from, HandoffNotices& to) {
  Decode decode;
  decode.Take("when", from.when(), to.when);
  decode.Take("ahead", from.ahead(), to.ahead);
  return decode.status();
}

void ToProto(const Schedule& from, v1::Schedule& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_team(Utf8(from.team.value()));
  to.set_time_zone(Utf8(from.time_zone));
  ToProtoList(from.layers, *to.mutable_layers());
  ToProtoList(from.overrides, *to.mutable_overrides());
  ToProtoList(from.temporary_schedules, *to.mutable_temporary_schedules());
  to.set_gaps(ToProto(from.gaps));
  if (from.gap_notice != Schedule::kGapNotice) ToProto(from.gap_notice, *to.mutable_gap_notice());
  if (from.handoff_notices != HandoffNotices()) ToProto(from.handoff_notices, *to.mutable_handoff_notices());
}

absl::Status FromProto(const v1::Schedule& from, Schedule& to) {
  Decode decode;
  to.id = ScheduleId(from.id());
  to.name = from.name();
  to.team = TeamId(from.team());
  to.time_zone = from.time_zone();
  decode.List("layers", from.layers(), to.layers);
  decode.List("overrides", from.overrides(), to.overrides);
  decode.List("temporary_schedules", from.temporary_schedules(), to.temporary_schedules);
  decode.Take("gaps", from.gaps(), to.gaps);
  to.gap_notice = Schedule::kGapNotice;
  if (from.has_gap_notice()) decode.Take("gap_notice", from.gap_notice(), to.gap_notice);
  to.handoff_notices = HandoffNotices();
  if (from.has_handoff_notices()) decode.Take("handoff_notices", from.handoff_notices(), to.handoff_notices);
  return decode.status();
}

}  // namespace tocsin
