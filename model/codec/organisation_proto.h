// Between the model's organisation and proto/tocsin/v1/{organisation,schedule}.proto. Rules: model/codec/common_proto.h.
//
// FromProto checks the form only. Whether references lead anywhere is for config/check.h.
// ToProto copies secrets: redact an organisation (config/dump.h) before it is shown.
#pragma once

#include "absl/status/status.h"

#include "model/codec/common_proto.h"
#include "model/organisation.h"
#include "tocsin/v1/organisation.pb.h"
#include "tocsin/v1/schedule.pb.h"

namespace tocsin {

v1::ContactMethod::Kind ToProto(ContactMethod::Kind from);
v1::Route::Acknowledgement::Then ToProto(AcknowledgementRule::Then from);
v1::Route::Acknowledgement::AskAgain ToProto(AcknowledgementRule::AskAgain from);
v1::IncidentCondition::Kind ToProto(IncidentCondition::Kind from);
v1::Role ToProto(Role from);
v1::Rotation::Type ToProto(Rotation::Type from);
v1::Rotation::Count ToProto(Rotation::Count from);
v1::Rotation::MonthOverflow ToProto(Rotation::MonthOverflow from);
v1::Restriction::Type ToProto(Restriction::Type from);
v1::Override::Type ToProto(Override::Type from);
absl::Status FromProto(v1::ContactMethod::Kind from, ContactMethod::Kind& to);
absl::Status FromProto(v1::Route::Acknowledgement::Then from, AcknowledgementRule::Then& to);
absl::Status FromProto(v1::Route::Acknowledgement::AskAgain from, AcknowledgementRule::AskAgain& to);
absl::Status FromProto(v1::IncidentCondition::Kind from, IncidentCondition::Kind& to);
absl::Status FromProto(v1::Role from, Role& to);
absl::Status FromProto(v1::Rotation::Type from, Rotation::Type& to);
absl::Status FromProto(v1::Rotation::Count from, Rotation::Count& to);
absl::Status FromProto(v1::Rotation::MonthOverflow from, Rotation::MonthOverflow& to);
absl::Status FromProto(v1::Restriction::Type from, Restriction::Type& to);
absl::Status FromProto(v1::Override::Type from, Override::Type& to);
v1::PolicyStep::DelayFrom ToProto(PolicyStep::DelayFrom from);
v1::PolicyStep::Unless ToProto(PolicyStep::Unless from);
v1::PolicyStep::Outside ToProto(PolicyStep::Outside from);
v1::PolicyStep::Strategy ToProto(PolicyStep::Strategy from);
v1::PolicyStep::OnEmpty ToProto(PolicyStep::OnEmpty from);
v1::EscalationPolicy::CatchUp ToProto(EscalationPolicy::CatchUp from);
v1::EscalationPolicy::LowUrgency ToProto(EscalationPolicy::LowUrgency from);
absl::Status FromProto(v1::PolicyStep::DelayFrom from, PolicyStep::DelayFrom& to);
absl::Status FromProto(v1::PolicyStep::Unless from, PolicyStep::Unless& to);
absl::Status FromProto(v1::PolicyStep::Outside from, PolicyStep::Outside& to);
absl::Status FromProto(v1::PolicyStep::Strategy from, PolicyStep::Strategy& to);
absl::Status FromProto(v1::PolicyStep::OnEmpty from, PolicyStep::OnEmpty& to);
absl::Status FromProto(v1::EscalationPolicy::CatchUp from, EscalationPolicy::CatchUp& to);
absl::Status FromProto(v1::EscalationPolicy::LowUrgency from, EscalationPolicy::LowUrgency& to);
v1::HolidayRule::On ToProto(HolidayRule::On from);
v1::Schedule::Gaps ToProto(Schedule::Gaps from);
absl::Status FromProto(v1::Schedule::Gaps from, Schedule::Gaps& to);
v1::HandoffNotices::When ToProto(HandoffNotices::When from);
absl::Status FromProto(v1::HandoffNotices::When from, HandoffNotices::When& to);
void ToProto(const HandoffNotices& from, v1::HandoffNotices& to);
absl::Status FromProto(const v1::HandoffNotices& from, HandoffNotices& to);
absl::Status FromProto(v1::HolidayRule::On from, HolidayRule::On& to);

void ToProto(const Rotation& from, v1::Rotation& to);
void ToProto(const Participant& from, v1::Participant& to);
void ToProto(const Restriction& from, v1::Restriction& to);
void ToProto(const Layer& from, v1::Layer& to);
void ToProto(const Override& from, v1::Override& to);
void ToProto(const FixedShift& from, v1::FixedShift& to);
void ToProto(const TemporarySchedule& from, v1::TemporarySchedule& to);
void ToProto(const HolidayCalendar& from, v1::HolidayCalendar& to);
void ToProto(const Schedule& from, v1::Schedule& to);
absl::Status FromProto(const v1::Rotation& from, Rotation& to);
absl::Status FromProto(const v1::Participant& from, Participant& to);
absl::Status FromProto(const v1::Restriction& from, Restriction& to);
absl::Status FromProto(const v1::Layer& from, Layer& to);
absl::Status FromProto(const v1::Override& from, Override& to);
absl::Status FromProto(const v1::FixedShift& from, FixedShift& to);
absl::Status FromProto(const v1::TemporarySchedule& from, TemporarySchedule& to);
absl::Status FromProto(const v1::HolidayCalendar& from, HolidayCalendar& to);
absl::Status FromProto(const v1::Schedule& from, Schedule& to);

void ToProto(const ContactMethod& from, v1::ContactMethod& to);
void ToProto(const NotificationRule& from, v1::NotificationRule& to);
void ToProto(const User& from, v1::User& to);
void ToProto(const Team& from, v1::Team& to);
void ToProto(const PolicyStep& from, v1::PolicyStep& to);
void ToProto(const EscalationPolicy& from, v1::EscalationPolicy& to);
void ToProto(const SupportHours& from, v1::SupportHours& to);
void ToProto(const Service& from, v1::Service& to);
v1::MailRule::Action ToProto(MailRule::Action from);
absl::Status FromProto(v1::MailRule::Action from, MailRule::Action& to);
void ToProto(const FieldMapping& from, v1::FieldMapping& to);
void ToProto(const MailRule& from, v1::MailRule& to);
void ToProto(const HeartbeatRule& from, v1::HeartbeatRule& to);
absl::Status FromProto(const v1::FieldMapping& from, FieldMapping& to);
absl::Status FromProto(const v1::MailRule& from, MailRule& to);
absl::Status FromProto(const v1::HeartbeatRule& from, HeartbeatRule& to);
void ToProto(const Integration& from, v1::Integration& to);
void ToProto(const Receiver& from, v1::Receiver& to);
void ToProto(const Route& from, v1::Route& to);
void ToProto(const IncidentCondition& from, v1::IncidentCondition& to);
void ToProto(const IncidentRule& from, v1::IncidentRule& to);
void ToProto(const InhibitionRule& from, v1::InhibitionRule& to);
void ToProto(const TimeRange& from, v1::TimeRange& to);
void ToProto(const NumberRange& from, v1::NumberRange& to);
void ToProto(const RecurringTime& from, v1::RecurringTime& to);
void ToProto(const TimeInterval& from, v1::TimeInterval& to);
void ToProto(const MaintenanceWindow& from, v1::MaintenanceWindow& to);
void ToProto(const Smtp& from, v1::Smtp& to);
void ToProto(const Twilio& from, v1::Twilio& to);
void ToProto(const DeadMan& from, v1::DeadMan& to);
void ToProto(const SelfTests& from, v1::SelfTests& to);
void ToProto(const Slack& from, v1::Slack& to);
void ToProto(const MessageLimits& from, v1::MessageLimits& to);
void ToProto(const Organisation& from, v1::Organisation& to);
absl::Status FromProto(const v1::ContactMethod& from, ContactMethod& to);
absl::Status FromProto(const v1::NotificationRule& from, NotificationRule& to);
absl::Status FromProto(const v1::User& from, User& to);
absl::Status FromProto(const v1::Team& from, Team& to);
absl::Status FromProto(const v1::PolicyStep& from, PolicyStep& to);
absl::Status FromProto(const v1::EscalationPolicy& from, EscalationPolicy& to);
absl::Status FromProto(const v1::SupportHours& from, SupportHours& to);
absl::Status FromProto(const v1::Service& from, Service& to);
absl::Status FromProto(const v1::Integration& from, Integration& to);
absl::Status FromProto(const v1::Receiver& from, Receiver& to);
absl::Status FromProto(const v1::Route& from, Route& to);
absl::Status FromProto(const v1::IncidentCondition& from, IncidentCondition& to);
absl::Status FromProto(const v1::IncidentRule& from, IncidentRule& to);
absl::Status FromProto(const v1::InhibitionRule& from, InhibitionRule& to);
absl::Status FromProto(const v1::TimeRange& from, TimeRange& to);
absl::Status FromProto(const v1::NumberRange& from, NumberRange& to);
absl::Status FromProto(const v1::RecurringTime& from, RecurringTime& to);
absl::Status FromProto(const v1::TimeInterval& from, TimeInterval& to);
absl::Status FromProto(const v1::MaintenanceWindow& from, MaintenanceWindow& to);
absl::Status FromProto(const v1::Smtp& from, Smtp& to);
absl::Status FromProto(const v1::Twilio& from, Twilio& to);
absl::Status FromProto(const v1::DeadMan& from, DeadMan& to);
absl::Status FromProto(const v1::SelfTests& from, SelfTests& to);
absl::Status FromProto(const v1::Slack& from, Slack& to);
absl::Status FromProto(const v1::MessageLimits& from, MessageLimits& to);
absl::Status FromProto(const v1::Organisation& from, Organisation& to);

}  // namespace tocsin
