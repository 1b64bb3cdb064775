// How people are paged: users with their rules, policies with their steps, support hours.
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {

TOCSIN_ENUM_PROTO(PolicyStep::DelayFrom,
                  v1::PolicyStep::DelayFrom,
                  0,
                  0,
                  PolicyStep::DelayFrom::kBeginning,
                  v1::PolicyStep::DelayFrom_MAX);
TOCSIN_ENUM_PROTO(
    PolicyStep::Unless, v1::PolicyStep::Unless, 0, 0, PolicyStep::Unless::kResolved, v1::PolicyStep::Unless_MAX);
TOCSIN_ENUM_PROTO(
    PolicyStep::Outside, v1::PolicyStep::Outside, 0, 0, PolicyStep::Outside::kWait, v1::PolicyStep::Outside_MAX);
TOCSIN_ENUM_PROTO(
    PolicyStep::Strategy, v1::PolicyStep::Strategy, 0, 0, PolicyStep::Strategy::kRandom, v1::PolicyStep::Strategy_MAX);
TOCSIN_ENUM_PROTO(
    PolicyStep::OnEmpty, v1::PolicyStep::OnEmpty, 0, 0, PolicyStep::OnEmpty::kFallback, v1::PolicyStep::OnEmpty_MAX);
TOCSIN_ENUM_PROTO(EscalationPolicy::CatchUp,
                  v1::EscalationPolicy::CatchUp,
                  0,
                  0,
                  EscalationPolicy::CatchUp::kAtOnce,
                  v1::EscalationPolicy::CatchUp_MAX);
TOCSIN_ENUM_PROTO(EscalationPolicy::LowUrgency,
                  v1::EscalationPolicy::LowUrgency,
                  0,
                  0,
                  EscalationPolicy::LowUrgency::kNextShift,
                  v1::EscalationPolicy::LowUrgency_MAX);

void ToProto(const NotificationRule& from, v1::NotificationRule& to) {
  to.set_urgency(ToProto(from.urgency));
  PutDuration(from.delay, to, &v1::NotificationRule::mutable_delay);
  to.set_method(Utf8(from.method.value()));
  to.set_important(from.important);
  ToProto(from.only_during, *to.mutable_only_during());
}

absl::Status FromProto(const v1::NotificationRule& from, NotificationRule& to) {
  Decode decode;
  decode.Take("urgency", from.urgency(), to.urgency);
  decode.Take("delay", from.delay(), to.delay);
  to.method = ContactMethodId(from.method());
  to.important = from.important();
  FromProto(from.only_during(), to.only_during);
  return decode.status();
}

void ToProto(const User& from, v1::User& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_time_zone(Utf8(from.time_zone));
  ToProtoList(from.contact_methods, *to.mutable_contact_methods());
  ToProtoList(from.notification_rules, *to.mutable_notification_rules());
  to.set_holidays(Utf8(from.holidays.value()));
  if (from.quiet_hours != QuietHours()) {
    to.mutable_quiet_hours()->set_start_minute(from.quiet_hours.start_minute);
    to.mutable_quiet_hours()->set_end_minute(from.quiet_hours.end_minute);
  }
  if (from.handoff_notices) ToProto(*from.handoff_notices, *to.mutable_handoff_notices());
  if (from.role) to.set_role(ToProto(*from.role));
}

absl::Status FromProto(const v1::User& from, User& to) {
  Decode decode;
  to.id = UserId(from.id());
  to.name = from.name();
  to.time_zone = from.time_zone();
  decode.List("contact_methods", from.contact_methods(), to.contact_methods);
  decode.List("notification_rules", from.notification_rules(), to.notification_rules);
  to.holidays = HolidaysId(from.holidays());
  to.quiet_hours = QuietHours();
  if (from.has_quiet_hours()) {
    to.quiet_hours = {.start_minute = from.quiet_hours().start_minute(), .end_minute = from.quiet_hours().end_minute()};
  }
  to.handoff_notices.reset();
  if (from.has_handoff_notices()) {
    decode.Take("handoff_notices", from.handoff_notices(), to.handoff_notices.emplace());
  }
  to.role.reset();
  if (from.role() != v1::ROLE_UNSPECIFIED) decode.Take("role", from.role(), to.role.emplace());
  return decode.status();
}

static void ToProto(const Threshold& from, v1::PolicyStep::Rate& to) {
  to.set_count(from.count);
  PutDuration(from.window, to, &v1::PolicyStep::Rate::mutable_window);
}

static absl::Status FromProto(const v1::PolicyStep::Rate& from, Threshold& to) {
  to.count = from.count();
  return Annotate(FromProto(from.window(), to.window), "window");
}

void ToProto(const PolicyStep& from, v1::PolicyStep& to) {
  PutDuration(from.delay, to, &v1::PolicyStep::mutable_delay);
  ToProtoList(from.targets, *to.mutable_targets());
  to.set_delay_from(ToProto(from.delay_from));
  to.set_unless(ToProto(from.unless));
  ToProto(from.only_during, *to.mutable_only_during());
  to.set_outside(ToProto(from.outside));
  if (from.min_rate != Threshold()) ToProto(from.min_rate, *to.mutable_min_rate());
  ToProto(from.receivers, *to.mutable_receivers());
  to.set_strategy(ToProto(from.strategy));
  to.set_on_empty(ToProto(from.on_empty));
  to.set_each_acknowledges(from.each_acknowledges);
  to.set_page_at_handoff(from.page_at_handoff);
  to.set_important(from.important);
}

absl::Status FromProto(const v1::PolicyStep& from, PolicyStep& to) {
  Decode decode;
  decode.Take("delay", from.delay(), to.delay);
  decode.List("targets", from.targets(), to.targets);
  decode.Take("delay_from", from.delay_from(), to.delay_from);
  decode.Take("unless", from.unless(), to.unless);
  FromProto(from.only_during(), to.only_during);
  decode.Take("outside", from.outside(), to.outside);
  decode.Take("min_rate", from.min_rate(), to.min_rate);
  FromProto(from.receivers(), to.receivers);
  decode.Take("strategy", from.strategy(), to.strategy);
  decode.Take("on_empty", from.on_empty(), to.on_empty);
  to.each_acknowledges = from.each_acknowledges();
  to.page_at_handoff = from.page_at_handoff();
  to.important = from.important();
  return decode.status();
}

void ToProto(const EscalationPolicy& from, v1::EscalationPolicy& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_team(Utf8(from.team.value()));
  ToProtoList(from.steps, *to.mutable_steps());
  to.set_repeats(from.repeats);
  PutDuration(from.repeat_interval, to, &v1::EscalationPolicy::mutable_repeat_interval);
  PutDuration(from.acknowledge_timeout, to, &v1::EscalationPolicy::mutable_acknowledge_timeout);
  to.set_repeats_spare_told(!from.repeats_page_again);
  to.set_resolve_when_exhausted(from.resolve_when_exhausted);
  to.set_catch_up(ToProto(from.catch_up));
  to.set_low_urgency(ToProto(from.low_urgency));
  to.set_low_urgency_escalates(from.low_urgency_escalates);
}

absl::Status FromProto(const v1::EscalationPolicy& from, EscalationPolicy& to) {
  Decode decode;
  to.id = PolicyId(from.id());
  to.name = from.name();
  to.team = TeamId(from.team());
  decode.List("steps", from.steps(), to.steps);
  to.repeats = from.repeats();
  decode.Take("repeat_interval", from.repeat_interval(), to.repeat_interval);
  decode.Take("acknowledge_timeout", from.acknowledge_timeout(), to.acknowledge_timeout);
  to.repeats_page_again = !from.repeats_spare_told();
  to.resolve_when_exhausted = from.resolve_when_exhausted();
  decode.Take("catch_up", from.catch_up(), to.catch_up);
  decode.Take("low_urgency", from.low_urgency(), to.low_urgency);
  to.low_urgency_escalates = from.low_urgency_escalates();
  return decode.status();
}

void ToProto(const SupportHours& from, v1::SupportHours& to) {
  ToProto(from.time_intervals, *to.mutable_time_intervals());
  if (from.during) to.set_during(ToProto(*from.during));
  to.set_outside(ToProto(from.outside));
}

absl::Status FromProto(const v1::SupportHours& from, SupportHours& to) {
  Decode decode;
  FromProto(from.time_intervals(), to.time_intervals);
  to.during.reset();
  if (from.during() != v1::URGENCY_UNSPECIFIED) decode.Take("during", from.during(), to.during.emplace());
  to.outside = Urgency::kLow;
  if (from.outside() != v1::URGENCY_UNSPECIFIED) decode.Take("outside", from.outside(), to.outside);
  return decode.status();
}

}  // namespace tocsin
