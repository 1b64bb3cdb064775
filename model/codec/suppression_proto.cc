// What holds alerts back, of an organisation.
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {

void ToProto(const InhibitionRule& from, v1::InhibitionRule& to) {
  to.set_id(Utf8(from.id.value()));
  ToProtoList(from.source_matchers, *to.mutable_source_matchers());
  ToProtoList(from.target_matchers, *to.mutable_target_matchers());
  ToProto(from.equal, *to.mutable_equal());
}

absl::Status FromProto(const v1::InhibitionRule& from, InhibitionRule& to) {
  Decode decode;
  to.id = InhibitionRuleId(from.id());
  decode.List("source_matchers", from.source_matchers(), to.source_matchers);
  decode.List("target_matchers", from.target_matchers(), to.target_matchers);
  FromProto(from.equal(), to.equal);
  return decode.status();
}

void ToProto(const TimeRange& from, v1::TimeRange& to) {
  to.set_start_minute(from.start_minute);
  to.set_end_minute(from.end_minute);
}

absl::Status FromProto(const v1::TimeRange& from, TimeRange& to) {
  to.start_minute = from.start_minute();
  to.end_minute = from.end_minute();
  return absl::OkStatus();
}

void ToProto(const NumberRange& from, v1::NumberRange& to) {
  to.set_first(from.first);
  to.set_last(from.last);
}

absl::Status FromProto(const v1::NumberRange& from, NumberRange& to) {
  to.first = from.first();
  to.last = from.last();
  return absl::OkStatus();
}

void ToProto(const RecurringTime& from, v1::RecurringTime& to) {
  ToProtoList(from.times, *to.mutable_times());
  ToProtoList(from.weekdays, *to.mutable_weekdays());
  ToProtoList(from.days_of_month, *to.mutable_days_of_month());
  ToProtoList(from.months, *to.mutable_months());
  ToProtoList(from.years, *to.mutable_years());
  to.set_location(Utf8(from.location));
}

absl::Status FromProto(const v1::RecurringTime& from, RecurringTime& to) {
  Decode decode;
  decode.List("times", from.times(), to.times);
  decode.List("weekdays", from.weekdays(), to.weekdays);
  decode.List("days_of_month", from.days_of_month(), to.days_of_month);
  decode.List("months", from.months(), to.months);
  decode.List("years", from.years(), to.years);
  to.location = from.location();
  return decode.status();
}

void ToProto(const TimeInterval& from, v1::TimeInterval& to) {
  to.set_id(Utf8(from.id.value()));
  ToProtoList(from.time_intervals, *to.mutable_time_intervals());
}

absl::Status FromProto(const v1::TimeInterval& from, TimeInterval& to) {
  Decode decode;
  to.id = TimeIntervalId(from.id());
  decode.List("time_intervals", from.time_intervals(), to.time_intervals);
  return decode.status();
}

void ToProto(const MaintenanceWindow& from, v1::MaintenanceWindow& to) {
  to.set_id(Utf8(from.id.value()));
  ToProtoList(from.matchers, *to.mutable_matchers());
  to.set_service(Utf8(from.service.value()));
  if (from.starts_at) ToProto(*from.starts_at, *to.mutable_starts_at());
  if (from.ends_at) ToProto(*from.ends_at, *to.mutable_ends_at());
  ToProto(from.time_intervals, *to.mutable_time_intervals());
  to.set_comment(Utf8(from.comment));
}

absl::Status FromProto(const v1::MaintenanceWindow& from, MaintenanceWindow& to) {
  Decode decode;
  to.id = MaintenanceId(from.id());
  decode.List("matchers", from.matchers(), to.matchers);
  to.service = ServiceId(from.service());
  to.starts_at.reset();
  to.ends_at.reset();
  if (from.has_starts_at()) decode.Take("starts_at", from.starts_at(), to.starts_at.emplace());
  if (from.has_ends_at()) decode.Take("ends_at", from.ends_at(), to.ends_at.emplace());
  FromProto(from.time_intervals(), to.time_intervals);
  to.comment = from.comment();
  return decode.status();
}

}  // namespace tocsin
